package dialect

import (
	"slices"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// Env is the meaning of the names in an expression. Lets hide params, params hide
// fields: refuse such names before compiling.
type Env struct {
	Event       *event.Schema    // names without a prefix
	Materiality *event.Schema    // names behind "materiality."; nil: none
	Params      map[string]Const // the rule's params
	Lets        []Let            // the rule's named parts that stand before, in order
	// GroupCurrency is the ISO 4217 code of the pack's group currency, the one
	// in which a constant may meet group amounts. It is "" where the pack names none
	// that is known, a mistake that is reported there: then every currency may.
	GroupCurrency string
	// Strayed: the rule's file has a key that is like none known, which is reported,
	// and where params and lets may stand. Then a name without a dot is never unknown.
	Strayed bool
	// Subtype classifies an account: it is the account_subtype of a line that has
	// none of its own, and false where the account is not known; nil: none is.
	Subtype func(account string) (string, bool)
	// Calendars counts business days; nil: calendar.Default().
	Calendars *calendar.Calendars
}

// Let is a named part of a rule.
type Let struct {
	Name    string
	Program *Program
}

const materialityPrefix = "materiality."

// observedName is the instant at which the event was seen.
const observedName = "observed"

func (e *Env) let(name string) *Let {
	for i := range e.Lets {
		if e.Lets[i].Name == name {
			return &e.Lets[i]
		}
	}
	return nil
}

func (e *Env) calendars() *calendar.Calendars {
	if e.Calendars != nil {
		return e.Calendars
	}
	return calendar.Default()
}

// names lists every name that could have been meant.
func (e *Env) names() []string {
	names := []string{observedName}
	for i := range e.Lets {
		names = append(names, e.Lets[i].Name)
	}
	for name := range e.Params {
		names = append(names, name)
	}
	names = append(names, fieldNames(e.Event, "")...)
	names = append(names, fieldNames(e.Materiality, materialityPrefix)...)
	slices.Sort(names)
	return names
}

func fieldNames(s *event.Schema, prefix string) []string {
	if s == nil {
		return nil
	}
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = prefix + s.Fields[i].Name
	}
	return names
}
