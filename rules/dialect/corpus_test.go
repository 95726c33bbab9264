package dialect_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/expr-lang/expr"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// corpusSchema has the names of the environment of expr's own corpora, as far as
// an event can hold their values.
var corpusSchema = event.NewSchema("corpus", []event.Field{
	{Name: "ok", Kind: event.Bool}, {Name: "str", Kind: event.Text},
	{Name: "i", Kind: event.Int}, {Name: "i64", Kind: event.Int}, {Name: "i32", Kind: event.Int},
	{Name: "f64", Kind: event.Rate}, {Name: "f32", Kind: event.Rate},
	{Name: "foo.Bar", Kind: event.Text},
	{Name: "list", Kind: event.Records, Fields: []event.Field{{Name: "Bar", Kind: event.Text}}},
})

type bar struct{ Bar string }

// TestCorpora runs expr's own corpora: none of their expressions makes the
// compiler panic or hang, and one that both accept has the value that expr's
// machine gives it.
func TestCorpora(t *testing.T) {
	env := &dialect.Env{Event: corpusSchema, GroupCurrency: "USD"}
	r := event.NewRecord(corpusSchema)
	setFields(t, &r, "ok=true", "str=str", "i=1", "i64=1", "i32=1", "f64=0.5", "f32=0.5", "foo.Bar=foo", "list=sent")
	list := corpusSchema.Lookup("list")
	for _, word := range []string{"bar", "baz"} {
		r.AddRecord(list).SetText(list.Schema().Lookup("Bar"), word)
	}
	s := &dialect.Scope{Event: &r}
	theirs := map[string]any{"ok": true, "str": "str", "i": 1, "i64": int64(1), "i32": int32(1), "f64": .5, "f32": float32(.5), "foo": bar{"foo"}, "list": []bar{{"bar"}, {"baz"}}}

	accepted, refused := 0, map[string]int{}
	for _, text := range corpora(t) {
		began := time.Now()
		p, mistakes := dialect.Compile(dialect.Source{Text: text, Line: 1, Column: 1}, env, dialect.Any)
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%.200q took %s", text, took)
		}
		if len(mistakes) > 0 {
			refused[mistakes[0].Code]++
			continue
		}
		v := p.Eval(s)
		p.Explain(s)
		p.Reason(s)
		accepted++
		program, err := expr.Compile(text, expr.Env(theirs))
		if err != nil {
			t.Errorf("%q is accepted, and expr refuses it: %v", text, err)
			continue
		}
		want, err := expr.Run(program, theirs)
		if err != nil {
			t.Errorf("%q is %s, and expr fails: %v", text, &v, err)
			continue
		}
		if got := v.String(); got != fmt.Sprint(want) && !documented(&v, want) {
			t.Errorf("%q is %s, and expr gives %v", text, got, want)
		}
	}
	t.Logf("%d accepted; refused by code: %v", accepted, refused)
	if accepted < 1000 {
		t.Errorf("only %d expressions are accepted: the corpora or the names changed", accepted)
	}
}

// documented reports whether a difference is one that the language documents: a
// decimal has no negative zero.
func documented(v *dialect.Value, want any) bool {
	return v.Type.Kind == dialect.Rate && v.String() == "0" && fmt.Sprint(want) == "-0"
}

// corpora are the expressions of expr's module: generated ones, those its fuzzing
// found, those of users, examples, and one that made it crash.
func corpora(t *testing.T) (all []string) {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/expr-lang/expr").Output()
	if err != nil {
		t.Fatalf("find expr's module: %v", err)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	all = append(strings.Split(read("testdata/generated.txt"), "\n"), strings.Split(read("test/fuzz/fuzz_corpus.txt"), "\n")...)
	var users []string
	if err := json.Unmarshal([]byte(read("testdata/crowdsec.json")), &users); err != nil {
		t.Fatal(err)
	}
	all = append(append(all, users...), read("testdata/crash.txt"))
	for i, block := range strings.Split(read("testdata/examples.md"), "```") {
		if i%2 == 1 {
			all = append(all, block)
		}
	}
	return all
}
