package rules

import (
	"strings"

	"tocsin/rules/dialect"
)

// Change is one value of the event that would have to be another for the rule
// to conclude otherwise. Its texts are material non-public information.
type Change = dialect.Change

// reasoning fills in the reasons of an outcome: as data, and as a sentence.
// band is the severity before escalation.
func (f *Finding) reasoning(r *Rule, s *dialect.Scope, outcome Outcome, band Severity) {
	a := r.explained(s, outcome, band)
	f.Explanation, f.Change, f.Sentence = a.Explanation, a.Change, a.Sentence
}

// explained is the reasoning of one rule on one event, whatever its outcome.
func (r *Rule) explained(s *dialect.Scope, outcome Outcome, severity Severity) Explained {
	a := Explained{Explanation: r.when.Explain(s)}
	absent := r.absent(s.Event)
	why := r.when.Reason(s)
	if len(absent) == 0 {
		a.Change = why.Change
	}
	var words strings.Builder
	words.WriteString(r.ID + " " + conclusions[outcome] + ": ")
	switch {
	case len(absent) > 0:
		words.WriteString(dialect.Lacking(absent))
	default:
		words.WriteString(dialect.Sentence(why.Because))
	}
	if outcome != Error && (len(absent) > 0 || why.Result == dialect.Unknown) && outcome != Indeterminate {
		words.WriteString("; on_missing says " + outcome.String())
	}
	words.WriteString(".")
	for _, b := range r.bands {
		if outcome == Match && b.severity == severity && b.when.Test(s) == dialect.True {
			a.Explanation = append(a.Explanation, b.when.Explain(s)...)
			words.WriteString(" Severity " + severity.String() + ": " + dialect.Sentence(b.when.Reason(s).Because) + ".")
			break
		}
	}
	if len(a.Change) > 0 {
		words.WriteString(turned(outcome, a.Change))
	}
	a.own()
	a.Sentence = words.String()
	return a
}

// conclusions are the outcomes in a sentence.
var conclusions = map[Outcome]string{Match: "fired", NoMatch: "did not fire", Indeterminate: "could not be decided", Error: "could not be computed"}

// turned is the least change that gives the other outcome, as a sentence.
func turned(outcome Outcome, changes []Change) string {
	var had []string
	for _, c := range changes {
		had = append(had, c.Words)
	}
	verb := " It would have fired had "
	if outcome == Match {
		verb = " It would not have fired had "
	}
	return verb + strings.Join(had, " and ") + "."
}

// own copies the texts, because those of an event do not outlive it.
func (a *Explained) own() {
	for i := range a.Explanation {
		step := &a.Explanation[i]
		step.Value, step.Limit = strings.Clone(step.Value), strings.Clone(step.Limit)
	}
	for i := range a.Change {
		c := &a.Change[i]
		c.From, c.To = strings.Clone(c.From), strings.Clone(c.To)
	}
}
