package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/rules"
)

// TestDocumentedPack: the pack that the package's documentation shows loads,
// and its cases pass and are complete.
func TestDocumentedPack(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	pack := fstest.MapFS{}
	heading := regexp.MustCompile(`^# (\S+\.yaml)$`)
	file := ""
	for line := range strings.Lines(string(text)) {
		code, ok := strings.CutPrefix(line, "//\t")
		if m := heading.FindStringSubmatch(strings.TrimSpace(code)); ok && m != nil {
			file = m[1]
			pack[file] = &fstest.MapFile{}
		}
		switch {
		case ok && file != "":
			pack[file].Data = append(pack[file].Data, code...)
		case strings.TrimSpace(line) != "//":
			file = ""
		}
	}
	if len(pack) != 5 {
		t.Fatalf("%d files are documented, want 5", len(pack))
	}
	loaded, mistakes := rules.Load(pack, "doc", nil)
	if err := mistakes.Err(); err != nil {
		t.Fatal(err)
	}
	if err := loaded.RunCases().Mistakes().Err(); err != nil {
		t.Error(err)
	}
}

// TestStages: the package documentation names every file of the package, and no
// file that is not there.
func TestStages(t *testing.T) {
	for _, folder := range []string{".", "dialect"} {
		text, err := os.ReadFile(filepath.Join(folder, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		_, stages, _ := strings.Cut(string(text), "\n// # Stages\n")
		named := regexp.MustCompile(`[a-z]+(_[a-z]+)*`).FindAllString(stages, -1)
		paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files := []string{"doc"}
		for _, path := range paths {
			file := strings.TrimSuffix(filepath.Base(path), ".go")
			if file == "doc" || strings.HasSuffix(file, "_test") {
				continue
			}
			files = append(files, file)
			if !slices.Contains(named, file) {
				t.Errorf("%s/doc.go names no file %s", folder, file)
			}
		}
		for _, name := range named {
			if strings.Contains(name, "_") && !slices.Contains(files, name) {
				t.Errorf("%s/doc.go names %s, which is no file", folder, name)
			}
		}
	}
}

// TestOneNameOneFile: a file of the rules and one of the dialect share a name only
// where it is that of a stage, which each package has for its own things.
func TestOneNameOneFile(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil || len(paths) == 0 {
		t.Fatal("no files", err)
	}
	for _, path := range paths {
		file := strings.TrimSuffix(path, ".go")
		if strings.HasSuffix(file, "_test") || slices.Contains([]string{"doc", "check", "explain"}, file) {
			continue
		}
		if _, err := os.Stat(filepath.Join("dialect", path)); err == nil {
			t.Errorf("%s stands in rules and in rules/dialect: name each for its stage or noun", path)
		}
	}
}
