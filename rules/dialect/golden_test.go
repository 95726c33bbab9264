package dialect_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"tocsin/rules/diag"
	"tocsin/rules/diag/diagtest"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDiagnostics renders the mistakes of each file in testdata/*.txtar. An
// archive holds pairs: a YAML file with an expression under when:, and behind
// it a file of the same name with ".want".
func TestDiagnostics(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	count := 0
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out := &txtar.Archive{Comment: archive.Comment}
		want := map[string]string{}
		for _, f := range archive.Files {
			want[f.Name] = string(f.Data)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".want") {
				continue
			}
			count++
			var b strings.Builder
			mistakes := diagnose(t, f.Name, string(f.Data))
			diagtest.Complete(t, mistakes)
			if err := mistakes.Write(&b); err != nil {
				t.Fatal(err)
			}
			out.Files = append(out.Files, f, txtar.File{Name: f.Name + ".want", Data: []byte(b.String())})
			if diff := cmp.Diff(want[f.Name+".want"], b.String()); diff != "" && !*update {
				t.Errorf("%s: %s (-want +got)\n%s", file, f.Name, diff)
			}
		}
		if *update {
			if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if count < 25 {
		t.Errorf("%d diagnostics, want at least 25", count)
	}
}

// diagnose compiles every expression of a YAML file: params, lets and when.
func diagnose(t *testing.T, name, text string) (all diag.List) {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	env := environment(t, event.Ledger)
	root := doc.Content[0]
	for i := 0; i < len(root.Content); i += 2 {
		value := root.Content[i+1]
		switch root.Content[i].Value {
		case "params":
			for j := 0; j < len(value.Content); j += 2 {
				c, mistakes := dialect.ParseConst(source(name, text, value.Content[j+1]))
				env.Params[value.Content[j].Value] = c
				all = append(all, mistakes...)
			}
		case "dedup":
			_, mistakes := dialect.Compile(source(name, text, value), env, dialect.Text)
			all = append(all, mistakes...)
		case "when":
			_, mistakes := dialect.Compile(source(name, text, value), env, dialect.Bool)
			all = append(all, mistakes...)
		}
	}
	return all
}

// source places a scalar as the loader of packs does.
func source(name, text string, n *yaml.Node) dialect.Source {
	s := dialect.Source{File: name, FileText: text, Line: n.Line, Column: n.Column, Text: n.Value}
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		s.Column++
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		line := diag.SourceLine(text, n.Line+1)
		s.Line, s.Column = n.Line+1, len(line)-len(strings.TrimLeft(line, " "))+1
	}
	return s
}
