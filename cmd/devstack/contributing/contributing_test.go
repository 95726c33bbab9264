//go:build integration

package contributing

import (
	"bytes"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// top is the project's root.
var top = filepath.Join("..", "..", "..")

func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "CONTRIBUTING.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources calls f with each file of the tree, but for hidden ones and bin.
func sources(t *testing.T, tree string, f func(path string, text []byte)) {
	t.Helper()
	err := filepath.WalkDir(tree, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(tree, file)
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(d.Name(), ".") && path != "."; hidden || path == "bin" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		text, err := os.ReadFile(file)
		f(path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Each recipe, followed to the letter in a copy of the tree, passes the tests
// that it names, and changes the files that it names and no other.
func TestIntegrationRecipes(t *testing.T) {
	tree := t.TempDir()
	sources(t, top, func(path string, text []byte) {
		if err := os.MkdirAll(filepath.Join(tree, filepath.Dir(path)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, path), text, 0o644); err != nil {
			t.Fatal(err)
		}
	})
	all := recipes(t, page(t))
	if len(all) < 4 {
		t.Errorf("%d recipes", len(all))
	}
	for _, r := range all {
		t.Run(r.title, func(t *testing.T) {
			before := map[string][32]byte{}
			sources(t, tree, func(path string, text []byte) { before[path] = sha256.Sum256(text) })
			tests := 0
			for _, s := range r.steps {
				tests += strings.Count(s.text, "go test")
				s.follow(t, tree)
			}
			if tests == 0 {
				t.Error("the recipe names no test")
			}
			var changed []string
			sources(t, tree, func(path string, text []byte) {
				if sum, known := before[path]; !known || sum != sha256.Sum256(text) {
					changed = append(changed, path)
				}
				delete(before, path)
			})
			for path := range before {
				changed = append(changed, path)
			}
			slices.Sort(changed)
			if diff := cmp.Diff(r.files, changed); diff != "" {
				t.Errorf("files (-named +changed)\n%s", diff)
			}
		})
	}
}

// Every file, package and test that the page names exists.
func TestPageNamesWhatExists(t *testing.T) {
	text := page(t)
	before, recipes, _ := strings.Cut(text, "\n## Recipes\n")
	prose, _ := split(t, before)
	named := 0
	for _, m := range regexp.MustCompile("`([^`\n]+)`|\\]\\(([^)#:]+)\\)").FindAllStringSubmatch(prose, -1) {
		path := m[1] + m[2]
		if !pathLike.MatchString(strings.TrimSuffix(path, "/")) {
			continue
		}
		named++
		if _, err := os.Stat(filepath.Join(top, path)); err != nil {
			t.Error(err)
		}
	}
	if named < 30 {
		t.Errorf("the page names %d files", named)
	}

	command := regexp.MustCompile(`go test [^\n]*`)
	pattern := regexp.MustCompile(`-run '?\^?(\w+)`)
	tests := 0
	for _, c := range command.FindAllString(before+recipes, -1) {
		m := pattern.FindStringSubmatch(c)
		if m == nil {
			continue
		}
		tests++
		dirs := regexp.MustCompile(`\./[\w/]+`).FindAllString(c, -1)
		if !slices.ContainsFunc(dirs, func(dir string) bool { return declared(t, filepath.Join(top, dir), m[1]) }) {
			t.Errorf("%s: no such test", c)
		}
	}
	if tests < 5 {
		t.Errorf("the page runs %d tests", tests)
	}
}

// declared reports whether a package declares a test whose name holds a word.
func declared(t *testing.T, dir, word string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	test := regexp.MustCompile(`(?m)^func (Test|Fuzz)\w*`)
	return slices.ContainsFunc(files, func(file string) bool {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(test.FindAllString(string(text), -1), func(name string) bool { return strings.Contains(name, word) })
	})
}

// The page names every package whose tests write golden files.
func TestPageNamesEveryUpdate(t *testing.T) {
	text := page(t)
	flags := 0
	sources(t, top, func(path string, source []byte) {
		if !strings.HasSuffix(path, "_test.go") || !bytes.Contains(source, []byte("flag.Bool(\"update\"")) {
			return
		}
		flags++
		if !strings.Contains(text, "`"+filepath.ToSlash(filepath.Dir(path))+"`") {
			t.Errorf("%s has the flag -update, and the page does not name its package", path)
		}
	})
	if flags < 5 {
		t.Errorf("%d packages have the flag -update", flags)
	}
}
