package main

import (
	"bytes"
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// programsRun are the pages whose Go programs a test runs, with that test.
var programsRun = map[string]string{
	"sinks/nats/README.md": "TestReadmeSubscriber in sinks/nats/readme_test.go",
}

// TestGoOfPagesCompiles: the Go that a page shows is a whole file, so that a
// reader can copy it, and it compiles. A whole program is run by a test too.
func TestGoOfPagesCompiles(t *testing.T) {
	top := root(t)
	programs := map[string]bool{}
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".md") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		for _, m := range goBlock.FindAllSubmatchIndex(text, -1) {
			source, line := text[m[2]:m[3]], 1+bytes.Count(text[:m[2]], []byte("\n"))
			if bytes.Contains(source, []byte("package main\n")) {
				programs[filepath.ToSlash(name)] = true
			}
			compiles(t, top, name, line, source)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for page := range programs {
		if programsRun[page] == "" {
			t.Errorf("%s shows a Go program that no test runs: write one and name it here", page)
		}
	}
	for page, test := range programsRun {
		if !programs[page] {
			t.Errorf("%s shows no Go program, but programsRun names %s for it", page, test)
		}
	}
}

var commandBlock = regexp.MustCompile("(?s)```(?:sh|console)\n(.*?)```")

// TestServersRunWhereTheyAreUsed: a page that starts servers uses their addresses
// before it stops them, in the order in which a reader takes the commands.
func TestServersRunWhereTheyAreUsed(t *testing.T) {
	pages := 0
	for page, text := range tracked(t, "*.md") {
		if page == "CHANGELOG.md" || !strings.Contains(text, "\nmake up\n") {
			continue
		}
		pages++
		running, started := false, false
		for _, block := range commandBlock.FindAllStringSubmatch(text, -1) {
			for line := range strings.Lines(block[1]) {
				switch line = strings.TrimSpace(line); {
				case line == "make up":
					running, started = true, true
				case line == "make down":
					running = false
				case started && !running && strings.Contains(line, "$TOCSIN_"):
					t.Errorf("%s: %q stands behind make down", page, line)
				}
			}
		}
		if running {
			t.Errorf("%s starts servers and does not stop them", page)
		}
	}
	if pages < 3 {
		t.Errorf("%d pages start servers, want 3 at least", pages)
	}
}

// compiles builds the Go of a page that begins at a line.
func compiles(t *testing.T, top, page string, line int, source []byte) {
	t.Helper()
	formatted, err := format.Source(source)
	if err != nil || !bytes.HasPrefix(source, []byte("package ")) {
		t.Errorf("%s:%d: not a whole file of Go: %v", page, line, err)
		return
	}
	if !bytes.Equal(formatted, source) {
		t.Errorf("%s:%d: not as gofmt writes it", page, line)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "page.go")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "out"), file)
	build.Dir = top
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%s:%d: %v\n%s", page, line, err, out)
	}
}
