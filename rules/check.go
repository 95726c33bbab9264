package rules

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/dialect"
)

// The codes of diagnostics about rules that are each well formed.
const (
	codeNever    = "E321" // a condition that no event can make true
	codeAlways   = "E322" // a condition that every event makes true
	codeShadowed = "E323" // a band that is never reached
	codeBands    = "E324" // bands that overlap, the less severe first
	codeSame     = "E325" // two equivalent rules
	codeCost     = "E326" // a rule that costs more than its budget
)

// MaxCost is the budget of one rule: the operations of its worst case for an
// event with lists of 100 members, about a millisecond of a processor.
const MaxCost = 100_000

// Cost is the number of operations that the rule can take for one event with
// lists of 100 members.
func (r *Rule) Cost() int {
	sum := 0
	for _, p := range append(r.conditions(), r.value, r.dedup, r.from) {
		if p != nil {
			sum += p.Cost()
		}
	}
	return sum
}

// Check finds mistakes of rules that are each well formed: a rule that can never
// fire or always does, bands that are never reached or whose order decides by
// accident, equivalent rules, rules that cost too much. Load does not check this: a
// worker must be able to open every pack that once was in force, even when a later
// release finds more.
func (p *Pack) Check() (mistakes diag.List) {
	said := map[string]*Rule{}
	for _, r := range p.rules {
		mistakes = append(mistakes, r.check()...)
		for _, t := range r.AppliesTo {
			what := t.Name + " " + r.canon()
			if other := said[what]; other != nil {
				mistakes = append(mistakes, r.when.Mistake(codeSame, fmt.Sprintf("rule %s fires on the same events as %s", r.ID, other.ID), "keep one, or say in each what sets it apart"))
				break
			}
			said[what] = r
		}
	}
	mistakes.Sort()
	return mistakes
}

// canon is a text that equivalent rules share, however they are written.
func (r *Rule) canon() string {
	parts := []string{r.Item, r.when.Canon()}
	for _, b := range r.bands {
		parts = append(parts, b.severity.String()+" "+b.when.Canon())
	}
	for _, f := range r.requires {
		parts = append(parts, f.Name)
	}
	return strings.Join(parts, "\n")
}

// bandPair is whether two bands can be true together, and each without the other.
type bandPair struct{ both, first, second bool }

func (r *Rule) check() (mistakes diag.List) {
	if cost := r.Cost(); cost > MaxCost {
		mistakes = append(mistakes, r.when.Mistake(codeCost, fmt.Sprintf("the rule may take %d operations for one event, and its budget is %d", cost, MaxCost),
			"use fewer conditions over lists, and name under let: what stands several times"))
	}
	if r.when.Text() == "true" {
		return mistakes // the author wrote when: true
	}
	fires, rests := false, false
	reached, pairs := make([]bool, len(r.bands)), map[[2]int]bandPair{}
	explored := dialect.Explore(r.conditions(), r.On(), func(results []dialect.Tri) bool {
		fires, rests = fires || results[0] == dialect.True, rests || results[0] != dialect.True
		if results[0] == dialect.True {
			bandsIn(results[1:], reached, pairs)
		}
		return true
	})
	switch {
	case !explored:
		return mistakes // too many situations
	case !fires && r.OnMissing != Match:
		return append(mistakes, r.when.Mistake(codeNever, "no event of "+strings.Join(r.On(), ", ")+" can make this true: the rule never fires",
			"look for a comparison that contradicts another, or for an event type that is missing from applies_to"))
	case !rests:
		mistakes = append(mistakes, r.when.Mistake(codeAlways, "every event makes this true: the condition decides nothing", "write when: true if every event is meant"))
	}
	return append(mistakes, r.bandMistakes(reached, pairs)...)
}

// bandsIn notes the results of the bands in one situation in which the rule fires.
func bandsIn(results []dialect.Tri, reached []bool, pairs map[[2]int]bandPair) {
	if first := slices.Index(results, dialect.True); first >= 0 {
		reached[first] = true
	}
	for j := range results {
		for i := range j {
			p := pairs[[2]int{i, j}]
			a, b := results[i] == dialect.True, results[j] == dialect.True
			p.both, p.first, p.second = p.both || a && b, p.first || a && !b, p.second || b && !a
			pairs[[2]int{i, j}] = p
		}
	}
}

func (r *Rule) bandMistakes(reached []bool, pairs map[[2]int]bandPair) (mistakes diag.List) {
	for j, b := range r.bands {
		if !reached[j] {
			mistakes = append(mistakes, b.when.Mistake(codeShadowed, "this band is never reached: when, and the bands before it, leave it nothing", "move it up, narrow those before it, or take it away"))
			continue
		}
		for i, earlier := range r.bands[:j] {
			// One inside the other is a cascade, and an earlier one that is more
			// severe errs on the safe side.
			if p := pairs[[2]int{i, j}]; p.both && p.first && p.second && earlier.severity > b.severity {
				mistakes = append(mistakes, b.when.Mistake(codeBands, fmt.Sprintf("an event can meet this band and the %s one above it, and gets %s, the lower severity", earlier.severity, earlier.severity),
					"put the more severe band first, or let each exclude the other"))
			}
		}
	}
	return mistakes
}
