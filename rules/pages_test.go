package rules_test

import (
	"go/ast"
	"go/parser"
	"go/token"
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

var link = regexp.MustCompile(`\]\(([^)#:]+)[^):]*\)`)

// TestPagesForAuthors: the pages for authors of rules lead to pages and never to
// source code, and the first of them begins with the program.
func TestPagesForAuthors(t *testing.T) {
	links := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if strings.HasSuffix(m[1], ".go") {
				t.Errorf("%s links to %s, which is source code", path, m[1])
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
		if path == "README.md" {
			if first := regexp.MustCompile(`(?m)^## (.*)$`).FindStringSubmatch(string(text)); first == nil || first[1] != "The program" {
				t.Errorf("the first section of README.md is %q, want the program", first)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if links < 10 {
		t.Errorf("%d links were looked at, want 10", links)
	}
}

// hinted are the functions that take a hint.
var hinted = []string{"report", "reportIn", "refuse", "Mistake", "FileMistake", "mistake", "at", "file"}

// TestEveryMistakeHasARemedy: no diagnostic of these packages is made with an
// empty hint.
func TestEveryMistakeHasARemedy(t *testing.T) {
	calls := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		places := token.NewFileSet()
		file, err := parser.ParseFile(places, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			if !slices.Contains(hinted, name) {
				return true
			}
			calls++
			for _, argument := range call.Args {
				if text, ok := argument.(*ast.BasicLit); ok && text.Value == `""` {
					t.Errorf("%s: %s is called without a hint: write what the author can do", places.Position(call.Pos()), name)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if calls < 150 {
		t.Errorf("%d calls were looked at, want 150", calls)
	}
}

// remedies are what a page begins a sentence with that states what to do.
var remedies = regexp.MustCompile(`(?m)(^|[.:;,] +)(and )?([Aa]dd|[Cc]heck|[Cc]orrect|[Dd]elete|[Ee]nd|[Gg]ive|[Kk]eep|[Ll]ist|[Mm]ove|[Nn]ame|[Pp]ut|[Rr]eplace|[Rr]un|[Ss]et|[Ss]plit|[Tt]ake|[Uu]se|[Ww]rite)\b`)

// TestEveryPageStatesARemedy: each page states in words what to write or do.
func TestEveryPageStatesARemedy(t *testing.T) {
	for _, code := range diag.Codes() {
		page, _ := diag.Page(code)
		words, _, _ := strings.Cut(strings.SplitN(page, "\n", 2)[1], "```")
		if !remedies.MatchString(strings.TrimSpace(words)) {
			t.Errorf("%s states no remedy:\n%s", code, words)
		}
	}
}
