package rules

import (
	"math/bits"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// index is the rules of one event type. It finds those whose verdict on an event
// can be other than no_match, at a cost that hardly grows with the number of rules:
// more than 99 % of verdicts are no_match.
//
// A rule drops out when its verdict is certainly no_match: a conjunct of its
// condition is false (dialect.Conjunct), and no field that it requires is missing.
// A part that is unknown or failed drops nothing. What is left is judged rule by
// rule, so the index decides how much is computed and never what is found.
type index struct {
	rules    []*Rule   // sorted by id
	blank    []Verdict // no_match for each of them
	guards   []guard   // cheap ones first
	required []requirement
	sources  []*Rule // one for each way to find the profile; see query.profile
	currency *event.Field
}

// guard drops rules of which a conjunct is false. Of each it knows the rules that
// have it.
type guard interface {
	users() set
	narrow(q *query)
}

// requirement is a field whose absence gives rules another verdict than no_match.
type requirement struct {
	field *event.Field
	rules set
}

// query is the scratch memory for one event.
type query struct {
	dialect.Scope
	engine   *Engine
	index    *index
	left     []uint64        // a bit for each rule that is still to be judged
	profiles []*event.Record // by source, once found
	found    []bool          // by source
}

// narrow sets left to the rules that must be judged. A guard that panics drops
// nothing: the rule that it was taken from is then in error, by itself.
func (q *query) narrow() {
	x := q.index
	q.left = q.left[:0]
	for n := len(x.rules); n > 0; n -= 64 {
		q.left = append(q.left, ^uint64(0)>>max(0, 64-n))
	}
	clear(q.found)
	for len(q.found) < len(x.sources) {
		q.found, q.profiles = append(q.found, false), append(q.profiles, nil)
	}
	for _, g := range x.guards {
		if g.users().meets(q.left) {
			q.ask(g)
		}
	}
	for _, r := range x.required {
		if !q.Event.Has(r.field) {
			r.rules.addTo(q.left)
		}
	}
}

func (q *query) ask(g guard) {
	defer func() { _ = recover() }()
	g.narrow(q)
}

// profile sets and returns the profile in force, as the rules of a source see it.
// Below 0 none is read.
func (q *query) profile(source int) *event.Record {
	q.Materiality = nil
	if source < 0 {
		return nil
	}
	if !q.found[source] {
		q.engine.bring(q.index.sources[source], &q.Scope)
		q.found[source], q.profiles[source] = true, q.Materiality
	}
	q.Materiality = q.profiles[source]
	return q.Materiality
}

// judge appends the verdicts to dst.
func (q *query) judge(dst []Verdict) []Verdict {
	q.narrow()
	first := len(dst)
	dst = append(dst, q.index.blank...)
	for w, left := range q.left {
		for ; left != 0; left &= left - 1 {
			i := 64*w + bits.TrailingZeros64(left)
			dst[first+i] = q.engine.verdict(q.index.rules[i], &q.Scope)
		}
	}
	return dst
}
