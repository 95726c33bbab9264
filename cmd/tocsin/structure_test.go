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

// ban is that no package below from may depend on a package below to.
type ban struct{ from, to, reason string }

// cmd is where the packages of the program are.
const cmd = "tocsin/cmd/tocsin/"

var bans = []ban{
	{"tocsin/rules", "tocsin/pipeline", "rules are values in, verdicts out: the loop uses them, not the other way round"},
	{"tocsin/rules", "tocsin/sinks", "rules know no store"},
	{"tocsin/rules", "tocsin/cmd", "rules know no program"},
	{"tocsin/rules", "net", "rules reach no network: a verdict depends on the event alone"},
	{"tocsin/rules", "log", "rules do not log: the verdict holds all they have to report"},
	{"tocsin/rules", "log/slog", "rules do not log: the verdict holds all they have to report"},
	{"tocsin/rules", "github.com/ClickHouse", "rules reach no driver"},
	{"tocsin/rules", "github.com/twmb/franz-go", "rules reach no driver"},
	{"tocsin/rules", "github.com/nats-io", "rules reach no driver"},
	{"tocsin/rules/calendar", "tocsin/rules", "a deadline is arithmetic on dates and needs the standard library only"},
	{"tocsin/pipeline", "tocsin/sinks", "the loop declares what it needs of a sink and knows none"},
	{"tocsin/pipeline", "tocsin/cmd", "the loop knows no program"},
	{"tocsin/pipeline", "github.com/ClickHouse", "the loop knows no store"},
	{"tocsin/pipeline", "github.com/nats-io", "the loop knows no publisher"},
	{"tocsin/pipeline", "go.opentelemetry.io/otel/sdk", "the loop makes spans and knows no collector"},
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
	{cmd + "cli", "tocsin/cmd/tocsin", "what all commands share knows none of them, and no configuration"},
	{cmd + "cli", "tocsin/pipeline", "a command that reaches no server needs flags and exit codes too"},
	{cmd + "cli", "tocsin/sinks", "a command that reaches no server needs flags and exit codes too"},
	{cmd + "credentials", "tocsin", "what proves who a client is belongs to no server and no file of ours"},
	{cmd + "config", cmd + "audit", "a configuration knows no command that reads it"},
	{cmd + "config", cmd + "deadletters", "a configuration knows no command that reads it"},
	{cmd + "config", cmd + "load", "a configuration knows no command that reads it"},
	{cmd + "config", cmd + "packs", "a configuration knows no command that reads it"},
	{cmd + "config", cmd + "preflight", "a configuration is valid by itself: what servers make of it is the check's"},
	{cmd + "config", cmd + "worker", "a configuration knows no command that reads it"},
	{cmd + "audit", cmd + "deadletters", "an audit is read alone: it changes no row and sends no record"},
	{cmd + "audit", cmd + "load", "an audit reads what is stored and no file of a source"},
	{cmd + "audit", cmd + "packs", "an audit judges by the rules that are kept, whatever the pack's files are now"},
	{cmd + "audit", cmd + "preflight", "an audit reports on the past, whatever the servers' settings are now"},
	{cmd + "audit", cmd + "worker", "an audit shares no code with the worker that it audits"},
	{cmd + "audit/trail", "tocsin/cmd/tocsin/config", "what rows show of themselves depends on no configuration"},
	{cmd + "preflight", cmd + "audit", "a check reads settings, and no row"},
	{cmd + "preflight", cmd + "deadletters", "a check reads settings, and no row"},
	{cmd + "preflight", cmd + "load", "a check changes nothing and sends nothing"},
	{cmd + "preflight", cmd + "packs", "a check opens the configured rules as a worker does"},
	{cmd + "preflight", cmd + "worker", "a worker asks for the check, and a check starts no worker"},
	{cmd + "deadletters", cmd + "audit", "each command of an operator stands by itself"},
	{cmd + "deadletters", cmd + "load", "a replay sends stored bytes, and reads no file of a source"},
	{cmd + "deadletters", cmd + "packs", "a replay is judged by a worker, and by no command"},
	{cmd + "deadletters", cmd + "preflight", "each command of an operator stands by itself"},
	{cmd + "deadletters", cmd + "worker", "each command of an operator stands by itself"},
	{cmd + "load", cmd + "audit", "each command of an operator stands by itself"},
	{cmd + "load", cmd + "deadletters", "each command of an operator stands by itself"},
	{cmd + "load", cmd + "packs", "events of a file are judged by the rules; loading them asks no rule"},
	{cmd + "load", cmd + "preflight", "each command of an operator stands by itself"},
	{cmd + "load", cmd + "worker", "each command of an operator stands by itself"},
	{cmd + "load/adsgl", cmd + "cli", "a format is bytes in, events out: it prints nothing"},
	{cmd + "load/adsgl", cmd + "config", "a format is bytes in, events out: it reaches no server"},
	{cmd + "repair", cmd + "deadletters", "each command of an operator stands by itself"},
	{cmd + "repair", cmd + "load", "a repair reads Kafka, and no file of a source"},
	{cmd + "repair", cmd + "packs", "a repair judges by the rules that are kept, whatever the pack's files are now"},
	{cmd + "repair", cmd + "preflight", "each command of an operator stands by itself"},
	{cmd + "repair", cmd + "worker", "each command of an operator stands by itself"},
	{cmd + "audit", cmd + "repair", "an audit changes nothing"},
	{cmd + "config", cmd + "repair", "a configuration knows no command that reads it"},
	{cmd + "preflight", cmd + "repair", "a check changes nothing"},
	{cmd + "worker", cmd + "repair", "a repair is decided by people"},
	{cmd + "packs", cmd + "audit", "rules are tested without any server"},
	{cmd + "packs", cmd + "deadletters", "rules are tested without any server"},
	{cmd + "packs", cmd + "preflight", "rules are tested without any server"},
	{cmd + "packs", cmd + "worker", "rules are tested without any server"},
	{cmd + "worker", cmd + "deadletters", "what becomes of a dead letter is decided by people"},
	{cmd + "worker", cmd + "load", "a worker reads Kafka, and no file of a source"},
	{cmd + "worker", cmd + "packs", "a worker judges; the author's tools stay with the author"},
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

// TestProgramIsInRooms: package main is a list of commands, and each command is
// small enough to be read at once. A format of a source may be larger.
func TestProgramIsInRooms(t *testing.T) {
	files, lines := map[string]int{}, map[string]int{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		files[filepath.Dir(path)]++
		lines[filepath.Dir(path)] += bytes.Count(text, []byte("\n"))
		return err
	})
	if err != nil || len(files) < 9 {
		t.Fatalf("walk the program: %d packages, %v", len(files), err)
	}
	if files["."] > 8 || lines["."] > 700 {
		t.Errorf("package main has %d files and %d lines: want 8 and 700 at most; give the command a package", files["."], lines["."])
	}
	for dir, n := range lines {
		if n > 1600 && dir != filepath.Join("load", "adsgl") {
			t.Errorf("package %s has %d lines, want 1600 at most: which two nouns live in it?", dir, n)
		}
	}
}

// A package is found by its name, so its folder has the same.
func TestFoldersAndPackagesHaveOneName(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.Name}} {{.ImportPath}}", "./...")
	list.Dir = root(t)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if folder := path[strings.LastIndexByte(path, '/')+1:]; name != "main" && name != folder {
			t.Errorf("package %s lies in %s", name, path)
		}
	}
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	known := "cmd pipeline rules sinks deploy benchmarks go.mod go.sum Makefile README.md CHANGELOG.md LICENSE SECURITY.md CONTRIBUTING.md bin"
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

// TestDependenciesAreExplained: a module has a comment with its purpose and its
// keeper.
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
