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
