package dialect

import (
	"strings"
)

// phrase is the result of a comparison or bare condition in English.
func (p *Program) phrase(s *Scope, n *node) string {
	result := n.closure.tri(s)
	switch result {
	case Unknown:
		return p.lacking(s, n)
	case Failed:
		return p.text(n.at) + " cannot be computed: " + p.faultOf(s, n)
	}
	held := result == True
	switch {
	case n.op == opCompare:
		value, limit := n.sides()
		if value.typ.Kind.quantity() && !value.identifier(n.text) {
			return p.measured(s, value, limit)
		}
		return p.compared(s, value, limit, held == (n.text == "=="))
	case n.op == opIn && n.args[0].op == opConst:
		return p.text(n.args[1].at) + choose(held, " holds ", " does not hold ") + p.spoken(s, n.args[0])
	case n.op == opIn:
		return p.named(s, n.args[0]) + ", which is " + choose(held, "one of ", "none of ") + p.listed(s, n)
	case n.op == opMatch:
		return p.named(s, n.args[0]) + ", which " + verbOf(n.text, held) + " " + p.spoken(s, n.args[1])
	case n.op == opCall && n.function.form == presence:
		return p.text(n.args[0].at) + choose(held == (n.text == "present"), wasSent, " was not sent")
	case n.op == opCall && n.function.form == predicate:
		return p.members(n, held)
	case n.op == opDefault && p.missing(s, n.args[0]):
		return p.text(n.args[0].at) + " was not sent, which counts as " + p.spoken(s, n.args[1])
	case n.op == opDefault:
		return p.named(s, n.args[0])
	}
	return p.named(s, n)
}

// named is an expression with its value.
func (p *Program) named(s *Scope, n *node) string {
	text := p.text(n.at)
	if n.op == opDefault && p.missing(s, n.args[0]) {
		return p.text(n.args[0].at) + " was not sent and counts as " + p.spoken(s, n.args[1])
	}
	if n.op == opDefault {
		text = p.text(n.args[0].at)
	}
	return text + " is " + p.spoken(s, n)
}

func (p *Program) missing(s *Scope, n *node) bool {
	v := p.value(s, n)
	return v.Missing
}

// spoken is a value in a sentence: as it is stored, with the digits of large
// numbers in groups.
func (p *Program) spoken(s *Scope, n *node) string {
	v := p.value(s, n)
	return v.Spoken()
}

// Spoken writes the value as it stands in a sentence: 1,200,000 USD. It is
// material non-public information.
func (v *Value) Spoken() string {
	text := v.String()
	if !v.Known() {
		return text
	}
	switch v.Type.Kind {
	case Text:
		if text == "" {
			return `""`
		}
	case Money:
		return grouped(text)
	case Int:
		if v.Type.Unit != "" { // a plain number may be a year
			return grouped(text)
		}
	}
	return text
}

// grouped writes 1200000.5 USD as 1,200,000.5 USD.
func grouped(text string) string {
	number, unit, hasUnit := strings.Cut(text, " ")
	number, minus := strings.CutPrefix(number, "-")
	whole, fraction, hasFraction := strings.Cut(number, ".")
	var b strings.Builder
	if minus {
		b.WriteByte('-')
	}
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(c)
	}
	if hasFraction {
		b.WriteString("." + fraction)
	}
	if hasUnit {
		b.WriteString(" " + unit)
	}
	return b.String()
}

// measured is the distance of a quantity from its limit in English.
func (p *Program) measured(s *Scope, value, limit *node) string {
	v, l := p.value(s, value), p.value(s, limit)
	text := p.named(s, value)
	bound := p.text(limit.at)
	if limit.op != opConst || !limit.literal {
		bound += " (" + l.Spoken() + ")"
	}
	d, ok := difference(v, l)
	if !ok {
		return text + ", against " + bound
	}
	q := d.Quantity()
	order := [...]string{"less than", "exactly", "more than"}
	if v.Type.Kind == Date || v.Type.Kind == Instant {
		order = [...]string{"before", "exactly", "after"}
	}
	if q.Sign() == 0 {
		return text + ", exactly " + bound
	}
	if q.Sign() < 0 {
		d, _ = difference(l, v)
	}
	return text + ", " + d.Spoken() + " " + order[q.Sign()+1] + " " + bound
}

// compared states in English whether two texts or truth values are equal.
func (p *Program) compared(s *Scope, value, limit *node, equal bool) string {
	text := p.named(s, value)
	switch {
	case limit.constant() && equal && limit.text != "":
		return text + " (" + p.text(limit.at) + ")"
	case limit.constant() && equal:
		return text
	case limit.constant() && limit.text != "":
		return text + ", not " + p.text(limit.at) + " (" + p.spoken(s, limit) + ")"
	case limit.constant():
		return text + ", not " + p.spoken(s, limit)
	case equal:
		return text + ", the same as " + p.text(limit.at)
	}
	return text + ", and " + p.named(s, limit)
}

// members states in English for how many members of a list a condition is true.
func (p *Program) members(n *node, held bool) string {
	list, condition := p.text(n.args[0].at), p.text(n.args[1].at)
	who := map[[2]bool]string{{true, true}: "at least one of ", {true, false}: "none of ", {false, true}: "each of ", {false, false}: "not each of "}[[2]bool{n.text == "any", held}]
	return who + list + " has " + condition
}

func verbOf(operator string, held bool) string {
	verbs := map[string][2]string{"contains": {"contains", "does not contain"}, "startsWith": {"begins with", "does not begin with"},
		"endsWith": {"ends with", "does not end with"}, "matches": {"matches", "does not match"}}[operator]
	return choose(held, verbs[0], verbs[1])
}

// lacking states in English what was not sent.
func (p *Program) lacking(s *Scope, n *node) string {
	names := p.lacks(s, n)
	return Lacking(names)
}

// Lacking states in English that values are missing. names are those of
// Program.Missing.
func Lacking(names []string) string {
	var fields, said []string
	for _, name := range names {
		switch {
		case name == noProfile:
			said = append(said, "no materiality profile is in force")
		case strings.Contains(name, " "):
			said = append(said, "there is no "+strings.TrimPrefix(name, "a "))
		default:
			fields = append(fields, name)
		}
	}
	switch last := len(fields) - 1; last {
	case -1:
	case 0:
		said = append([]string{fields[0] + " was not sent"}, said...)
	default:
		said = append([]string{strings.Join(fields[:last], ", ") + " and " + fields[last] + " were not sent"}, said...)
	}
	return strings.Join(said, ", and ")
}

// Sentence joins phrases with commas and a final and.
func Sentence(phrases []string) string {
	if len(phrases) < 2 {
		return strings.Join(phrases, "")
	}
	last := len(phrases) - 1
	return strings.Join(phrases[:last], "; ") + "; and " + phrases[last]
}
