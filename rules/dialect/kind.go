package dialect

import (
	"strings"

	"tocsin/rules/event"
)

// Kind is the type of an expression without its unit.
type Kind uint8

const (
	Any Kind = iota // as a wish: every kind but Lines
	Bool
	Text
	Texts
	Int
	Money
	Rate
	Date
	Instant
	Duration
	Lines
	Moment // as a wish only: Instant or Date
)

// String names the kind as diagnostics do.
func (k Kind) String() string {
	return [...]string{"a value", "true or false", "a text", "a list of texts", "a number", "an amount", "a rate",
		"a date", "an instant", "a duration", "a list of records", "an instant or a date"}[k]
}

// Type is the type of an expression.
type Type struct {
	Kind Kind
	// Unit is what an Int or a Rate counts ("" for a plain number), and for
	// Money the currency: group, functional or transaction, whose code the
	// event names, or the ISO 4217 code of a constant. A Text that names a person
	// has the unit person.
	Unit event.Unit
	// Values is the vocabulary of a Text; nil when it has none.
	Values []string

	lines *event.Schema // of Lines
}

// Units beyond those of fields.
const (
	unitDays         event.Unit = "days"
	unitBusinessDays event.Unit = "business days"
)

// role reports whether the event names the currency.
func role(u event.Unit) bool {
	return u == event.Group || u == event.Functional || u == event.Transaction
}

// String describes the type to the author of a rule.
func (t Type) String() string {
	switch {
	case t.Kind == Money && role(t.Unit):
		return "an amount in " + string(t.Unit) + " currency"
	case t.Kind == Money && t.Unit != "":
		return "an amount in " + string(t.Unit)
	case t.Kind == Int && t.Unit == event.Count:
		return "a count"
	case t.Kind == Int && t.Unit != "":
		return "a number of " + strings.TrimSuffix(string(t.Unit), "s") + "s"
	case t.Kind == Rate && t.Unit == event.Fraction:
		return "a percentage"
	case t.Kind == Text && t.Unit == event.Person:
		return "a person"
	case t.Kind == Texts && t.Unit == event.Person:
		return "a list of persons"
	}
	return t.Kind.String()
}

// typeOf is the type of a field.
func typeOf(f *event.Field) Type {
	t := Type{Unit: f.Unit, Values: f.Values}
	switch f.Kind {
	case event.Text:
		t.Kind = Text
	case event.Texts:
		t.Kind = Texts
	case event.Bool:
		t.Kind = Bool
	case event.Int:
		t.Kind = Int
	case event.Amount:
		t.Kind = Money
	case event.Rate:
		t.Kind = Rate
	case event.Date:
		t.Kind = Date
	case event.Instant:
		t.Kind = Instant
	case event.Records:
		t.Kind, t.lines = Lines, f.Schema()
	}
	return t
}

// quantity reports whether values of the kind have an order and a distance.
func (k Kind) quantity() bool {
	return k == Int || k == Money || k == Rate || k == Date || k == Instant || k == Duration
}

// satisfies reports whether an expression of kind k is what want asks for.
func (k Kind) satisfies(want Kind) bool {
	switch want {
	case Any:
		return k != Lines
	case Moment:
		return k == Instant || k == Date
	}
	return k == want
}
