package dialect

import (
	"math/big"
	"strings"

	"tocsin/rules/event"
)

// change is what gives one comparison or bare condition the result wanted.
func (p *Program) change(s *Scope, n *node, want bool) (c change, ok bool) {
	c.size = unmeasured
	switch {
	case n.op == opCompare:
		value, limit := n.sides()
		operator := n.text
		if value != n.args[0] {
			operator = flipped(operator)
		}
		if !want {
			operator = opposite(operator)
		}
		if !value.varies() {
			return c, false
		}
		p.begin(s, &c, value)
		if value.typ.Kind.quantity() {
			return p.moved(s, c, value, limit, operator)
		}
		return p.replaced(s, c, value, limit, operator == "==")
	case n.op == opIn && n.args[0].op == opConst: // a word in a list of the event
		p.begin(s, &c, n.args[1])
		c.To, c.Field = choose(want, "a list with ", "a list without ")+p.spoken(s, n.args[0]), ""
		return c, true
	case n.op == opIn:
		p.begin(s, &c, n.args[0])
		c.To = choose(want, "one of ", "none of ") + p.listed(s, n)
		if f := c.field(n.args[0]); f != nil && f.Kind == event.Text && n.args[1].op == opConst && len(n.args[1].value.Texts) > 0 {
			word := choose(want, n.args[1].value.Texts[0], otherWord)
			c.apply = func(r *event.Record) { r.SetText(f, word) }
		}
		return c, n.args[0].varies()
	case n.op == opMatch:
		p.begin(s, &c, n.args[0])
		c.To = "a text that " + verbOf(n.text, want) + " " + p.spoken(s, n.args[1])
		return c, n.args[0].varies()
	case n.op == opCall && n.function.form == presence:
		c.Text = p.text(n.args[0].at)
		there := (n.text == "present") == want
		c.From, c.To = choose(there, notSent, "sent"), choose(there, "sent", notSent)
		return c, n.args[0].varies()
	case n.op == opCall && n.function.form == predicate:
		c.Text, c.From = p.text(n.args[0].at), p.members(n, !want)
		c.To = "such that " + p.members(n, want)
		return c, true
	case n.op == opField || n.op == opDefault:
		p.begin(s, &c, n)
		c.To = choose(want, "true", "false")
		if f := c.field(n); f != nil && f.Kind == event.Bool {
			c.apply = func(r *event.Record) { r.SetBool(f, want) }
		}
		return c, n.varies()
	}
	return c, false
}

// unmeasured is the size of a change that has no distance.
var unmeasured = big.NewRat(1, 1)

// begin fills in what is changed and its value.
func (p *Program) begin(s *Scope, c *change, n *node) {
	c.Text = p.text(n.at)
	if f := c.field(n); f != nil {
		c.Text, c.Field = f.Name, f.Name
	}
	if n.op == opDefault {
		n = n.args[0]
	}
	v := p.value(s, n)
	if c.From = v.String(); v.Missing {
		c.From = notSent
	}
}

// field is the field of the event that an expression is, with or without a
// default.
func (c *change) field(n *node) *event.Field {
	if n.op == opDefault || n.op == opScale {
		n = n.args[0]
	}
	if n.op == opField && n.origin == fromEvent {
		return n.field
	}
	return nil
}

// otherWord stands for any text that is not in a list.
const otherWord = "\x00"

// replaced changes a text or a truth to equal the other side, or not to.
func (p *Program) replaced(s *Scope, c change, value, limit *node, equal bool) (change, bool) {
	to := p.value(s, limit)
	if !to.Known() {
		return c, false
	}
	c.To = choose(equal, "", "anything but ") + to.String()
	f := c.field(value)
	switch {
	case f != nil && f.Kind == event.Text:
		word := choose(equal, to.Text, otherWord)
		c.apply = func(r *event.Record) { r.SetText(f, word) }
	case value.typ.Kind == Bool:
		truth := to.Bool == equal
		c.To = choose(truth, "true", "false")
		if f != nil {
			c.apply = func(r *event.Record) { r.SetBool(f, truth) }
		}
	}
	return c, true
}

