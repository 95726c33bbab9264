package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The architecture is a picture in the README and a rule here: imports run one
// way, rules <- pipeline <- sinks <- cmd.

// ban says that no package below from may depend on a package below to.
type ban struct{ from, to, reason string }

var bans = []ban{
	{"tocsin/rules", "tocsin/pipeline", "rules are values in, verdicts out: the loop uses them, not the other way round"},
	{"tocsin/rules", "tocsin/sinks", "rules know no store"},
	{"tocsin/rules", "tocsin/cmd", "rules know no program"},
	{"tocsin/rules", "net", "rules reach no network: a verdict depends on the event alone"},
	{"tocsin/rules", "log", "rules do not log: what they have to say is in the verdict"},
	{"tocsin/rules", "log/slog", "rules do not log: what they have to say is in the verdict"},
	{"tocsin/rules", "github.com/ClickHouse", "rules reach no driver"},
	{"tocsin/rules", "github.com/twmb/franz-go", "rules reach no driver"},
	{"tocsin/rules", "github.com/nats-io", "rules reach no driver"},
	{"tocsin/rules/calendar", "tocsin/rules", "a deadline is arithmetic on dates and needs the standard library only"},
	{"tocsin/pipeline", "tocsin/sinks", "the loop declares what it needs of a sink and knows none"},
	{"tocsin/pipeline", "tocsin/cmd", "the loop knows no program"},
	{"tocsin/pipeline", "github.com/ClickHouse", "the loop knows no store"},
	{"tocsin/pipeline", "github.com/nats-io", "the loop knows no publisher"},
	{"tocsin/pipeline", "go.opentelemetry.io/otel/sdk", "the loop makes spans and knows nobody who takes them"},
	{"tocsin/pipeline/model", "tocsin", "the model shares no code with what it models"},
	{"tocsin/sinks/clickhouse", "github.com/nats-io", "a sink knows its own server"},
	{"tocsin/sinks/nats", "github.com/ClickHouse", "a sink knows its own server"},
	{"tocsin/sinks", "tocsin/cmd", "sinks know no program"},
	{"tocsin/cmd/tocsin", "github.com/twmb/franz-go/pkg/kfake", "the production binary carries no fake broker"},
	{"tocsin/cmd/tocsin", "github.com/nats-io/nats-server", "the production binary carries no alert server"},
	{"tocsin/cmd/tocsin", "github.com/ebitengine/purego", "the production binary loads no foreign library"},
	{"tocsin/cmd/tocsin", "tocsin/cmd/devstack", "development servers stay out of production"},
	{"tocsin/cmd/devstack/faults", "tocsin/pipeline", "the checker shares no code with what it checks"},
	{"tocsin/cmd/devstack/faults", "tocsin/rules", "the checker shares no code with what it checks"},
	{"tocsin/cmd/devstack/faults", "tocsin/sinks", "the checker shares no code with what it checks"},
	{"tocsin/cmd/tocsin", "testing", "test code stays out of production"},
	{"tocsin/cmd/tocsin", "net/http/pprof", "a blank import of pprof would serve it on every mux"},
}

func TestImportsRunOneWay(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "tocsin/...")
	cmd.Dir = root(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	used := make(map[int]bool)
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		for i, b := range bans {
			if !below(words[0], b.from) || (b.from == "tocsin/rules" && b.to == "tocsin/rules") {
				continue
			}
			used[i] = true
			for _, dep := range words[1:] {
				if below(dep, b.to) && !below(dep, b.from) {
					t.Errorf("%s depends on %s: %s", words[0], dep, b.reason)
				}
			}
		}
	}
	for i, b := range bans {
		if !used[i] {
			t.Errorf("the ban on %s -> %s speaks of a package that does not exist", b.from, b.to)
		}
	}
}

// below reports whether an import path is in, or under, another. "log" and
// "net" name the package alone: net/netip, for one, reaches nothing.
func below(path, parent string) bool {
	if parent == "net" || parent == "log" || parent == "testing" {
		return path == parent
	}
	return path == parent || strings.HasPrefix(path, parent+"/")
}

func TestNoFileOver500Lines(t *testing.T) {
	top := root(t)
	files := 0
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != top:
			return filepath.SkipDir
		case filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if n := bytes.Count(text, []byte("\n")); n > 500 {
			t.Errorf("%s has %d lines: which two nouns live in it?", strings.TrimPrefix(path, top+"/"), n)
		}
		return nil
	})
	if err != nil || files == 0 {
		t.Fatalf("walk the tree: %d files, %v", files, err)
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	known := "cmd pipeline rules sinks deploy benchmarks go.mod go.sum Makefile README.md CHANGELOG.md LICENSE bin"
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !strings.Contains(" "+known+" ", " "+e.Name()+" ") {
			t.Errorf("%s stands at the top level, which is fixed: %s", e.Name(), known)
		}
	}
}

// root is the module's directory.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestDependenciesAreExplained: whoever adds a module says what it is here for,
// and who keeps it alive.
func TestDependenciesAreExplained(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		module, why, _ := strings.Cut(strings.TrimSpace(line), " // ")
		if !strings.HasPrefix(line, "\t") || why == "indirect" {
			continue
		}
		if what, who, ok := strings.Cut(why, "; "); !ok || what == "" || who == "" {
			t.Errorf("go.mod: %s: want a comment of the form: what for; who keeps it", module)
		}
	}
}
