package rules

import (
	"fmt"
	"math/big"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/dialect"
	"tocsin/rules/strictyaml"
)

// A threshold that is off by a cent, or > written for >=, shows only in an event
// at the threshold. So every comparison of quantities in a rule needs a case at
// its limit and one just on either side.

// reach collects how near a rule's cases come to its limits.
type reach struct {
	rule   *Rule
	limits []limitReach
}

// limitReach is one comparison and the cases' distances from its limit.
type limitReach struct {
	boundary dialect.Boundary
	at       bool
	below    *big.Int // the nearest distance on each side; nil: no case there
	above    *big.Int
	limit    string // its value in the first case that has one; "": none has
	first    string // that case's name
	varies   bool   // with the cases
}

// value is the limit's value for the hint, between commas.
func (l *limitReach) value() string {
	switch {
	case l.limit == "":
		return ""
	case l.varies:
		return fmt.Sprintf(", %s in the case %q,", l.limit, l.first)
	}
	return ", " + l.limit + ","
}

func newReach(r *Rule) *reach {
	out := &reach{rule: r}
	type position struct{ line, column int }
	seen := map[position]bool{}
	for _, p := range r.conditions() {
		for _, b := range p.Boundaries() {
			if at := (position{b.Line, b.Column}); !seen[at] { // when and bands may share a let
				seen[at] = true
				out.limits = append(out.limits, limitReach{boundary: b})
			}
		}
	}
	return out
}

// add counts a case.
func (r *reach) add(e *Engine, c *testCase) {
	s := &dialect.Scope{Event: &c.event.Record, Observed: Observed(c.observed)}
	e.bring(r.rule, s)
	for i := range r.limits {
		l := &r.limits[i]
		value, limit := l.boundary.Sides(s)
		if limit.Known() {
			if l.limit == "" {
				l.limit, l.first = limit.Spoken(), c.name.Value
			}
			l.varies = l.varies || l.limit != limit.Spoken()
		}
		if !value.Known() || !limit.Known() {
			continue
		}
		distance := new(big.Int).Sub(value.Quantity(), limit.Quantity())
		switch distance.Sign() {
		case 0:
			l.at = true
		case -1:
			if l.below == nil || l.below.Cmp(distance) < 0 {
				l.below = distance
			}
		case 1:
			if l.above == nil || l.above.Cmp(distance) > 0 {
				l.above = distance
			}
		}
	}
}

// gaps reports the limits at which cases are missing.
func (r *reach) gaps(file *caseFile) (mistakes diag.List) {
	if len(file.cases) == 0 {
		return nil
	}
	for _, l := range r.limits {
		var missing []string
		step := dialect.SmallestStep(l.boundary.Type.Kind)
		if l.below == nil || new(big.Int).Neg(l.below).Cmp(step) > 0 {
			missing = append(missing, "just below")
		}
		if !l.at {
			missing = append(missing, "exactly at")
		}
		if l.above == nil || l.above.Cmp(step) > 0 {
			missing = append(missing, "just above")
		}
		if len(missing) > 0 {
			b := l.boundary
			mistakes = append(mistakes, file.ruleSrc.Mistake(codeBoundary, strictyaml.Text{Value: b.Text, Line: b.Line, Column: b.Column},
				"add cases to "+file.src.Name+": with the limit itself"+l.value()+" and within "+stepText(b.Type.Kind)+" of it",
				"no case %s the limit of %q", strings.Join(missing, ", "), b.Text))
		}
	}
	return mistakes
}

// stepText names dialect.SmallestStep.
func stepText(k dialect.Kind) string {
	switch k {
	case dialect.Money:
		return "0.01"
	case dialect.Rate:
		return "0.0001"
	case dialect.Instant, dialect.Duration:
		return "a second"
	case dialect.Date:
		return "a day"
	}
	return "1"
}
