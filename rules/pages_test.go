package rules_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/rules"
	"tocsin/rules/diag"
)

var codeConst = regexp.MustCompile(`(?m)^\s*[cC]ode\w+\s*= "(E[0-9]{3})"`)

// TestEveryCodeHasAPage: a code that a person can meet is one that they can ask
// about, and a page is about a code that exists.
func TestEveryCodeHasAPage(t *testing.T) {
	var found []string
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range codeConst.FindAllStringSubmatch(string(text), -1) {
			found = append(found, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if pages := diag.Codes(); !slices.Equal(pages, found) {
		t.Errorf("pages %v\ncodes %v", pages, found)
	}
	for _, code := range found {
		if page, ok := diag.Page(code); !ok || len(page) < 80 || diag.Title(code) == "" {
			t.Errorf("%s: page %q", code, page)
		}
	}
}

// sampleRule is what the examples of the pages change.
var sampleRule = []string{"id: T-1\n", "revision: 1\n", "title: Sample\n", "owner: counsel\n", "item: \"1.01\"\n", "severity: S2\n", "applies_to: [ledger.contract.executed]\n",
	"citation: none\n", "params: { limit: USD 1_000 }\n", "when: contract.total_value_group >= limit\n", "deadline: { clock: O4 }\n", "runbook: Read it.\n"}

var (
	example = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	topKey  = regexp.MustCompile(`(?m)^[a-z_]+:`)
)

// withExample is the sample rule with the keys of an example in place of its own.
func withExample(fragment string) string {
	starts := topKey.FindAllStringIndex(fragment, -1)
	own := map[string]string{}
	for i, at := range starts {
		end := len(fragment)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		own[fragment[at[0]:at[1]]] = fragment[at[0]:end]
	}
	var b strings.Builder
	for _, line := range sampleRule {
		key := topKey.FindString(line)
		if text, ok := own[key]; ok {
			line = text
			delete(own, key)
		}
		b.WriteString(line)
	}
	for _, text := range own {
		b.WriteString(text)
	}
	return b.String()
}

// TestPagesTellTheTruth: the first example of a page has the mistake it is about,
// and the second has not.
func TestPagesTellTheTruth(t *testing.T) {
	tried := 0
	for _, code := range diag.Codes() {
		page, _ := diag.Page(code)
		examples := example.FindAllStringSubmatch(page, -1)
		if len(examples) == 0 {
			continue
		}
		if len(examples) != 2 {
			t.Errorf("%s: %d examples, want a wrong and a right one", code, len(examples))
			continue
		}
		for i, want := range []bool{true, false} {
			files := fstest.MapFS{
				"pack.yaml":      {Data: []byte("schema: tocsin.pack/v1\nid: p\ntitle: P\ngroup_currency: USD\n")},
				"rules/T-1.yaml": {Data: []byte(withExample(examples[i][1]))},
			}
			pack, mistakes := rules.Load(files, "p", nil)
			if pack != nil {
				mistakes = pack.Check()
			}
			if has := slices.ContainsFunc(mistakes, func(d *diag.Diagnostic) bool { return d.Code == code }); has != want {
				t.Errorf("%s, example %d: the mistake is there: %t, want %t\n%s\n%v", code, i+1, has, want, files["rules/T-1.yaml"].Data, mistakes)
			}
			if !want && len(mistakes) > 0 && mistakes[0].Code != "E310" {
				t.Errorf("%s: the right example has another mistake: %v", code, mistakes)
			}
			tried++
		}
	}
	if tried < 60 {
		t.Errorf("%d examples were tried, want 60", tried)
	}
}
