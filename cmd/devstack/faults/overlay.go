package faults

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// edit is a change to one source file of the program, made on the way to the
// compiler and nowhere else. Production code has no hooks: a run's own code
// inside the program is written here.
type edit struct {
	file string // below the module's root, with slashes
	old  string // occurs exactly once in the file
	new  string
}

// pointFile is compiled into package pipeline beside its own files.
const pointFile = "pipeline/faultpoint.go"

//go:embed faultpoint.go.txt
var pointText string

// sources is the module that the program is built from.
type sources string

// findSources finds the module of the working directory.
func findSources(ctx context.Context) (sources, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the sources to build workers from: %w (run it inside the project, with go on the PATH)", err)
	}
	path, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if path != "tocsin" {
		return "", fmt.Errorf("the working directory belongs to module %s: run it inside the project", path)
	}
	return sources(dir), nil
}

// build compiles the program as it is.
func (s sources) build(ctx context.Context, out string) error { return s.compile(ctx, out) }

// buildEdited compiles the program with edits and the fault points' file. What
// it needs on the way lies in dir.
func (s sources) buildEdited(ctx context.Context, out, dir string, edits []edit) error {
	texts, err := s.apply(edits)
	if err != nil {
		return err
	}
	texts[pointFile] = pointText
	overlay := struct{ Replace map[string]string }{make(map[string]string)}
	for file, text := range texts {
		path := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write an edited source: %w", err)
		}
		overlay.Replace[filepath.Join(string(s), filepath.FromSlash(file))] = path
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		return fmt.Errorf("write the overlay: %w", err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write the overlay: %w", err)
	}
	return s.compile(ctx, out, "-overlay", path)
}

// apply returns the edited files' texts. An edit that does not apply is an
// error that names it: the code has moved on, and the edit must follow.
func (s sources) apply(edits []edit) (map[string]string, error) {
	texts := make(map[string]string)
	for _, e := range edits {
		text, ok := texts[e.file]
		if !ok {
			b, err := os.ReadFile(filepath.Join(string(s), filepath.FromSlash(e.file)))
			if err != nil {
				return nil, fmt.Errorf("an edit is of a file that is not there: %w; correct it in %s", err, editFiles)
			}
			text = string(b)
		}
		if n := strings.Count(text, e.old); n != 1 {
			return nil, fmt.Errorf("an edit of %s no longer applies: its text occurs %d times, want once; correct it in %s:\n%s", e.file, n, editFiles, e.old)
		}
		texts[e.file] = strings.Replace(text, e.old, e.new, 1)
	}
	return texts, nil
}

// editFiles names the files of the edits.
const editFiles = "cmd/devstack/faults/points.go, removals.go or scenario.go"

func (s sources) compile(ctx context.Context, out string, flags ...string) error {
	args := append([]string{"build", "-trimpath", "-o", out}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/tocsin")...)
	cmd.Dir = string(s)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build a worker: %w\n%s", err, said)
	}
	return nil
}
