package rules

import (
	"slices"
	"time"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// Explained is how one rule came to its verdict on one event, whether it fired or
// not. Its texts hold the event's values: they are material non-public
// information.
type Explained struct {
	Verdict Verdict
	// Profile is the materiality profile that was read, as id@version; empty
	// when the rule reads none or none was in force.
	Profile string
	// Trigger is the instant the rule's clock runs from, and TriggerField where
	// it was taken; see Finding.
	Trigger      time.Time
	TriggerField string
	// Explanation is each sub-expression with its value and, for a comparison,
	// the distance to its limit.
	Explanation Explanation
	// Change is the least that would have given the other outcome; empty when no
	// value of the event can.
	Change []Change
	// Sentence is the same in English.
	Sentence string
}

// Explain judges an event by one rule and gives the reasoning. False: the rule
// does not apply to events of this type, or the engine does not have it.
func (e *Engine) Explain(id string, ev *event.Event, observed time.Time) (Explained, bool) {
	for _, r := range e.rules {
		if r.ID != id || !slices.Contains(r.AppliesTo, ev.Type()) {
			continue
		}
		s := &dialect.Scope{Event: &ev.Record, Observed: Observed(observed)}
		v := e.verdict(r, s)
		if v.Finding != nil && len(v.Finding.Explanation) == 0 { // the rule panicked: do not evaluate it again
			f := v.Finding
			return Explained{Verdict: v, Profile: f.Profile, Trigger: f.Trigger, TriggerField: f.TriggerField, Sentence: f.Sentence}, true
		}
		profile := e.bring(r, s)
		a := Explained{}
		if f := v.Finding; f != nil {
			a = Explained{Explanation: f.Explanation, Change: f.Change, Sentence: f.Sentence}
		} else {
			a = r.explained(s, v.Outcome, r.Severity)
		}
		a.Verdict = v
		if profile != nil {
			a.Profile = profile.Ref()
		}
		t := r.trigger(s)
		a.Trigger, a.TriggerField = t.at, t.field
		return a, true
	}
	return Explained{}, false
}
