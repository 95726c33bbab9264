package strictyaml

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tocsin/rules/diag/diagtest"
)

var update = flag.Bool("update", false, "write the golden files anew")

type server struct {
	Address string        `yaml:"address,required"`
	Timeout time.Duration `yaml:"timeout"`
	Buffer  Size          `yaml:"buffer"`
	TLS     *tls          `yaml:"tls"`
}

type tls struct {
	CA string `yaml:"ca,required"`
}

type document struct {
	ID      string            `yaml:"id,required"`
	Number  int               `yaml:"number"`
	Enabled bool              `yaml:"enabled"`
	Names   []string          `yaml:"names"`
	When    Text              `yaml:"when"`
	Let     Map[Text]         `yaml:"let"`
	Labels  map[string]string `yaml:"labels"`
	Servers []server          `yaml:"servers"`
	At      time.Time         `yaml:"at"`
	Data    Tree              `yaml:"data"`
}

func decode(t *testing.T, text string) (document, string) {
	t.Helper()
	var doc document
	mistakes := Decode(&Source{Name: "f.yaml", Text: text}, &doc, Options{})
	diagtest.Complete(t, mistakes)
	var out strings.Builder
	if err := mistakes.Write(&out); err != nil {
		t.Fatal(err)
	}
	return doc, out.String()
}

