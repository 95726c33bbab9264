package adsgl

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed columns/*.yaml
var shippedFiles embed.FS

// ShippedColumns returns the text of a file of columns that ships with the
// program, by its name without .yaml.
func ShippedColumns(name string) (string, bool) {
	text, err := shippedFiles.ReadFile("columns/" + name + ".yaml")
	return string(text), err == nil
}

// ShippedNames returns the names of the files that ShippedColumns knows.
func ShippedNames() []string {
	files, err := fs.Glob(shippedFiles, "columns/*.yaml")
	if err != nil {
		panic(fmt.Sprintf("adsgl: the pattern of shipped files: %v", err))
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "columns/"), ".yaml")
	}
	return files
}
