// Package contributing holds no code: its tests follow CONTRIBUTING.md.
package contributing

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// recipe is a section of the page: prose that names files, and blocks.
type recipe struct {
	title string
	files []string // named in the prose, sorted
	steps []step
}

// step is a fenced block of the page. A block of sh is run. A block of diff
// changes a file: its first line names the file after "+++ ". Any other block is
// a new file: its first line is a comment that holds the path.
type step struct {
	kind string
	text string
}

var (
	fence     = regexp.MustCompile("^( *)```(\\w*)")
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	pathLike  = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+$|^[\w-]+\.(md|mod)$|^Makefile$`)
	firstLine = regexp.MustCompile(`^(?://|#|--) (\S+)$`)
)

// recipes reads the sections of third level of the page's section Recipes.
func recipes(t *testing.T, page string) (all []recipe) {
	t.Helper()
	_, section, found := strings.Cut(page, "\n## Recipes\n")
	if !found {
		t.Fatal("the page has no section Recipes")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, text := range strings.Split(section, "\n### ")[1:] {
		prose, steps := split(t, text)
		title, prose, _ := strings.Cut(prose, "\n")
		r := recipe{title: title, steps: steps}
		for _, m := range quoted.FindAllStringSubmatch(prose, -1) {
			if pathLike.MatchString(m[1]) {
				r.files = append(r.files, m[1])
			}
		}
		slices.Sort(r.files)
		r.files = slices.Compact(r.files)
		all = append(all, r)
	}
	return all
}

// split separates prose from fenced blocks, whose indentation in a list goes.
func split(t *testing.T, text string) (prose string, steps []step) {
	t.Helper()
	var indent string
	inside := false
	for line := range strings.Lines(text) {
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && !inside:
			inside, indent = true, m[1]
			steps = append(steps, step{kind: m[2]})
		case m != nil:
			inside = false
		case inside:
			rest, ok := strings.CutPrefix(line, indent)
			if !ok && strings.TrimSpace(line) != "" {
				t.Fatalf("a line of a block is less indented than its fence: %q", line)
			}
			steps[len(steps)-1].text += rest
		default:
			prose += line
		}
	}
	if inside {
		t.Fatal("a block has no end")
	}
	return prose, steps
}

// follow takes a step in a tree.
func (s step) follow(t *testing.T, tree string) {
	t.Helper()
	switch first, rest, _ := strings.Cut(s.text, "\n"); s.kind {
	case "sh":
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", s.text)
		cmd.Dir = tree
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s%v\n%s", s.text, err, out)
		}
	case "diff":
		path, ok := strings.CutPrefix(first, "+++ ")
		if !ok {
			t.Fatalf("a diff begins with %q, want +++ and a path", first)
		}
		file := filepath.Join(tree, path)
		old, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		altered, err := patched(string(old), rest)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := os.WriteFile(file, []byte(altered), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		m := firstLine.FindStringSubmatch(first)
		if m == nil {
			t.Fatalf("a new file begins with %q, want a comment with its path", first)
		}
		file := filepath.Join(tree, m[1])
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("%s exists already", m[1])
		}
		if err := os.WriteFile(file, []byte(rest), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// patched applies a diff without line numbers. Its hunks are separated by lines
// "@@". The lines of a hunk that begin with a space or a minus must stand in the
// text once; … at the end of such a line stands for any rest.
func patched(text, diff string) (string, error) {
	lines := strings.SplitAfter(text, "\n")
	for hunk := range strings.SplitSeq(diff, "@@\n") {
		wanted := strings.SplitAfter(strings.TrimSuffix(hunk, "\n"), "\n")
		at := -1
		for i := range lines {
			if _, ok := replaced(lines[i:], wanted); !ok {
				continue
			}
			if at >= 0 {
				return "", fmt.Errorf("two places for\n%s", hunk)
			}
			at = i
		}
		if at < 0 {
			return "", fmt.Errorf("no place for\n%s", hunk)
		}
		tail, _ := replaced(lines[at:], wanted)
		lines = append(lines[:at:at], tail...)
	}
	return strings.Join(lines, ""), nil
}

// replaced applies a hunk to the beginning of lines.
func replaced(lines, hunk []string) (all []string, ok bool) {
	used := 0
	for _, h := range hunk {
		h = strings.TrimSuffix(h, "\n")
		if h == "" {
			h = " "
		}
		if h[0] == '+' {
			all = append(all, h[1:]+"\n")
			continue
		}
		if used == len(lines) {
			return nil, false
		}
		have := lines[used]
		if start, open := strings.CutSuffix(h[1:], "…"); open && !strings.HasPrefix(have, start) || !open && have != h[1:]+"\n" {
			return nil, false
		}
		if h[0] == ' ' {
			all = append(all, have)
		}
		used++
	}
	return append(all, lines[used:]...), used > 0
}
