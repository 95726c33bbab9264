package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// tracked returns the contents of the files that git tracks, or would, by their
// paths; tests of this package are left out.
func tracked(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"ls-files", "--cached", "--others", "--exclude-standard", "--"}, patterns...)...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	files := make(map[string]string)
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if text, err := os.ReadFile(filepath.Join(root(t), name)); err == nil && name != "cmd/tocsin/house_test.go" {
			files[name] = string(text)
		}
	}
	if len(files) == 0 {
		t.Fatalf("no file matches %q", patterns)
	}
	return files
}

// TestPiecesStandOnce: each of these was once written in several places that had
// to stay equal.
func TestPiecesStandOnce(t *testing.T) {
	files := tracked(t, "*.go")
	for _, f := range []struct{ piece, pattern, home string }{
		{"the loop that retries", `\.sleep\(ctx\)`, "pipeline/wait.go"},
		{"the text of a refused login", `"Kafka: a certificate, password or token that is accepted"`, "pipeline/wait.go"},
		{"the opening of a kept archive", `rules\.OpenArchive\(`, "pipeline/library.go"},
		{"the iterator over headers", `yield func\(string, \[\]byte\) bool`, "pipeline/batch.go"},
		{"the way from a record to a row", `\.Decode\(e, row\.Raw`, "pipeline/judge.go"},
		{"the parsing of flags", `flags\.Parse\(`, "cmd/tocsin/cli/flags.go"},
		{"the drawing of progress on a terminal", `\\r\\x1b\[K%s`, "cmd/tocsin/cli/progress.go"},
	} {
		var found []string
		for name, text := range files {
			production := strings.HasPrefix(name, "pipeline/") || strings.HasPrefix(name, "sinks/") || strings.HasPrefix(name, "cmd/tocsin/")
			if production && !strings.HasSuffix(name, "_test.go") {
				for range regexp.MustCompile(f.pattern).FindAllString(text, -1) {
					found = append(found, name)
				}
			}
		}
		if len(found) != 1 || found[0] != f.home {
			t.Errorf("%s stands in %q, want it once, in %s", f.piece, found, f.home)
		}
	}
}

// TestPlainWords: these words stood for a named subject or a verb of the field so
// often that pages needed a second reading. A few uses are right.
func TestPlainWords(t *testing.T) {
	const most = 10
	words := regexp.MustCompile(`(?i)\b(mend|mends|mended|mending|whoever|nobody|says|tells)\b`)
	comment := regexp.MustCompile(`(?m)//.*$`)
	n := 0
	for name, text := range tracked(t, "*.go", "*.md", "*.sql", "*.yaml") {
		parts := []string{text}
		if strings.HasSuffix(name, ".go") {
			parts = comment.FindAllString(text, -1)
		}
		for _, part := range parts {
			for _, word := range words.FindAllString(part, -1) {
				n++
				t.Logf("%s: %s", name, word)
			}
		}
	}
	if n > most {
		t.Errorf("%d of these words, want at most %d: name the subject, and use report, return, reject, fix", n, most)
	}
}
