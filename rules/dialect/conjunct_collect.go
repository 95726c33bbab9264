package dialect

import "tocsin/rules/event"

// collector collects the conjuncts of a condition.
type collector struct {
	terms *Terms
	found []Conjunct
	seen  map[wanted]bool // a let may be named again and again
}

func newCollector(t *Terms) *collector { return &collector{terms: t, seen: map[wanted]bool{}} }

// wanted is a part that must be true, or false.
type wanted struct {
	node *node
	want bool
}

// add collects the conjuncts of n, which must be true, or false where want is.
func (c *collector) add(n *node, want bool) {
	if c.seen[wanted{n, want}] {
		return
	}
	c.seen[wanted{n, want}] = true
	switch {
	case n.op == opConst:
	case n.op == opLet:
		c.add(n.let.Program.node, want)
	case n.op == opNot:
		c.add(n.args[0], !want)
	case n.op == opAnd && want, n.op == opOr && !want:
		c.add(n.args[0], want)
		c.add(n.args[1], want)
	case n.op == opDefault: // false where its left side is, and where its default is what counts
		if !c.word(n, want) {
			c.part(n, want)
			c.add(n.args[0], want)
		}
	case c.word(n, want) || c.limit(n, want):
	case n.op == opCall && n.text == "any" && want:
		c.part(n, true)
		c.members(n)
	default:
		c.part(n, want)
	}
}

// part adds a part as it is.
func (c *collector) part(n *node, want bool) *Conjunct {
	id := 2 * c.terms.id(n)
	if want {
		id++
	}
	c.found = append(c.found, Conjunct{ID: id, Cost: n.cost(map[*node]int{}), Profile: n.readsProfile(), node: n, want: want})
	return &c.found[len(c.found)-1]
}

// word adds a text that must be one of some constants, with or without a default.
func (c *collector) word(n *node, want bool) bool {
	whole, absent := n, false
	if n.op == opDefault && n.args[1].op == opConst {
		n, absent = n.args[0], n.args[1].value.Bool != want
	}
	for n.op == opLet {
		n = n.let.Program.node
	}
	if !want || n.op != opIn && (n.op != opCompare || n.text != "==") || len(n.args) != 2 {
		return false
	}
	value, words := n.args[0], n.args[1]
	if n.op == opCompare && value.op == opConst {
		value, words = words, value
	}
	if value.op == opConst || words.op != opConst || value.typ.Kind != Text {
		return false
	}
	w := &Word{Term: c.terms.term(value), Words: words.value.Texts, Absent: absent}
	if n.op == opCompare {
		w.Words = []string{words.value.Text}
	}
	c.part(whole, want).Word = w
	return true
}

// limit adds a quantity that must reach a limit, or not exceed it. One that must
// equal it must do both.
func (c *collector) limit(n *node, want bool) bool {
	if n.op != opCompare || !n.args[0].typ.Kind.whole() || n.args[0].own() || n.args[1].own() {
		return false
	}
	value, limit, operator := n.args[0], n.args[1], n.text
	if value.fixed() {
		value, limit, operator = limit, value, flipped(operator)
	}
	if !want {
		operator = opposite(operator)
	}
	if value.fixed() || !limit.fixed() || operator == "!=" {
		return false
	}
	term := c.terms.term(value)
	if operator != "<=" && operator != "<" {
		c.part(n, want).Limit = &Limit{Term: term, limit: limit, strict: operator == ">"}
	}
	if operator != ">=" && operator != ">" {
		c.part(n, want).Limit = &Limit{Term: term, limit: limit, strict: operator == "<", AtMost: true}
	}
	return true
}

// members adds what a list must have for any(list, a and b): a member with a, and a
// member with b.
func (c *collector) members(n *node) {
	body := newCollector(c.terms)
	body.add(n.args[1], true)
	if len(body.found) < 2 {
		return
	}
	for _, part := range body.found {
		test := part.node
		if !part.want {
			test = &node{op: opNot, typ: test.typ, at: test.at, args: []*node{test}}
		}
		weaker := *n
		weaker.args, weaker.compiled = []*node{n.args[0], test}, false
		weaker.compile(nil)
		c.part(&weaker, true)
	}
}

// whole reports whether values of the kind are whole numbers of a smallest unit.
func (k Kind) whole() bool { return k == Int || k == Duration || k == Money || k == Rate || k == Date }

// fixed reports whether only the profile can change the value, for events in the
// group currency of the pack and the profile.
func (n *node) fixed() bool {
	fixed := true
	n.walk(func(n *node) bool {
		switch n.op {
		case opField:
			fixed = fixed && n.origin == fromProfile
		case opObserved, opItem:
			fixed = false
		case opGuard:
			fixed = fixed && n.typ.Unit == event.Group
		case opLet:
			fixed = fixed && n.let.Program.node.fixed()
		}
		return fixed
	})
	return fixed
}

// readsProfile reports whether the value depends on the materiality profile.
func (n *node) readsProfile() bool {
	reads := false
	n.walk(func(n *node) bool {
		switch n.op {
		case opField:
			reads = reads || n.origin == fromProfile
		case opLet:
			reads = reads || n.let.Program.node.readsProfile()
		}
		return !reads
	})
	return reads
}
