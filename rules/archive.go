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

// calendarFolder holds the calendars' files in an archive. No pack has a folder
// of that name.
const calendarFolder = "calendars"

// archive is everything that can change a verdict, in one text: the engine's
// version, the files of the pack but for its cases, and the calendars as they
// are in use. The pack's overrides are in the calendars already.
func (t *tree) archive(engine string, cal *calendar.Calendars) []byte {
	a := &txtar.Archive{Comment: []byte(engineLine + engine + "\n")}
	add := func(name, text string) { a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)}) }
	for name, text := range t.files {
		if dir := path.Dir(name); dir != "cases" && dir != "calendar" {
			add(name, text)
		}
	}
	for name, text := range cal.Files() {
		add(path.Join(calendarFolder, name), text)
	}
	slices.SortFunc(a.Files, func(x, y txtar.File) int { return strings.Compare(x.Name, y.Name) })
	return txtar.Format(a)
}

// Archive returns everything that can change a verdict of the pack: a txtar
// archive of the engine's version, the pack's files in the order of their names
// and the calendars. Equal archives are equal rules, and an archive is enough
// to judge again: see OpenArchive.
func (p *Pack) Archive() []byte { return bytes.Clone(p.archive) }

// Digest identifies what judges: the SHA-256, in hexadecimal, of Archive. Cases
// and the place the pack was loaded from do not count.
func (p *Pack) Digest() string { return p.digest }

func (p *Pack) seal(archive []byte) {
	sum := sha256.Sum256(archive)
	p.archive, p.digest = archive, hex.EncodeToString(sum[:])
}

// OpenArchive restores a pack from its archive: its digest and its verdicts are
// those of the pack that was archived, whatever calendars this program ships.
// An archive that was made under a version of the engine that this program does
// not know is an error that says which program to use; any other error means
// that the archive is damaged.
func OpenArchive(data []byte) (*Pack, error) {
	a := txtar.Parse(data)
	engine, ok := strings.CutPrefix(strings.TrimSuffix(string(a.Comment), "\n"), engineLine)
	if !ok {
		return nil, fmt.Errorf("open the archive of a pack: it does not begin with %q: it is damaged, or no archive of a pack", engineLine)
	}
	if !slices.Contains(engineVersions, engine) {
		return nil, fmt.Errorf("open the archive of a pack: engine %s made it and this program judges by engine %s: "+
			"start a release of which `tocsin version` names engine %s", engine, strings.Join(engineVersions, ", "), engine)
	}
	pack, calendars := &txtar.Archive{}, map[string]string{}
	for _, f := range a.Files {
		if path.Dir(f.Name) == calendarFolder {
			calendars[path.Base(f.Name)] = string(f.Data)
		} else {
			pack.Files = append(pack.Files, f)
		}
	}
	cal, err := calendar.Restore(calendars)
	if err != nil {
		return nil, fmt.Errorf("open the archive of a pack: %w", err)
	}
	fsys, err := txtar.FS(pack)
	if err != nil {
		return nil, fmt.Errorf("open the archive of a pack: %w", err)
	}
	p, mistakes := load(fsys, "archive", cal, engine)
	if err := mistakes.Err(); err != nil {
		return nil, fmt.Errorf("open the archive of a pack: %w", err)
	}
	// The bytes that were kept, not ours: a later release may write archives
	// otherwise, and the digest must stay.
	p.seal(bytes.Clone(data))
	return p, nil
}
