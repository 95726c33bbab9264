package rules_test

import (
	"os"
	"regexp"
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