// TestMistakes decodes the files of testdata and compares what is printed.
func TestMistakes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			_, got := decode(t, string(a.Files[0].Data))
			if *update {
				a.Files = append(a.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(a.Files[1].Data), got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestValues(t *testing.T) {
	doc, mistakes := decode(t, `id: 1.10
number: 1_000
enabled: true
names: [true, "007", 2026-01-01]
labels: { a: 1 }
let:
  z: 1
  a: 2
servers:
  - { address: here, timeout: 1m30s, buffer: 4MiB, tls: { ca: x } }
at: 2026-11-23T18:30:00-05:00
data: { n: 1, list: [~, "2"] }
`)
	if mistakes != "" {
		t.Fatal(mistakes)
	}
	want := document{
		ID: "1.10", Number: 1000, Enabled: true, Names: []string{"true", "007", "2026-01-01"},
		Labels:  map[string]string{"a": "1"},
		Let:     Map[Text]{{Text{"z", 7, 3, 2}, Text{"1", 7, 6, 5}}, {Text{"a", 8, 3, 2}, Text{"2", 8, 6, 5}}},
		Servers: []server{{Address: "here", Timeout: 90 * time.Second, Buffer: 4 << 20, TLS: &tls{"x"}}},
		At:      time.Date(2026, 11, 23, 23, 30, 0, 0, time.UTC),
		Data: Tree{Text: Text{Line: 12, Column: 7}, Members: Map[Tree]{
			{Text{"n", 12, 9, 8}, Tree{Text: Text{"1", 12, 12, 11}, Scalar: true}},
			{Text{"list", 12, 15, 14}, Tree{Text: Text{Line: 12, Column: 21}, List: []Tree{
				{Text: Text{"~", 12, 22, 21}, Null: true},
				{Text: Text{"2", 12, 26, 24}, Scalar: true, Quoted: true},
			}}},
		}},
	}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestPlaces checks that a Text knows where its first rune stands, whatever
// its style.
func TestPlaces(t *testing.T) {
	f := func(text string, want Text) {
		t.Helper()
		doc, mistakes := decode(t, "id: x\n"+text)
		if mistakes != "" {
			t.Error(mistakes)
		}
		if diff := cmp.Diff(want, doc.When); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	f("when: a > b", Text{"a > b", 2, 7, 6})
	f("when:   a > b  # why", Text{"a > b", 2, 9, 8})
	f(`when: "a > b"`, Text{"a > b", 2, 8, 6})
	f(`when: 'it''s'`, Text{"it's", 2, 8, 6})
	f("when: |\n  a and\n    b\n", Text{"a and\n  b", 3, 3, 2})
	f("when: |-\n\n    a\n", Text{"a", 4, 5, 4})
	f("when:\n  a > b", Text{"a > b", 3, 3, 2})
	f("when: >\n  a and\n  b\n", Text{"a and b", 3, 3, 2})
	f("when: a and\n  b\n", Text{"a and b", 2, 7, 6})
	f("", Text{})
}

// A byte order mark, as some editors write one, changes no value and no place.
func TestByteOrderMark(t *testing.T) {
	if doc, mistakes := decode(t, "\ufeffid: x\r\nnumber: 3\r\n"); doc.ID != "x" || doc.Number != 3 || mistakes != "" {
		t.Errorf("%+v\n%s", doc, mistakes)
	}
	if _, mistakes := decode(t, "\ufeffidd: x\n"); !strings.HasPrefix(mistakes, `f.yaml:1:1: unknown key "idd"`) {
		t.Error(mistakes)
	}
}

func TestDefaultsStay(t *testing.T) {
	doc := document{Number: 7, Names: []string{"a", "b"}, Enabled: true, Servers: []server{{Address: "x"}}}
	if l := Decode(&Source{Text: "id: x\nnames: [c]\n"}, &doc, Options{}); l != nil {
		t.Fatal(l)
	}
	want := document{ID: "x", Number: 7, Names: []string{"c"}, Enabled: true, Servers: []server{{Address: "x"}}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestExpand(t *testing.T) {
	env := func(s string) (string, error) {
		if s == "${GONE}" {
			return "", errors.New("environment variable GONE is not set")
		}
		return strings.ReplaceAll(s, "${SECRET}", "hunter2"), nil
	}
	var doc document
	l := Decode(&Source{Name: "f.yaml", Text: "id: ${SECRET}!\nnumber: ${SECRET}\nnames: [\"${GONE}\"]\n"}, &doc, Options{Expand: env})
	if doc.ID != "hunter2!" {
		t.Errorf("id is %q", doc.ID)
	}
	var out strings.Builder
	if err := l.Write(&out); err != nil {
		t.Fatal(err)
	}
	want := `f.yaml:2:9: number is not a whole number: write digits [E109]
    2 | number: ${SECRET}
      |         ^~~~~~~~~
f.yaml:3:9: item 1 of names: environment variable GONE is not set [E111]
    3 | names: ["${GONE}"]
      |         ^~~~~~~~~
      = set the variable, or write ${NAME:-default}
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestSize(t *testing.T) {
	f := func(s string, want Size, fails bool) {
		t.Helper()
		got, err := ParseSize(s)
		if got != want || (err != nil) != fails {
			t.Errorf("%q: got %d, %v", s, got, err)
		}
		if again, err := ParseSize(got.String()); !fails && (err != nil || again != got) {
			t.Errorf("%q: %q does not come back: %v", s, got, err)
		}
	}
	f("0", 0, false)
	f("4096", 4096, false)
	f("4MiB", 4<<20, false)
	f("1 GiB", 1<<30, false)
	f("100kB", 100_000, false)
	f("8589934591GiB", 8589934591<<30, false)
	f("8589934592GiB", 0, true)
	f("99999999999999999999", 0, true)
	f("MiB", 0, true)
	f("-1", 0, true)
	f("4 XiB", 0, true)
	f("1.5MiB", 0, true)
}

// FuzzDecode: whatever the text, decoding ends, and a text without mistakes
// decodes to the same again.
func FuzzDecode(f *testing.F) {
	f.Add("id: x\nwhen: |\n  a\n")
	f.Add("id: [a\n")
	f.Add("when: 'a\n b'\nid: \"\\x41\"")
	f.Fuzz(func(t *testing.T, text string) {
		var a, b document
		first := Decode(&Source{Name: "f", Text: text}, &a, Options{})
		second := Decode(&Source{Name: "f", Text: text}, &b, Options{})
		if diff := cmp.Diff(first, second); diff != "" {
			t.Error(diff)
		}
		for _, m := range first {
			if m.Message == "" || m.Line < 0 || m.Line > strings.Count(text, "\n")+1 {
				t.Errorf("a mistake without a place: %+v", m)
			}
		}
	})
}

func TestConstLists(t *testing.T) {
	var doc struct {
		Params Map[Const] `yaml:"params"`
	}
	src := &Source{Name: "f.yaml", Text: "params:\n  roles: [ceo, \"c f\"]\n  share: 5%\n"}
	if mistakes := Decode(src, &doc, Options{}); len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	if got := doc.Params[0].Value; got.Value != `["ceo","c f"]` || got.Line != 2 || got.Column != 10 {
		t.Errorf("%+v", got)
	}
	if got := doc.Params[1].Value; got.Value != "5%" {
		t.Errorf("%+v", got)
	}
	src.Text = "params:\n  roles: [[ceo]]\n"
	if mistakes := Decode(src, &doc, Options{}); len(mistakes) != 1 || mistakes[0].Code != CodeKind {
		t.Errorf("%v", mistakes)
	}
}
