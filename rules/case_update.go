package rules

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// Updated returns a file of cases with every unmet expectation replaced by the
// actual verdict, for its author to review: an update states what the rule does,
// not what it should do. A case with { outcome: new } gets the whole
// verdict. file is the name as in the results.
func (r *CaseReport) Updated(file, text string) string {
	type edit struct {
		difference
		result *CaseResult
	}
	var edits []edit
	for i := range r.Results {
		if c := &r.Results[i]; c.File == file {
			for _, d := range c.differences {
				edits = append(edits, edit{d, c})
			}
		}
	}
	// Begin at the end, so that earlier places stay valid.
	slices.SortFunc(edits, func(a, b edit) int {
		return -cmp.Or(cmp.Compare(a.want.Line, b.want.Line), cmp.Compare(a.want.Column, b.want.Column))
	})
	lines := strings.Split(text, "\n")
	for _, e := range edits {
		line := &lines[e.want.Line-1]
		if e.want.Value == newOutcome && strings.Contains(*line, newExpectation) {
			*line = strings.Replace(*line, newExpectation, e.result.expectation(), 1)
			continue
		}
		*line = replaced(*line, e.want.Column-1, e.want.Value, scalarText(e.got))
	}
	return strings.Join(lines, "\n")
}

const newExpectation = "{ outcome: " + newOutcome + " }"

// expectation is a whole verdict as a case expects it.
func (c *CaseResult) expectation() string {
	text := "{ outcome: " + c.Verdict.Outcome.String()
	if f := c.Verdict.Finding; f != nil {
		due := "none"
		if !f.Deadline.DueDate.IsZero() {
			due = f.Deadline.DueDate.String()
		}
		text += ", severity: " + f.Severity.String() + ", due_date: " + due + ", item: " + scalarText(c.Verdict.Rule.Item) + ", key: " + scalarText(f.Key)
	}
	return text + ` }`
}

// replaced returns the line with a scalar in place of an old one. column is that of
// the old one's first rune: behind its quote, if it has one.
func replaced(line string, column int, old, scalar string) string {
	runes := []rune(line)
	from, to := column, column+len([]rune(old))
	if from > 0 && (runes[from-1] == '"' || runes[from-1] == '\'') {
		quote := runes[from-1]
		for to = from; to < len(runes) && (runes[to] != quote || runes[to-1] == '\\'); to++ {
			continue
		}
		from, to = from-1, min(to+1, len(runes))
	}
	if to > len(runes) {
		return line // a scalar of several lines is left to its author
	}
	return string(runes[:from]) + scalar + string(runes[to:])
}

// bare are texts that YAML reads as they stand, in a list or mapping too.
var bare = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*$|^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)

// scalarText writes a text as a YAML scalar.
func scalarText(s string) string {
	if bare.MatchString(s) {
		return s
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return `""` // texts are UTF-8, and those can be quoted
	}
	return string(quoted)
}