// moved changes a quantity to the nearest one for which the operator is true.
func (p *Program) moved(s *Scope, c change, value, limit *node, operator string) (change, bool) {
	to := p.value(s, limit)
	if !to.Known() {
		return c, false
	}
	from := p.value(s, value)
	if from.Failed {
		return c, false
	}
	step := int64(0)
	switch operator {
	case "<":
		step = -1
	case ">", "!=":
		step = 1
	}
	to, ok := to.moved(step)
	if !ok {
		return c, false
	}
	c.To, c.Words = to.String(), to.Spoken()
	if from.Known() {
		by, ok := difference(to, from)
		if !ok {
			return c, false
		}
		c.size = proportion(&by, &to)
		if value.identifier(operator) {
			return c.applied(value, to), true
		}
		c.By = by.String()
		c.Words += " (" + by.direction() + ")"
	}
	return c.applied(value, to), true
}

// applied is the change with the function that applies it, where the value is a field.
func (c change) applied(value *node, to Value) change {
	if f := c.field(value); f != nil && value.op != opScale {
		c.apply = setter(f, to)
	}
	return c
}

// identifier reports whether a number is compared for equality, as one that names
// something is: a distance then has no meaning.
func (n *node) identifier(operator string) bool {
	return n.typ.Kind == Int && n.typ.Unit == "" && (operator == "==" || operator == "!=")
}

// setter sets a field to a quantity; nil where it cannot.
func setter(f *event.Field, v Value) func(*event.Record) {
	switch f.Kind {
	case event.Amount:
		return func(r *event.Record) { r.SetAmount(f, v.Money) }
	case event.Rate:
		return func(r *event.Record) { r.SetRate(f, v.Rate) }
	case event.Int:
		if v.Type.Kind == Int {
			return func(r *event.Record) { r.SetInt(f, v.Int) }
		}
	case event.Date:
		return func(r *event.Record) { r.SetDate(f, v.Date) }
	case event.Instant:
		return func(r *event.Record) {
			_, offset := v.Instant.Zone()
			r.SetInstant(f, v.Instant.UnixMicro(), offset)
		}
	}
	return nil
}

// proportion is a distance in proportion to the value it leads to. Dates and
// instants have no zero: theirs counts in years.
func proportion(by, to *Value) *big.Rat {
	whole := to.Quantity()
	switch to.Type.Kind {
	case Date:
		whole = big.NewInt(365)
	case Instant:
		whole = big.NewInt(365 * day)
	}
	if whole.Sign() == 0 {
		whole = SmallestStep(to.Type.Kind)
	}
	r := new(big.Rat).SetFrac(by.Quantity(), whole)
	return r.Abs(r)
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// direction is a difference in English: 5 USD more, 2 days earlier.
func (v Value) direction() string {
	sign := v.Quantity().Sign()
	if sign < 0 {
		v, _ = negative(v)
	}
	if v.Type.Kind == Duration || v.Type.Unit == unitDays {
		return v.Spoken() + choose(sign < 0, " earlier", " later")
	}
	return v.Spoken() + choose(sign < 0, " less", " more")
}

// opposite is the operator that is true when the other is false.
func opposite(operator string) string {
	switch operator {
	case "<":
		return ">="
	case "<=":
		return ">"
	case ">":
		return "<="
	case ">=":
		return "<"
	case "==":
		return "!="
	default: // !=
		return "=="
	}
}

// listed are the constants of an in, in words.
func (p *Program) listed(s *Scope, n *node) string {
	var words []string
	for _, a := range n.args[1:] {
		words = append(words, p.spoken(s, a))
	}
	return strings.Join(words, ", ")
}
