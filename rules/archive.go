package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"tocsin/rules/calendar"
)

// calendarFolder holds the calendars' files in an archive. No pack has a folder
// of that name.
const calendarFolder = "calendars"

// archive is everything that can change a verdict, in one text: the engine's
// version, the files of the pack without its cases, and the calendars in use,
// which hold the pack's overrides already.
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
// and the calendars. Equal archives are equal rules. An archive is enough to judge
// again: see OpenArchive.
func (p *Pack) Archive() []byte { return bytes.Clone(p.archive) }

// Digest identifies the rules: the SHA-256, in hexadecimal, of Archive. It does not
// depend on the cases or on the directory of the pack.
func (p *Pack) Digest() string { return p.digest }

func (p *Pack) seal(archive []byte) {
	sum := sha256.Sum256(archive)
	p.archive, p.digest = archive, hex.EncodeToString(sum[:])
}

// OpenArchive restores a pack from its archive: its digest and its verdicts are
// those of the pack that was archived, whatever calendars this program ships. For
// an archive of an engine version that this program does not know, the error names
// the program to use. Any other error means that the archive is damaged.
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
	// Keep the archived bytes: a later release may write archives differently, and
	// the digest must stay.
	p.seal(bytes.Clone(data))
	return p, nil
}
