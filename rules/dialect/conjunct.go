package dialect

import (
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// Conjunct is a part of a condition without which the condition is false: where the
// part is false, so is the whole, whatever is missing or cannot be computed
// elsewhere. An index evaluates the conjuncts that rules share once for all of them.
//
// Word and Limit are set where the part has that form: then the index finds the
// rules by the value of the term, and does not evaluate the part of each.
type Conjunct struct {
	ID      int  // the same for parts that have the same result for every event
	Cost    int  // see Program.Cost
	Profile bool // the part reads the materiality profile
	Word    *Word
	Limit   *Limit

	node *node
	want bool // the part is true where node is; false: where node is false
}

// False reports whether the part is false. It is not false where it is unknown or
// failed.
func (c *Conjunct) False(s *Scope) bool { return c.node.closure.tri(s) == triOf(!c.want) }

// Term is the side of a comparison that the event gives.
type Term struct {
	ID    int // the same for terms that have the same value for every event
	value *node
}

// Word is a text that must be one of some.
type Word struct {
	Term
	Words []string
	// Absent: the part is false where the text was not sent, and not unknown.
	Absent bool
}

// Text returns the text. sent and known are false where it was not sent or cannot be
// computed.
func (w *Word) Text(s *Scope) (text string, sent, known bool) {
	text, st := w.value.closure.text(s)
	return text, st != gone, st != bad
}

// Limit is a quantity that must be at least, or at most, a limit that only the
// profile can change. Quantities are whole numbers: see Value.Quantity.
type Limit struct {
	Term
	AtMost bool // both are then negated, so that a greater quantity still is the one that passes
	limit  *node
	strict bool // the limit itself does not pass
}

// Quantity returns the term as a whole number, and false where it has no value.
func (l *Limit) Quantity(s *Scope) (money.Amount, bool) { return quantity(l.value, s, l.AtMost) }

// Least returns the least quantity that passes under a profile, for all events in the
// group currency of the pack and the profile. empty is an event without fields. False:
// no quantity is known to pass.
func (l *Limit) Least(empty, profile *event.Record) (money.Amount, bool) {
	least, ok := quantity(l.limit, &Scope{Event: empty, Materiality: profile}, l.AtMost)
	if ok && l.strict {
		return addMoney(least, money.FromBits(0, 1))
	}
	return least, ok
}

// quantity is the value of a node of a kind that Limit admits.
func quantity(n *node, s *Scope, negate bool) (q money.Amount, ok bool) {
	var st state
	switch n.typ.Kind {
	case Money:
		q, st = n.closure.money(s)
	case Rate:
		var r money.Rate
		r, st = n.closure.rate(s)
		q = raw(r)
	case Date:
		d, sd := n.closure.date(s)
		q, st = money.FromBits(bitsOfInt(int64(d))), sd
	default: // Int, Duration
		var i int64
		i, st = n.closure.whole(s)
		q = money.FromBits(bitsOfInt(i))
	}
	if negate {
		q = q.Neg()
	}
	return q, st == got
}

func bitsOfInt(i int64) (hi int64, lo uint64) { return i >> 63, uint64(i) }

// Conjuncts returns the conjuncts of a condition. terms gives the ids: use one for
// the rules of one pack and schema.
func (p *Program) Conjuncts(terms *Terms) []Conjunct {
	c := newCollector(terms)
	c.add(p.node, true)
	return c.found
}
