package dialect

import (
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// thunk computes an operand. The value is meaningless unless the state is got.
type thunk[T any] func(*Scope) (T, state)

// condition computes a boolean.
type condition func(*Scope) Tri

// closure is a compiled node: the member of its type's kind is set, and none
// allocates unless its comment states it. Durations are whole, in microseconds.
type closure struct {
	tri     condition
	whole   thunk[int64] // Int and Duration
	money   thunk[money.Amount]
	rate    thunk[money.Rate]
	text    thunk[string]
	texts   thunk[[]string]
	date    thunk[calendar.Date]
	instant thunk[time.Time]
	lines   thunk[[]event.Record]
}

// compile gives n and everything below it its closure. text is the source of a
// part, for errors.
func (n *node) compile(text func(span) string) closure {
	if n.compiled { // the middle of a chained comparison has two parents
		return n.closure
	}
	args := make([]closure, len(n.args))
	for i, a := range n.args {
		args[i] = a.compile(text)
	}
	n.closure, n.compiled = n.build(args, text), true
	return n.closure
}

func (n *node) build(args []closure, text func(span) string) closure {
	switch n.op {
	case opConst:
		return compileConst(*n.value)
	case opField:
		return compileField(n)
	case opObserved:
		return closure{instant: func(s *Scope) (time.Time, state) {
			if s.Observed.IsZero() {
				return time.Time{}, s.lacks(observedName)
			}
			return s.Observed, got
		}}
	case opItem:
		return closure{text: func(s *Scope) (string, state) { return s.item, got }}
	case opLet:
		return n.let.Program.node.closure
	case opNot:
		a := args[0].tri
		return closure{tri: func(s *Scope) Tri { return not(a(s)) }}
	case opAnd:
		a, b := args[0].tri, args[1].tri
		return closure{tri: func(s *Scope) Tri {
			x := a(s)
			if x == False {
				return False
			}
			return and(x, b(s))
		}}
	case opOr:
		a, b := args[0].tri, args[1].tri
		return closure{tri: func(s *Scope) Tri {
			x := a(s)
			if x == True {
				return True
			}
			return or(x, b(s))
		}}
	case opCompare:
		return closure{tri: compileCompare(n, args[0], args[1])}
	case opIn:
		return closure{tri: compileIn(n, args)}
	case opMatch:
		return closure{tri: compileMatch(n, args[0].text, args[1].text)}
	case opNegate, opArith:
		return compileArith(n, args, text(n.at))
	case opDefault:
		return compileDefault(n.typ.Kind, args[0], args[1])
	case opIf:
		return compileIf(n.typ.Kind, args[0].tri, args[1], args[2])
	case opScale:
		return compileScale(n, args[0].whole, text(n.at))
	case opGuard:
		return closure{money: compileGuard(n, args[0].money)}
	default: // opCall
		return n.function.build(n, args)
	}
}

func always[T any](v T) thunk[T] { return func(*Scope) (T, state) { return v, got } }

func compileConst(v Value) closure {
	switch v.Type.Kind {
	case Bool:
		t := triOf(v.Bool)
		return closure{tri: func(*Scope) Tri { return t }}
	case Text:
		return closure{text: always(v.Text)}
	case Texts:
		return closure{texts: always(v.Texts)}
	case Int, Duration:
		return closure{whole: always(v.Int)}
	case Money:
		amount := v.Money
		return closure{money: func(s *Scope) (money.Amount, state) {
			s.code = "" // of a zero; compileGuard names that of any other constant
			return amount, got
		}}
	case Rate:
		return closure{rate: always(v.Rate)}
	case Date:
		return closure{date: always(v.Date)}
	default: // Instant
		return closure{instant: always(v.Instant)}
	}
}

// noProfile is the missing thing when no materiality profile is in force.
const noProfile = "materiality profile"

// load reads a field of the record that the node's origin names.
func load[T any](n *node, get func(*event.Record, *event.Field) T) thunk[T] {
	f, name := n.field, n.name
	switch n.origin {
	case fromProfile:
		return func(s *Scope) (v T, _ state) {
			if s.Materiality == nil {
				return v, s.lacks(noProfile)
			}
			if !s.Materiality.Has(f) {
				return v, s.lacks(name)
			}
			return get(s.Materiality, f), got
		}
	case fromLine:
		return func(s *Scope) (v T, _ state) {
			if !s.line.Has(f) {
				return v, s.lacks(name)
			}
			return get(s.line, f), got
		}
	}
	return func(s *Scope) (v T, _ state) {
		if !s.Event.Has(f) {
			return v, s.lacks(name)
		}
		return get(s.Event, f), got
	}
}

func compileField(n *node) closure {
	switch n.typ.Kind {
	case Bool:
		read := load(n, (*event.Record).Bool)
		return closure{tri: func(s *Scope) Tri {
			v, st := read(s)
			if st != got {
				return st.tri()
			}
			return triOf(v)
		}}
	case Text:
		read := load(n, (*event.Record).Text)
		if n.classified() {
			read = classify(n, read)
		}
		return closure{text: read}
	case Texts:
		return closure{texts: load(n, (*event.Record).Texts)}
	case Int:
		return closure{whole: load(n, (*event.Record).Int)}
	case Money:
		read := load(n, (*event.Record).Amount)
		switch {
		case n.origin == fromProfile:
			read = sameCurrency(n, read)
		case n.own():
			read = coded(n, read)
		}
		return closure{money: read}
	case Rate:
		return closure{rate: load(n, (*event.Record).Rate)}
	case Date:
		return closure{date: load(n, (*event.Record).Date)}
	case Instant:
		return closure{instant: load(n, (*event.Record).Instant)}
	default: // Lines
		return closure{lines: load(n, (*event.Record).Records)}
	}
}

// classified reports whether the pack classifies the field where a line does
// not send it.
func (n *node) classified() bool {
	return n.op == opField && n.origin == fromLine && n.field.Name == "account_subtype" && n.env.Subtype != nil
}

// classify returns the class of the line's account from the pack where the line
// has none.
func classify(n *node, told thunk[string]) thunk[string] {
	account := n.env.Event.Lookup("lines").Schema().Lookup("account")
	return func(s *Scope) (string, state) {
		if !s.line.Has(n.field) && s.line.Has(account) {
			if v, known := n.env.Subtype(s.line.Text(account)); known {
				return v, got
			}
		}
		return told(s)
	}
}

const groupCurrency = "group_currency"

// sameCurrency makes an amount of a profile unknown for an event whose group
// currency is another one.
func sameCurrency(n *node, read thunk[money.Amount]) thunk[money.Amount] {
	ours, theirs := n.env.Materiality.Lookup(groupCurrency), n.env.Event.Lookup(groupCurrency)
	if ours == nil || theirs == nil {
		return read
	}
	return func(s *Scope) (money.Amount, state) {
		v, st := read(s)
		if st == got && s.Event.Has(theirs) && s.Materiality.Has(ours) && s.Event.Text(theirs) != s.Materiality.Text(ours) {
			return v, s.lacks(groupCurrency + " equal to the profile's")
		}
		return v, st
	}
}

// currencyField is the field of the event that names the currency of a role.
func currencyField(s *event.Schema, u event.Unit) *event.Field {
	if !role(u) {
		return nil
	}
	return s.Lookup(string(u) + "_currency")
}

// compileGuard lets a constant amount meet amounts of the event when they are
// in its currency. For amounts that have a currency each, see meet.
func compileGuard(n *node, read thunk[money.Amount]) thunk[money.Amount] {
	constant, f := n.text, currencyField(n.env.Event, n.typ.Unit)
	if n.own() {
		return func(s *Scope) (money.Amount, state) {
			v, st := read(s)
			s.code = constant
			return v, st
		}
	}
	if n.typ.Unit == event.Group {
		return func(s *Scope) (money.Amount, state) {
			v, st := read(s)
			if st == got && f != nil && s.Event.Has(f) && s.Event.Text(f) != constant {
				return v, s.fails("currency: the event's group_currency is not the pack's")
			}
			return v, st
		}
	}
	return func(s *Scope) (money.Amount, state) {
		v, st := read(s)
		switch {
		case st != got:
			return v, st
		case f == nil:
			return v, s.lacks(string(n.typ.Unit) + "_currency")
		case !s.Event.Has(f):
			return v, s.lacks(f.Name)
		case s.Event.Text(f) != constant:
			return v, s.lacks(f.Name + " equal to " + constant)
		}
		return v, got
	}
}
