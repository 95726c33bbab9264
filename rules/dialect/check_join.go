package dialect

import (
	"tocsin/rules/event"
)

// join finds the one type of parts that must go together and brings each part
// to it; it reports and returns false when there is none. what names the place,
// such as "==" or "min".
func (c *checker) join(what string, parts []*node) (Type, bool) {
	lead := parts[0]
	for _, p := range parts { // a bare number adapts to the others
		if p.typ.Kind != Int && (p.typ.Kind != Rate || !p.literal) {
			lead = p
			break
		}
		if lead.typ.Kind == Int && p.typ.Kind == Rate {
			lead = p
		}
	}
	t, fine := lead.typ, true
	for _, p := range parts {
		if p == lead {
			continue
		}
		joined, ok := c.pair(what, t, lead, p)
		if t, fine = joined, fine && ok; !fine {
			return t, false
		}
	}
	for i, p := range parts {
		var ok bool
		if parts[i], ok = c.convert(p, t); !ok {
			return t, false
		}
	}
	return t, true
}

// pair is the common type of t, which lead has, and p's.
func (c *checker) pair(what string, t Type, lead, p *node) (Type, bool) {
	a, b := t.Kind, p.typ.Kind
	switch {
	case a == Money && b == Money:
		return c.pairMoney(t, lead, p)
	case a == b && (a == Int || a == Rate):
		if t.Unit == "" {
			t.Unit = p.typ.Unit
		} else if p.typ.Unit != "" && p.typ.Unit != t.Unit {
			return t, c.refuse(CodeUnit, p, "compare what counts the same thing: take another field, or a constant without a unit", "%s next to %s", p.typ, t)
		}
		return t, true
	case a == Text && b == Text && !c.persons(t, lead, p):
		return t, false
	case a == b:
		if t.Unit == "" {
			t.Unit = p.typ.Unit
		}
		if t.Values == nil {
			t.Values = p.typ.Values
		}
		return t, true
	case a == Money && b == Int && p.op == opConst && p.value.Int == 0 && p.typ.Unit == "":
		return t, true
	case a == Money && (b == Int || b == Rate):
		return t, c.numberNextToMoney(t, p)
	case a == Rate && b == Int && p.op == opConst && p.typ.Unit == "":
		if t.Unit == event.Fraction && p.value.Int != 0 && p.value.Int != 1 {
			hint := "write it as a param with a percent sign, or as 0.05"
			if text, ok := c.paramText(p); ok {
				hint = "write " + p.text + ": " + text + "% under params"
			}
			return t, c.refuse(CodeUnit, p, hint, "a percentage is a fraction here, so %d would be %d00%%", p.value.Int, p.value.Int)
		}
		return t, true
	case a == Duration && b == Int:
		if p.typ.Unit == event.Seconds || p.typ.Unit == unitDays {
			return t, true
		}
		if p.op == opConst && p.value.Int == 0 && p.typ.Unit == "" {
			return t, true
		}
		if text, ok := c.paramText(p); ok {
			return t, c.refuse(CodeUnit, p, "write "+p.text+": "+text+" days under params, or h, min or s", "the param %s is a number next to a duration, and has no unit of time", p.text)
		}
		return t, c.refuse(CodeUnit, p, "write it as a param with a unit: 4h, 5 days", "%s next to a duration needs a unit of time", p.typ)
	}
	other := t
	if lead.constant() && !p.constant() { // its author can change the constant
		lead, p, other, a, b = p, lead, p.typ, b, a
	}
	hint := "compare values of one kind"
	switch {
	case a == Date && b == Instant || a == Instant && b == Date:
		hint = "take the date of the instant: date_of(x, \"America/New_York\")"
	case (a == Date || a == Instant || a == Money || a == Duration) && b == Text && p.op == opConst,
		(b == Date || b == Instant || b == Money || b == Duration) && a == Text && lead.op == opConst:
		hint = "write the constant as a param, without quotes: 2026-01-31, USD 5_000_000, 4h"
		constant := p
		if b != Text {
			constant = lead
		}
		if _, ok := c.paramText(constant); ok {
			hint = "write " + constant.text + " without quotes under params: " + constant.text + ": " + constant.value.Text
		}
	case a == Text && b == Int && p.op == opConst, a == Int && b == Text:
		hint = "a text stands in quotes, a number does not: the field on the other side is " + other.String()
	case a == Texts && b == Text, a == Text && b == Texts:
		hint = "a word is in a list: \"word\" in list"
	case b == Bool && p.op != opConst || a == Bool && lead.op != opConst:
		hint = "not, == and the like may need brackets: not (a == b)"
	}
	return t, c.refuse(CodeType, p, hint, "%s cannot go together with %s in %s", p.typ, other, what)
}

