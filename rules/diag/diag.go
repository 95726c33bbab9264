// Package diag describes mistakes in files that people write: configuration,
// packs, rules, cases, calendars. A diagnostic names the place, shows the
// offending line with a caret, states what is wrong and what to write, and has a
// stable code that documentation and scripts may refer to. All the mistakes
// of a file are reported at once.
package diag

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Diagnostic is one mistake.
type Diagnostic struct {
	Code    string `json:"code"`    // stable, such as E102
	File    string `json:"file"`    // path as the user gave it
	Line    int    `json:"line"`    // from 1; 0 when the mistake is the file's
	Column  int    `json:"column"`  // from 1, in runes
	Width   int    `json:"width"`   // runes to underline, at least 1
	Message string `json:"message"` // what is wrong, in one sentence without a full stop
	Hint    string `json:"hint"`    // what to write or do
	Source  string `json:"source"`  // the offending line; may be empty
}

// Error writes the place, the code and the message on one line.
func (d *Diagnostic) Error() string {
	return fmt.Sprintf("%s: %s [%s]", d.position(), d.Message, d.Code)
}

func (d *Diagnostic) position() string {
	switch {
	case d.Line == 0:
		return d.File
	case d.Column == 0:
		return fmt.Sprintf("%s:%d", d.File, d.Line)
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// List is every mistake found. A nil or empty List is no error; use Err.
type List []*Diagnostic

// Error writes each diagnostic on a line of its own.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, d := range l {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns l as an error, or nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Sort orders the list by file, line, column and code.
func (l List) Sort() {
	slices.SortStableFunc(l, func(a, b *Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code))
	})
}

// Write prints each diagnostic with its source line, a caret and the hint:
//
//	rules/con-01.yaml:7:9: unknown field "contract.total_valu_group" [E201]
//	    7 |   when: contract.total_valu_group >= threshold
//	      |         ^~~~~~~~~~~~~~~~~~~~~~~~~
//	      = did you mean contract.total_value_group?
func (l List) Write(w io.Writer) error {
	for _, d := range l {
		if _, err := io.WriteString(w, d.snippet()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Diagnostic) snippet() string {
	var b strings.Builder
	fmt.Fprintln(&b, d.Error())
	margin := fmt.Sprintf("%5d", d.Line)
	blank := strings.Repeat(" ", len(margin))
	if d.Source != "" {
		fmt.Fprintf(&b, "%s | %s\n", margin, strings.ReplaceAll(d.Source, "\t", " "))
		width := max(d.Width, 1)
		if left := utf8.RuneCountInString(d.Source) - d.Column + 1; width > left {
			width = max(left, 1)
		}
		fmt.Fprintf(&b, "%s | %s^%s\n", blank, strings.Repeat(" ", max(d.Column-1, 0)), strings.Repeat("~", width-1))
	}
	if d.Hint != "" {
		fmt.Fprintf(&b, "%s = %s\n", blank, d.Hint)
	}
	return b.String()
}

// SourceLine returns line n (from 1) of a file's text, without its line end.
func SourceLine(text string, n int) string {
	for ; n > 1; n-- {
		_, rest, ok := strings.Cut(text, "\n")
		if !ok {
			return ""
		}
		text = rest
	}
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSuffix(line, "\r")
}

// Nearest returns the candidate that is most like word, for "did you mean",
// or "" when none is near: at most a third of the word's letters may differ.
func Nearest(word string, candidates []string) string {
	best, bestDistance := "", len(word)/3+1
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < bestDistance || (d == bestDistance && best != "" && c < best) {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance is the number of single-letter edits and swaps between a and b
// (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, last, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(t)]
}
