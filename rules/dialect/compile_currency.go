package dialect

import (
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// The amounts of a journal's lines are in transaction currency, and each line may
// be in another one. An amount of that unit therefore carries its currency along
// while an expression is evaluated: the operand that was evaluated last leaves it in
// Scope.code. Where two such amounts meet, their currencies must be the same, else
// the result is unknown.

// unnamed is the currency of an amount that neither its line nor the event names.
const unnamed = "?"

// own reports whether each value of the node has a currency of its own. The
// currency of a zero is "": it meets every other.
func (n *node) own() bool { return n.typ.Kind == Money && n.typ.Unit == event.Transaction }

// coded is a field's amount, which leaves its currency in the scope: the line's, or
// where the line has none, the event's.
func coded(n *node, read thunk[money.Amount]) thunk[money.Amount] {
	ofEvent := currencyField(n.env.Event, n.typ.Unit)
	var ofLine *event.Field
	if lines := n.env.Event.Lookup("lines"); lines != nil && n.origin == fromLine {
		ofLine = lines.Schema().Lookup("currency")
	}
	return func(s *Scope) (money.Amount, state) {
		v, st := read(s)
		s.code = unnamed
		if ofEvent != nil && s.Event.Has(ofEvent) {
			s.code = s.Event.Text(ofEvent)
		}
		if ofLine != nil && s.line.Has(ofLine) {
			s.code = s.line.Text(ofLine)
		}
		return v, st
	}
}

// meet returns the currency that two amounts share. nodes are what they were
// computed from.
func meet(s *Scope, nodes []*node, a, b string) state {
	switch {
	case a == "" || a == b:
		s.code = b
		return got
	case b == "":
		s.code = a
		return got
	case a == unnamed || b == unnamed:
		return s.lacks(string(event.Transaction) + "_currency")
	}
	for _, n := range nodes {
		if n.op == opGuard {
			return s.lacks("an amount in " + n.text)
		}
	}
	return s.lacks("amounts in one currency")
}

// both evaluates two amounts in the currency that they share.
func both(s *Scope, nodes []*node, a, b thunk[money.Amount]) (x, y money.Amount, st state) {
	x, sx := a(s)
	code := s.code
	y, sy := b(s)
	if st = max(sx, sy); st == got {
		st = meet(s, nodes, code, s.code)
	}
	return x, y, st
}

// twoOwn is two for amounts that have a currency each.
func twoOwn(nodes []*node, a, b thunk[money.Amount], problem string, f func(x, y money.Amount) (money.Amount, bool)) thunk[money.Amount] {
	return func(s *Scope) (money.Amount, state) {
		x, y, st := both(s, nodes, a, b)
		if st != got {
			return x, st
		}
		v, ok := f(x, y)
		if !ok {
			return v, s.fails(problem)
		}
		return v, got
	}
}

// orderedOwn is ordered for amounts that have a currency each.
func orderedOwn(mask uint8, nodes []*node, a, b thunk[money.Amount]) condition {
	return func(s *Scope) Tri {
		x, y, st := both(s, nodes, a, b)
		if st != got {
			return st.tri()
		}
		return Tri(mask >> (x.Cmp(y) + 1) & 1)
	}
}

// extremeOwn is extreme for amounts that have a currency each.
func extremeOwn(nodes []*node, args []closure, sign int) thunk[money.Amount] {
	best := args[0].money
	for i, a := range args[1:] {
		best = twoOwn(nodes[:i+2], best, a.money, "", func(x, y money.Amount) (money.Amount, bool) {
			if y.Cmp(x)*sign < 0 {
				return y, true
			}
			return x, true
		})
	}
	return best
}

// totalOwn is total for amounts that have a currency each: those that count must
// have one in common.
func totalOwn(n *node, list thunk[[]event.Record], value thunk[money.Amount], test condition, overflow string) thunk[money.Amount] {
	lacking := "one currency in " + n.args[1].name
	return func(s *Scope) (money.Amount, state) {
		var code string
		sum, st := total(list, func(s *Scope) (money.Amount, state) {
			v, st := value(s)
			switch {
			case st != got:
			case code == "":
				code = s.code
			case s.code != "" && s.code != code:
				st = s.lacks(lacking)
			}
			return v, st
		}, test, addMoney, money.Amount{}, overflow)(s)
		s.code = code
		return sum, st
	}
}