// persons reports whether two texts may name one thing: a field that names a
// person is compared with another, with a constant, or with what is made of
// texts, but not with a field that names something else.
func (c *checker) persons(t Type, lead, p *node) bool {
	if t.Unit == p.typ.Unit || lead.op != opField || p.op != opField {
		return true
	}
	return c.refuse(CodeUnit, p, "compare persons with persons", "%s next to %s", p.typ, t)
}

// refuse reports about a part and returns false.
func (c *checker) refuse(code string, p *node, hint, format string, args ...any) bool {
	c.report(code, p.at, hint, format, args...)
	return false
}

// paramText is the text of a param, as it is written, and false for any other node.
func (c *checker) paramText(n *node) (string, bool) {
	if n.op != opConst {
		return "", false
	}
	param, ok := c.env.Params[n.text]
	return param.Text, ok
}

// numberNextToMoney reports a number where an amount is needed.
func (c *checker) numberNextToMoney(t Type, p *node) bool {
	if p.typ.Kind == Rate && !p.literal && (p.op != opConst || p.typ.Unit == event.Fraction) {
		return c.refuse(CodeUnit, p, "take the percentage of a base first: share * materiality.revenue_ttm", "%s next to %s", p.typ, t)
	}
	if p.op != opConst {
		return c.refuse(CodeType, p, "compare it with an amount: a field in group currency, or a param such as limit: USD 5_000_000", "%s next to %s", p.typ, t)
	}
	currency := c.env.GroupCurrency
	if currency == "" || !role(t.Unit) {
		currency = "USD"
	}
	if text, ok := c.paramText(p); ok {
		hint := "write " + p.text + ": " + currency + " " + text + " under params"
		if p.typ.Kind == Rate {
			hint += ", or multiply a base: " + p.text + " * materiality.revenue_ttm"
		}
		return c.refuse(CodeNoCurrency, p, hint, "the param %s is a number without a currency, next to %s", p.text, t)
	}
	written := c.written(p.at)
	digits := written
	if !p.literal {
		digits = p.value.String()
	}
	return c.refuse(CodeNoCurrency, p, "write it as a param with its currency, limit: "+currency+" "+digits, "the number %s next to an amount needs a currency", written)
}

// pairMoney is the common currency of t, which lead has, and p's.
func (c *checker) pairMoney(t Type, lead, p *node) (Type, bool) {
	a, b := t.Unit, p.typ.Unit
	code, other := a, b // the constant's, the role's
	if role(a) {
		code, other = b, a
	}
	switch {
	case a == b:
		return t, true
	case !role(code) && role(other):
		if other == event.Group && c.env.GroupCurrency != "" && string(code) != c.env.GroupCurrency {
			constant := p
			if code == a {
				constant = lead
			}
			hint := "group amounts are in " + c.env.GroupCurrency + " (group_currency of the pack): write the amount in it, or compare a field in transaction currency"
			return t, c.refuse(CodeCurrency, constant, hint, "mixed currencies: an amount in %s next to group currency", code)
		}
		t.Unit = other
		return t, true
	}
	return t, c.refuse(CodeCurrency, p, "compare amounts in one currency: use the fields in group currency", "mixed currencies: %s next to %s", p.typ, t)
}

// convert brings a part to type t, which pair has accepted.
func (c *checker) convert(p *node, t Type) (*node, bool) {
	switch {
	case t.Kind == Money && p.typ.Kind == Int:
		return &node{op: opConst, typ: t, at: p.at, literal: true, value: &Value{Type: t}}, true
	case t.Kind == Money && p.typ.Unit != t.Unit:
		if p.op == opConst && p.value.Money.IsZero() {
			return &node{op: opConst, typ: t, at: p.at, text: p.text, value: &Value{Type: t}}, true
		}
		return &node{op: opGuard, typ: t, at: p.at, text: string(p.typ.Unit), args: []*node{p}, env: c.env}, true
	case t.Kind == Rate && p.typ.Kind == Int:
		r, ok := rateOfInt(p.value.Int)
		if !ok {
			return p, c.refuse(CodeNumber, p, "write a smaller number", "the number %d is too large for a rate", p.value.Int)
		}
		return &node{op: opConst, typ: t, at: p.at, text: p.text, literal: p.literal, value: &Value{Type: t, Rate: r}}, true
	case t.Kind == Duration && p.typ.Kind == Int:
		if p.op == opConst {
			return &node{op: opConst, typ: t, at: p.at, literal: true, value: &Value{Type: t}}, true
		}
		return &node{op: opScale, typ: t, at: p.at, text: string(p.typ.Unit), args: []*node{p}}, true
	}
	return p, true
}
