// Package packs holds the packs of rules that ship with the program. Their
// owners read, test and change them: copy one, and name the copy's directory in
// place of the pack's name.
package packs

import (
	"embed"
	"io/fs"
	"slices"
)

//go:embed all:sox409
var files embed.FS

// Open returns the files of a shipped pack, and false when there is none of
// that name.
func Open(name string) (fs.FS, bool) {
	if !slices.Contains(Names(), name) {
		return nil, false
	}
	pack, err := fs.Sub(files, name)
	return pack, err == nil
}

// Names returns the names of the shipped packs, sorted.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("packs: the embedded files cannot be listed: " + err.Error())
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
