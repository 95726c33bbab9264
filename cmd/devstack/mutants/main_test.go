package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// module writes a module whose package p has the tests given.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var small = map[string]string{
	"go.mod": "module small\n\ngo 1.26\n",
	"p/p.go": `package p

// Larger reports whether a is at least b.
func Larger(a, b int) bool {
	switch {
	case a > b:
		return true
	}
	return false
}

func Endless(n int) (sum int) {
	for n > 0 {
		sum += n
		n--
	}
	return sum
}

func untested(n int) int { return n + 1 }
`,
	"p/p_test.go": `package p

import (
	"os"
	"testing"
)

func TestLarger(t *testing.T) {
	if os.Getenv("RAPID_NOFAILFILE") == "" {
		t.Fatal("package rapid would write into the tree")
	}
	if !Larger(2, 1) || Larger(1, 2) {
		t.Error("wrong")
	}
}

func TestEndless(t *testing.T) {
	if Endless(3) != 6 {
		t.Error("wrong")
	}
}
`,
	"survivors.md": "## p/p.go\n- `untested`: `n - 1 written for n + 1`: no test, for an example\n- `Larger`: `false written for true in return true`: wrong\n",
}

func TestRun(t *testing.T) {
	dir := module(t, small)
	var out strings.Builder
	p := plan{module: dir, packages: []string{"p"}, explained: "survivors.md", seed: 1, grace: 5 * time.Second}
	unexplained, err := p.run(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	// Each mutant, with its fate.
	fates := map[string]string{
		"deleted: case a > b:":                   "killed",
		"a >= b written for a > b":               "survived", // no test has two equal numbers
		"a <= b written for a > b":               "killed",
		"false written for true in return true":  "killed",
		"true written for false in return false": "killed",
		"n >= 0 written for n > 0":               "survived", // equivalent: it adds 0
		"n <= 0 written for n > 0":               "killed",
		"1 written for 0 in n > 0":               "killed",
		"sum -= n written for sum += n":          "killed",
		"deleted: sum += n":                      "killed",
		"n++ written for n--":                    "hung",
		"deleted: n--":                           "hung",
		"n - 1 written for n + 1":                "unreached",
		"2 written for 1 in return n + 1":        "unreached",
	}
	lines := regexp.MustCompile(`(?m)^ *\d+ (\w+) +p/p\.go:\d+:\d+ (.*) \(.*\)$`).FindAllStringSubmatch(out.String(), -1)
	for _, m := range lines {
		if fates[m[2]] != m[1] {
			t.Errorf("%s: %s, want %q", m[2], m[1], fates[m[2]])
		}
		delete(fates, m[2])
	}
	if len(fates) > 0 {
		t.Errorf("not tried: %v", fates)
	}
	if want := "seed 1: 14 mutants of 14: 8 killed, 2 hung, 2 survived, 2 unreached; 1 of these are explained. 0 more do not compile.\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the last line is not %q", want)
	}
	// Two survivors, one that no test reaches, and a reason for one that is killed.
	if unexplained != 4 || !strings.Contains(out.String(), "take the line away") || !strings.Contains(out.String(), "     - `Larger`: `a >= b written for a > b`: \n") {
		t.Errorf("%d are unexplained, want 4", unexplained)
	}
	if t.Failed() {
		t.Log(out.String())
	}
	after, err := os.ReadFile(filepath.Join(dir, "p/p.go"))
	if err != nil || string(after) != small["p/p.go"] {
		t.Errorf("the tree was changed: %v", err)
	}
}

// A draw is the same for the same seed, and no mutant is drawn twice.
func TestDraw(t *testing.T) {
	dir := module(t, small)
	draw := func(seed uint64, in string) string {
		var out strings.Builder
		p := plan{module: dir, packages: []string{"p"}, explained: "none.md", seed: seed, n: 2, in: in, grace: time.Minute}
		if _, err := p.run(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		return strings.Join(regexp.MustCompile(`p/p\.go:\d+:\d+`).FindAllString(out.String(), -1), " ")
	}
	const in = "p/p.go:2" // untested: nothing has to be compiled for these
	if a, b := draw(3, in), draw(3, in); a != b || a == "" || strings.Count(a, "p/p.go") != 2 {
		t.Errorf("seed 3 draws %s and %s", a, b)
	}
}

func TestATestThatFailsWithoutAMutantEndsTheRun(t *testing.T) {
	files := map[string]string{}
	for name, text := range small {
		files[name] = strings.Replace(text, "!= 6", "!= 7", 1)
	}
	p := plan{module: module(t, files), packages: []string{"p"}, explained: "none.md", grace: time.Minute}
	if _, err := p.run(t.Context(), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "without any mutant and run alone, TestEndless in p fails") {
		t.Errorf("%v", err)
	}
}
