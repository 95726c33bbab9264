package rules

import (
	"fmt"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/dialect"
	"tocsin/rules/strictyaml"
)

// Coverage is how much of a rule its cases cover.
type Coverage struct {
	Rule string `json:"rule"`
	// Parts are the comparisons and bare conditions of when and the bands;
	// PartsBoth are those that are true in one case and not true in another.
	Parts     int `json:"parts"`
	PartsBoth int `json:"parts_both"`
	// Bands counts the bands, and BandsTaken those that give a case its severity.
	Bands      int `json:"bands"`
	BandsTaken int `json:"bands_taken"`
}

// cover collects what a rule's cases cover.
type cover struct {
	rule  *Rule
	parts []partCover
	taken []bool // of the bands
}

type partCover struct {
	dialect.Part
	held, failed bool
}

func newCover(r *Rule) *cover {
	c := &cover{rule: r, taken: make([]bool, len(r.bands))}
	type position struct{ line, column int }
	seen := map[position]bool{}
	for _, p := range r.conditions() {
		for _, part := range p.Parts() {
			if at := (position{part.Line, part.Column}); !seen[at] { // when and bands may share a let
				seen[at] = true
				c.parts = append(c.parts, partCover{Part: part})
			}
		}
	}
	return c
}

// add counts a case.
func (c *cover) add(e *Engine, test *testCase) {
	s := &dialect.Scope{Event: &test.event.Record, Observed: Observed(test.observed)}
	e.bring(c.rule, s)
	for i := range c.parts {
		p := &c.parts[i]
		if p.Test(s) == dialect.True {
			p.held = true
		} else {
			p.failed = true
		}
	}
	if c.rule.when.Test(s) != dialect.True {
		return
	}
	if i := c.rule.bandIndex(s); i >= 0 {
		c.taken[i] = true
	}
}

func (c *cover) sum() Coverage {
	out := Coverage{Rule: c.rule.ID, Parts: len(c.parts), Bands: len(c.taken)}
	for _, p := range c.parts {
		if p.held && p.failed {
			out.PartsBoth++
		}
	}
	for _, taken := range c.taken {
		if taken {
			out.BandsTaken++
		}
	}
	return out
}

// gaps reports the parts and bands that no case covers.
func (c *cover) gaps(file *caseFile) (mistakes diag.List) {
	if len(file.cases) == 0 {
		return nil
	}
	for _, p := range c.parts {
		var missing []string
		if !p.held {
			missing = append(missing, "true")
		}
		if !p.failed {
			missing = append(missing, "not true")
		}
		if len(missing) > 0 {
			mistakes = append(mistakes, file.ruleSrc.Mistake(codeUndecided, strictyaml.Text{Value: p.Text, Line: p.Line, Column: p.Column},
				"add such a case to "+file.src.Name, "in no case is this %s: %s", strings.Join(missing, " or "), p.Text))
		}
	}
	for i, taken := range c.taken {
		if !taken {
			mistakes = append(mistakes, c.rule.bands[i].when.Mistake(codeUndecided, fmt.Sprintf("no case gets the severity %s of this band", c.rule.bands[i].severity), "add such a case to "+file.src.Name))
		}
	}
	return mistakes
}
