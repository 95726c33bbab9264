package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `package p

import "errors"

const most, greeting = 3, "a" + "b"

type t struct{ table [8]int }

func (x *t) f(a, b int, ok bool) (int, error) {
	if a <= b && !ok {
		return 0, errors.New("f")
	}
	for range most {
		a += 2
		continue
	}
	switch {
	case a == b:
		g()
	}
	if err := g(); err != nil {
		return a, nil
	}
	if err := g(); err != nil {
		g()
	}
	return a * b, nil
}

func g() error {
	defer func() {}()
	return nil
}
`

func TestFind(t *testing.T) {
	all, err := find("p/p.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range all {
		got = append(got, m.function+": "+m.change)
	}
	want := []string{
		": 4 written for 3 in most, greeting = 3, \"a\" + \"b\"",
		"t.f: never: if a <= b && !ok",
		"t.f: a <= b || !ok written for a <= b && !ok",
		"t.f: clause deleted: a <= b &&",
		"t.f: clause deleted: && !ok",
		"t.f: a < b written for a <= b",
		"t.f: a > b written for a <= b",
		"t.f: ok written for !ok",
		`t.f: nil written for the error in return 0, errors.New("f")`,
		`t.f: 1 written for 0 in return 0, errors.New("f")`,
		"t.f: a -= 2 written for a += 2",
		"t.f: deleted: a += 2",
		"t.f: 3 written for 2 in a += 2",
		"t.f: deleted: continue",
		"t.f: deleted: case a == b:",
		"t.f: a != b written for a == b",
		"t.f: deleted: g()",
		"t.f: never: if err != nil",
		"t.f: never: if err != nil (2)",
		"t.f: deleted: g() (2)",
		"t.f: a / b written for a * b",
		"g: deleted: defer func() {}()",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	texts := map[string]string{
		"never: if a <= b && !ok":                 "if false && (a <= b && !ok) {",
		"clause deleted: a <= b &&":               "if !ok {",
		"clause deleted: && !ok":                  "if a <= b {",
		"a -= 2 written for a += 2":               "a -= 2",
		"ok written for !ok":                      "if a <= b && ok {",
		"a / b written for a * b":                 "return a / b, nil",
		"a > b written for a <= b":                "if a > b && !ok {",
		"a <= b || !ok written for a <= b && !ok": "if a <= b || !ok {",
	}
	for _, m := range all {
		want, ok := texts[m.change]
		line := strings.Split(string(m.apply([]byte(sample))), "\n")[m.at.Line-1]
		if ok && strings.TrimSpace(line) != want {
			t.Errorf("%s: the line is %q, want %q", m.change, strings.TrimSpace(line), want)
		}
		delete(texts, m.change)
	}
	if len(texts) > 0 {
		t.Errorf("not found: %v", texts)
	}
}

// The names of explained survivors have no line numbers, so they stay right while
// other code moves. Each still has to name a mutation that there is.
func TestEveryExplainedSurvivorIsThere(t *testing.T) {
	module, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("survivors.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Error("no survivor is explained")
	}
	there := map[string]bool{}
	for _, dir := range packages {
		s, err := open(t.Context(), module, dir, "synctests", t.TempDir(), 0)
		if err != nil {
			t.Fatal(err)
		}
		some, err := s.mutations()
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			t.Errorf("%s has no mutations", dir)
		}
		for _, m := range some {
			there[m.name()] = true
		}
	}
	for name := range all {
		if !there[name] {
			t.Errorf("survivors.md explains what is no mutation any more, take it away: %s", name)
		}
	}
}

func TestReadExplained(t *testing.T) {
	const good = "# Title\n\n## p/p.go\n- `t.f`: `a < b written for a <= b`: it is equivalent\n- ``: `4 written for 3 in x = 3`: a default\n"
	all, err := read([]byte(good))
	want := explained{"p/p.go t.f a < b written for a <= b": "it is equivalent", "p/p.go  4 written for 3 in x = 3": "a default"}
	if diff := cmp.Diff(want, all); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for text, want := range map[string]string{
		"- `f`: `x`: y\n":                                "line 1",
		"## p\n- `f`: `x`:  \n":                          "line 2",
		"## p\n- `f` `x`: y\n":                           "line 2",
		"## p\n- `f`: `x`: one\n\n- `f`: `x`: another\n": "line 4",
	} {
		if _, err := read([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want an error of %s", text, err, want)
		}
	}
}
