package rules

import (
	"slices"
	"time"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// JudgeEach is Judge without the index: every rule is asked. It is the meaning that
// the index must keep.
func (e *Engine) JudgeEach(dst []Verdict, ev *event.Event, observed time.Time) []Verdict {
	s := &dialect.Scope{Event: &ev.Record, Observed: Observed(observed)}
	for _, r := range e.rules {
		if slices.Contains(r.AppliesTo, ev.Type()) {
			dst = append(dst, e.verdict(r, s))
		}
	}
	return dst
}

// Dropped returns the verdicts, without the index, of the rules that the index does
// not judge for an event. Each must be no_match.
func (e *Engine) Dropped(dst []Verdict, ev *event.Event, observed time.Time) (dropped []Verdict, all int) {
	x := e.byType[ev.Type()]
	if x == nil {
		return dst, 0
	}
	q := &query{engine: e, index: x, Scope: dialect.Scope{Event: &ev.Record, Observed: Observed(observed)}}
	q.narrow()
	s := &dialect.Scope{Event: &ev.Record, Observed: Observed(observed)}
	for i, r := range x.rules {
		if q.left[i/64]>>(i%64)&1 == 0 {
			dst = append(dst, e.verdict(r, s))
		}
	}
	return dst, len(x.rules)
}
