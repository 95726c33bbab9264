package rules

import (
	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// Rule is one rule of a pack, checked and compiled. It is immutable.
type Rule struct {
	ID          string // immutable name, such as CON-01
	Revision    int    // from 1, raised with every change of meaning
	Title       string
	Description string
	Owner       string // who answers for the rule
	// Item is the item of Form 8-K that a candidate is considered under, such
	// as 1.01; P where only the next periodic report may be concerned, I where
	// only internal control is.
	Item     string
	Severity Severity // before bands and escalation
	Citation string
	Runbook  string // what the reader of an alert does first
	// AppliesTo are the event types that the rule is judged for; all of one
	// schema.
	AppliesTo []*event.Type
	// OnMissing is the outcome when a required field was not sent or the
	// condition cannot be decided for want of one.
	OnMissing Outcome
	Clock     calendar.Clock
	Basis     calendar.Basis // what the trigger instant means

	// Params are the constants of the rule, as written.
	Params []Param

	schema   *event.Schema
	requires []*event.Field
	lets     []Param
	when     *dialect.Program
	bands    []band
	value    *dialect.Program // nil: none
	dedup    *dialect.Program // nil: the event's own identity
	from     *dialect.Program // nil: event_time
	// fromText is deadline.from as written; fromField is the field when it is
	// nothing but one, which is read without an evaluation.
	fromText  string
	fromField *event.Field
	// materiality: an expression reads the profile, so one must be chosen.
	materiality bool
	// the fields that the engine itself reads
	eventTime, eventID, eventSource, registrant, company *event.Field
}

// band is a severity for the events for which when is true.
type band struct {
	severity Severity
	when     *dialect.Program
}

// Param is a constant of a rule.
type Param struct {
	Name string
	Text string // as written: USD 1_000_000, 5%
}

// When is the condition as written, on one line.
func (r *Rule) When() string { return r.when.Text() }

// From is what the clock runs from, as written; empty: the event's own time.
func (r *Rule) From() string { return r.fromText }

// Severities are the severity of the rule, and those of its bands with their
// conditions as written.
func (r *Rule) Severities() (plain Severity, bands []BandText) {
	for _, b := range r.bands {
		bands = append(bands, BandText{b.severity, b.when.Text()})
	}
	return r.Severity, bands
}

// BandText is a band of a rule.
type BandText struct {
	Severity Severity
	When     string
}

// Lets are the named expressions of the rule, in order.
func (r *Rule) Lets() []Param { return r.lets }

// On gives the types' names that the rule is judged for.
func (r *Rule) On() []string {
	names := make([]string, len(r.AppliesTo))
	for i, t := range r.AppliesTo {
		names[i] = t.Name
	}
	return names
}

// conditions are the expressions that decide: when and the bands.
func (r *Rule) conditions() []*dialect.Program {
	all := []*dialect.Program{r.when}
	for _, b := range r.bands {
		all = append(all, b.when)
	}
	return all
}
