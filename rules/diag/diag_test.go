package diag_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tocsin/rules/diag"
)

// snippets is what each diagnostic below must be printed as, by name.
const snippets = `
-- caret --
rules/con-01.yaml:7:9: unknown field "contract.total_valu_group" [E201]
    7 |   when: contract.total_valu_group >= limit
      |         ^~~~~~~~~~~~~~~~~~~~~~~~~
      = did you mean contract.total_value_group?
-- narrow --
a.yaml:12:1: unknown key [E102]
   12 | x: 1
      | ^
-- past the end --
a.yaml:1:4: something is missing [E103]
    1 | ab
      |    ^
-- too wide --
a.yaml:1:2: too wide [E104]
    1 | abc
      |  ^~
-- runes --
a.yaml:3:5: unknown word [E105]
    3 | "é😀" x
      |     ^~
-- tab --
a.yaml:3:2: tabs are printed as one space [E106]
    3 |  x y
      |  ^
-- long number --
a.yaml:1234567:1: far down [E107]
1234567 | x
        | ^
-- file --
pack.yaml: is missing [E108]
      = create it with tocsin rules init
-- line --
pack.yaml:4: no column [E109]
`

func TestWrite(t *testing.T) {
	diagnostics := map[string]*diag.Diagnostic{
		"caret": {Code: "E201", File: "rules/con-01.yaml", Line: 7, Column: 9, Width: 25, Message: `unknown field "contract.total_valu_group"`,
			Hint: "did you mean contract.total_value_group?", Source: "  when: contract.total_valu_group >= limit"},
		"narrow":       {Code: "E102", File: "a.yaml", Line: 12, Column: 1, Message: "unknown key", Source: "x: 1"},
		"past the end": {Code: "E103", File: "a.yaml", Line: 1, Column: 4, Width: 3, Message: "something is missing", Source: "ab"},
		"too wide":     {Code: "E104", File: "a.yaml", Line: 1, Column: 2, Width: 99, Message: "too wide", Source: "abc"},
		"runes":        {Code: "E105", File: "a.yaml", Line: 3, Column: 5, Width: 2, Message: "unknown word", Source: `"é😀" x`},
		"tab":          {Code: "E106", File: "a.yaml", Line: 3, Column: 2, Width: 1, Message: "tabs are printed as one space", Source: "\tx\ty"},
		"long number":  {Code: "E107", File: "a.yaml", Line: 1234567, Column: 1, Width: 1, Message: "far down", Source: "x"},
		"file":         {Code: "E108", File: "pack.yaml", Message: "is missing", Hint: "create it with tocsin rules init"},
		"line":         {Code: "E109", File: "pack.yaml", Line: 4, Message: "no column"},
	}
	golden := txtar.Parse([]byte(snippets))
	if len(golden.Files) != len(diagnostics) {
		t.Fatalf("%d snippets for %d diagnostics", len(golden.Files), len(diagnostics))
	}
	for _, want := range golden.Files {
		var b strings.Builder
		if err := (diag.List{diagnostics[want.Name]}).Write(&b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want.Data), b.String()); diff != "" {
			t.Errorf("%s:\n%s", want.Name, diff)
		}
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteReportsFailure(t *testing.T) {
	var w io.Writer = full{}
	if err := (diag.List{{}}).Write(w); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestListIsAnError(t *testing.T) {
	if err := (diag.List{}).Err(); err != nil {
		t.Errorf("an empty list is the error %v", err)
	}
	l := diag.List{{File: "a", Line: 1, Column: 2, Code: "E1", Message: "x"}, {File: "b", Code: "E2", Message: "y"}}
	if got, want := l.Err().Error(), "a:1:2: x [E1]\nb: y [E2]"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSort(t *testing.T) {
	d := func(file string, line, column int, code, message string) *diag.Diagnostic {
		return &diag.Diagnostic{File: file, Line: line, Column: column, Code: code, Message: message}
	}
	want := diag.List{d("a", 0, 0, "E9", ""), d("a", 1, 1, "E9", ""), d("a", 1, 2, "E1", ""), d("a", 1, 2, "E2", "first"), d("a", 1, 2, "E2", "second"),
		d("a", 2, 1, "E1", ""), d("a", 10, 1, "E1", ""), d("b", 1, 1, "E1", "")}
	got := diag.List{want[7], want[6], want[3], want[5], want[2], want[1], want[4], want[0]}
	got.Sort()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSourceLine(t *testing.T) {
	f := func(text string, n int, want string) {
		t.Helper()
		if got := diag.SourceLine(text, n); got != want {
			t.Errorf("SourceLine(%q, %d) = %q, want %q", text, n, got, want)
		}
	}
	f("a\nb\r\nc", 1, "a")
	f("a\nb\r\nc", 2, "b")
	f("a\nb\r\nc", 3, "c")
	f("a\nb\r\nc", 4, "")
	f("", 1, "")
	f("a\n", 2, "")
}

func TestNearest(t *testing.T) {
	candidates := []string{"total_value_group", "total_assets", "revenue_ttm", "contract_id", "id", "Items"}
	f := func(word, want string) {
		t.Helper()
		if got := diag.Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
	f("total_valu_group", "total_value_group")
	f("totla_assets", "total_assets") // a swap is one edit
	f("REVENUE_TTM", "revenue_ttm")
	f("item", "Items")
	f("contractid", "contract_id")
	f("zebra", "")
	f("", "")
	f("x", "")
	// Of two as near, the first in the alphabet, whatever their order.
	for _, pair := range [][]string{{"abcd", "abce"}, {"abce", "abcd"}} {
		if got := diag.Nearest("abcf", pair); got != "abcd" {
			t.Errorf("Nearest(abcf, %v) = %q, want abcd", pair, got)
		}
	}
	if got := diag.Nearest("überweisung", []string{"uberweisung"}); got != "uberweisung" {
		t.Errorf("a letter of two bytes is more than one edit: %q", got)
	}
}
