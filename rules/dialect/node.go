package dialect

import (
	"regexp"

	"tocsin/rules/event"
)

// op is the operation of a node.
type op uint8

const (
	opConst    op = iota + 1
	opField       // a field of the event, the profile or the line
	opObserved    // the name observed
	opItem        // #: the text that a predicate looks at
	opLet         // a named part of the rule
	opNot
	opNegate
	opAnd
	opOr
	opCompare // == != < <= > >=
	opIn
	opMatch // contains, startsWith, endsWith, matches
	opArith // + - * %
	opDefault
	opIf
	opCall
	opScale // an Int of seconds or days as a Duration
	opGuard // a constant amount as one in a currency that the event names
)

// origin is the record that a field is read from.
type origin uint8

const (
	fromEvent origin = iota
	fromProfile
	fromLine
)

// node is a checked expression. Nodes form a graph without cycles: the middle
// of a chained comparison has two parents.
type node struct {
	op       op
	origin   origin // of opField
	literal  bool   // of opConst: a number in the expression, not a param
	compiled bool
	typ      Type
	at       span
	text     string // the name, the operator or the function as written
	name     string // of opField: the name in the field reference
	args     []*node

	value    *Value         // of opConst, else nil
	field    *event.Field   // of opField
	let      *Let           // of opLet
	function *function      // of opCall
	pattern  *regexp.Regexp // of opMatch with matches
	env      *Env           // of opGuard, opField and business_days_between

	closure closure // set by compile
}

// constant reports whether no event can change the value.
func (n *node) constant() bool {
	switch n.op {
	case opConst:
		return true
	case opField, opObserved, opItem, opLet:
		return false
	}
	for _, a := range n.args {
		if !a.constant() {
			return false
		}
	}
	return true
}

// Costs: an operation is 1, a predicate is paid for listCost records.
const (
	listCost = 100
	maxCost  = 1_000_000
)

// cost is the number of operations of the worst case.
func (n *node) cost(known map[*node]int) int {
	if c, ok := known[n]; ok {
		return c
	}
	c := 1
	if n.op == opLet {
		c += n.let.Program.cost
	}
	for i, a := range n.args {
		each := a.cost(known)
		if n.op == opCall && n.function.overList() && i > 0 {
			each *= listCost
		}
		c = min(c+each, maxCost+1)
	}
	known[n] = c
	return c
}

// walk calls visit for n and everything below it once, in source order.
// visit returns false to pass over what is below.
func (n *node) walk(visit func(*node) bool) { n.walkOnce(map[*node]bool{}, visit) }

func (n *node) walkOnce(seen map[*node]bool, visit func(*node) bool) {
	if seen[n] {
		return
	}
	seen[n] = true
	if !visit(n) {
		return
	}
	for _, a := range n.args {
		a.walkOnce(seen, visit)
	}
}
