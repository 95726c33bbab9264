package dialect

import (
	"math/big"
	"slices"
)

// atom makes of a comparison or bare condition a function of one variable.
func (x *explorer) atom(n *node) atom {
	a := atom{presence: -1, fallback: Unknown}
	switch {
	case n.op == opCall && n.function.form == presence:
		a.variable = x.presence[n.args[0].canon()]
		sent := triOf(n.text == "present")
		a.result = func(_ *variable, state int) Tri { return whether(state == 0, sent, not(sent)) }
		return a
	case n.op == opCompare:
		value, limit := n.sides()
		operator := n.text
		if value != n.args[0] {
			operator = flipped(operator)
		}
		if c, ok := limit.constantValue(); ok {
			return x.compared(a, value, operator, c)
		}
		return x.related(a, value, limit, operator)
	case n.op == opIn && n.typ.Kind == Bool && n.args[0].typ.Kind == Int:
		return x.amongNumbers(a, n)
	case n.op == opIn && n.args[1].op == opConst:
		return x.oneOf(a, n.args[0], n.args[1].value.Texts, true)
	case n.op == opDefault && n.args[1].op == opConst, n.op == opField:
		term, fallback := x.term(&a, n)
		if fallback != nil {
			a.fallback = triOf(fallback.Bool)
		}
		a.variable = x.variable("truth of "+term.canon(), variable{ways: 2})
		a.result = func(_ *variable, state int) Tri { return triOf(state == 1) }
		return a
	}
	return x.opaque(a, n)
}

// opaque is a condition that is not seen through.
func (x *explorer) opaque(a atom, n *node) atom {
	a.variable = x.variable("result of "+n.canon(), variable{ways: 3})
	a.result = func(_ *variable, state int) Tri { return Tri(state) } // false, true, unknown
	return a
}

// term is a value without its default, which is returned if it is constant, and
// notes whether the term's presence matters.
func (x *explorer) term(a *atom, n *node) (term *node, fallback *Value) {
	if n.op == opDefault {
		if v, ok := n.args[1].constantValue(); ok {
			fallback = &v
		}
		n = n.args[0]
	}
	if x.unsent {
		x.note(n)
	}
	if i, ok := x.presence[n.canon()]; ok {
		a.presence = i
	}
	return n, fallback
}

// constantValue is the value of a constant, also of one brought to another
// currency.
func (n *node) constantValue() (Value, bool) {
	if n.op == opGuard {
		n = n.args[0]
	}
	if n.op != opConst {
		return Value{}, false
	}
	return *n.value, true
}

// compared is a value against a constant.
func (x *explorer) compared(a atom, value *node, operator string, limit Value) atom {
	if value.op == opDefault && !value.args[1].constant() {
		return x.opaque(a, &node{op: opCompare, text: operator, args: []*node{value, {op: opConst, value: &limit}}})
	}
	switch value.typ.Kind {
	case Text:
		return x.oneOf(a, value, []string{limit.Text}, operator == "==")
	case Bool:
		term, fallback := x.term(&a, value)
		want := limit.Bool == (operator == "==")
		if fallback != nil {
			a.fallback = triOf(fallback.Bool == want)
		}
		a.variable = x.variable("truth of "+term.canon(), variable{ways: 2})
		a.result = func(_ *variable, state int) Tri { return triOf((state == 1) == want) }
		return a
	}
	term, fallback := x.term(&a, value)
	at := limit.Quantity()
	mask := outcomes(operator)
	if fallback != nil {
		a.fallback = Tri(mask >> (fallback.Quantity().Cmp(at) + 1) & 1)
	}
	a.variable = x.quantity(term, at)
	a.result = func(v *variable, state int) Tri { return Tri(mask >> (v.order(state, at) + 1) & 1) }
	return a
}

func (x *explorer) quantity(term *node, limits ...*big.Int) int {
	k := term.typ.Kind
	return x.variable("place of "+term.canon(), variable{limits: slices.Clone(limits), whole: k == Int || k == Date})
}

// order is where a place stands to a limit: -1, 0 or 1.
func (v *variable) order(state int, limit *big.Int) int {
	p := v.places[state]
	i, _ := slices.BinarySearchFunc(v.limits, limit, (*big.Int).Cmp)
	switch {
	case p.limit > i:
		return 1
	case p.limit < i || !p.at:
		return -1
	}
	return 0
}

func (x *explorer) amongNumbers(a atom, n *node) atom {
	if n.args[0].op == opDefault && !n.args[0].args[1].constant() {
		return x.opaque(a, n)
	}
	term, fallback := x.term(&a, n.args[0])
	var limits []*big.Int
	for _, item := range n.args[1:] {
		limits = append(limits, item.value.Quantity())
	}
	if fallback != nil {
		a.fallback = triOf(slices.ContainsFunc(limits, func(l *big.Int) bool { return l.Cmp(fallback.Quantity()) == 0 }))
	}
	a.variable = x.quantity(term, limits...)
	a.result = func(v *variable, state int) Tri {
		return triOf(slices.ContainsFunc(limits, func(l *big.Int) bool { return v.order(state, l) == 0 }))
	}
	return a
}

// oneOf is a text that is, or is not, one of some words.
func (x *explorer) oneOf(a atom, value *node, words []string, is bool) atom {
	if value.op == opDefault && !value.args[1].constant() {
		return x.opaque(a, &node{op: opIn, args: []*node{value, {op: opConst, value: &Value{Type: Type{Kind: Texts}, Texts: words}}}})
	}
	term, fallback := x.term(&a, value)
	if fallback != nil {
		a.fallback = triOf(slices.Contains(words, fallback.Text) == is)
	}
	a.variable = x.variable(wordOf+term.canon(), variable{words: slices.Sorted(slices.Values(words))})
	a.result = func(v *variable, state int) Tri {
		return triOf((state < len(v.words) && slices.Contains(words, v.words[state])) == is)
	}
	return a
}

const wordOf = "word of "

// only makes the event types a rule applies to the only ones.
func (x *explorer) only(types []string) {
	if i, ok := x.index[wordOf+"event_type"]; ok && len(types) > 0 {
		x.variables[i] = variable{words: slices.Sorted(slices.Values(types)), closed: true}
	}
}

// related is a value against another that is not constant: less, equal, greater,
// or not known.
func (x *explorer) related(a atom, value, limit *node, operator string) atom {
	left, right := value.canon(), limit.canon()
	if right < left {
		left, right, operator = right, left, flipped(operator)
	}
	mask := outcomes(operator)
	a.variable = x.variable("order of "+left+" and "+right, variable{ways: 4})
	a.result = func(_ *variable, state int) Tri {
		if state == 3 {
			return Unknown
		}
		return Tri(mask >> state & 1)
	}
	return a
}

func whether(first bool, a, b Tri) Tri {
	if first {
		return a
	}
	return b
}
