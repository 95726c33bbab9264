package rules

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// tree is a pack's files by their paths with slashes. Texts end in a line feed, as
// an archive demands.
type tree struct {
	name  string // what the user called it, before each path in diagnostics
	files map[string]string
}

// source returns a file for diagnostics.
func (t *tree) source(file string) *strictyaml.Source {
	return &strictyaml.Source{Name: path.Join(t.name, file), Text: t.files[file]}
}

// under returns the files of a folder, sorted.
func (t *tree) under(folder string) []string {
	var names []string
	for name := range t.files {
		if path.Dir(name) == folder {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// readable is the remedy for a file that the system does not hand out.
const readable = "let this program's user read the file"

// readTree reads a pack's files. A file without a place in a pack is a mistake: a
// rule in the wrong folder would have no effect.
func readTree(fsys fs.FS, name string) (*tree, diag.List) {
	t := &tree{name: name, files: map[string]string{}}
	var mistakes diag.List
	report := func(file, hint, format string, args ...any) {
		mistakes = append(mistakes, (&strictyaml.Source{Name: path.Join(name, file)}).FileMistake(codePackFile, hint, format, args...))
	}
	err := fs.WalkDir(fsys, ".", func(file string, entry fs.DirEntry, err error) error {
		base := path.Base(file)
		switch {
		case err != nil:
			report(file, readable, "cannot be read: %v", errors.Unwrap(err))
			return nil
		case file == ".":
			return nil
		case strings.HasPrefix(base, ".") || strings.HasPrefix(base, "README") || strings.HasPrefix(base, "LICENSE"):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			if !slices.Contains([]string{"rules", "profiles", "calendar", "cases"}, file) {
				report(file, "a pack has rules/, profiles/, calendar/ and cases/", "this folder has no place in a pack")
				return fs.SkipDir
			}
			return nil
		case !placed(file):
			report(file, "a pack is pack.yaml, accounts.yaml, rules/*.yaml, profiles/*.yaml, calendar/*.csv and cases/*.yaml", "this file has no place in a pack")
			return nil
		}
		text, err := fs.ReadFile(fsys, file)
		if err != nil {
			report(file, readable, "cannot be read: %v", err)
			return nil
		}
		if len(text) > 0 && text[len(text)-1] != '\n' {
			text = append(text, '\n')
		}
		t.files[file] = string(text)
		mistakes = append(mistakes, t.marker(file)...)
		return nil
	})
	if err != nil {
		report(".", readable, "cannot be read: %v", err)
	}
	return t, mistakes
}

func placed(file string) bool {
	switch path.Dir(file) {
	case ".":
		return file == packFileName || file == chartFileName
	case "calendar":
		return path.Ext(file) == ".csv"
	}
	return path.Ext(file) == ".yaml"
}

// marker refuses a line that an archive would read as the start of a file.
func (t *tree) marker(file string) diag.List {
	src := t.source(file)
	for i, line := range strings.Split(src.Text, "\n") {
		if strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --") {
			at := strictyaml.Text{Value: line, Line: i + 1, Column: 1}
			return diag.List{src.Mistake(codePackFile, at, "indent it or write it otherwise", "this line would divide the file in the pack's archive")}
		}
	}
	return nil
}
