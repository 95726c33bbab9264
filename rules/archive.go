package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// EngineVersion is raised whenever the same pack could judge the same event
// differently than under the version before. It is part of every digest.
const EngineVersion = "1"

// tree is a pack's files, by their slashed paths in it. Texts end in a line
// feed, as an archive demands.
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

// readTree reads a pack's files. A file that has no place in a pack is a
// mistake: a rule in the wrong folder would never be judged by.
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
			report(file, "", "cannot be read: %v", errors.Unwrap(err))
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
			report(file, "", "cannot be read: %v", err)
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
		report("", "", "cannot be read: %v", err)
	}
	return t, mistakes
}

func placed(file string) bool {
	switch path.Dir(file) {
	case ".":
		return file == packFileName || file == accountsFileName
	case "calendar":
		return path.Ext(file) == ".csv"
	}
	return path.Ext(file) == ".yaml"
}

// marker refuses a line that an archive would read as the begin of a file.
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

// archive is every file that can change a verdict, in one text.
func (t *tree) archive() []byte {
	a := &txtar.Archive{}
	for name, text := range t.files {
		if path.Dir(name) != "cases" {
			a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	slices.SortFunc(a.Files, func(x, y txtar.File) int { return strings.Compare(x.Name, y.Name) })
	return txtar.Format(a)
}

// Archive returns the pack's files that can change a verdict, as a txtar
// archive in the order of their names. Equal archives are equal rules.
func (p *Pack) Archive() []byte { return bytes.Clone(p.archive) }

// Digest identifies what judges: SHA-256, in hexadecimal, over the archive,
// EngineVersion and the version of the calendars. Cases, comments outside the
// pack's files and the place the pack was loaded from do not count.
func (p *Pack) Digest() string { return p.digest }

func digest(archive []byte, calendarVersion string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "tocsin engine %s\ncalendar %s\n", EngineVersion, calendarVersion) // a hash cannot fail
	_, _ = h.Write(archive)
	return hex.EncodeToString(h.Sum(nil))
}

// OpenArchive restores a pack from its archive. Its digest is that of the pack
// that was archived exactly if engine and calendars are of the same versions;
// the caller that needs those verdicts again compares. cal is as for Load.
func OpenArchive(data []byte, cal *calendar.Calendars) (*Pack, error) {
	fsys, err := txtar.FS(txtar.Parse(data))
	if err != nil {
		return nil, fmt.Errorf("open the archive of a pack: %w", err)
	}
	p, mistakes := Load(fsys, "archive", cal)
	if err := mistakes.Err(); err != nil {
		return nil, fmt.Errorf("open the archive of a pack: %w", err)
	}
	return p, nil
}
