package dialect

import (
	"math/big"
	"slices"
)

// maxSituations bounds an exploration. A rule of eight conditions has about
// 10,000 situations.
const maxSituations = 50_000

// Explore evaluates conditions in every situation that they distinguish, and calls
// visit with their results until it returns false. types are the only event types.
// A situation gives each amount, number or date a place between the constants that
// it is compared with, and each text one of the words it is compared with or
// another one. Each field of a default or of present is sent or not. A comparison
// of two quantities, and any part that the analysis does not understand, has every
// result. So every real event is in one of the situations, and a result that holds
// in all of them holds. Some situations may belong to no real event.
//
// It returns false, without a call of visit, when there are too many situations.
func Explore(conditions []*Program, types []string, visit func(results []Tri) bool) bool {
	return newExplorer(conditions, types, false).run(conditions, visit)
}

// Equivalent reports whether two lists of conditions have the same results in
// every situation, in which here each field may be sent or not. True means that
// no event distinguishes them; false may mean that there are too many situations.
func Equivalent(a, b []*Program, types []string) bool {
	if len(a) != len(b) {
		return false
	}
	all, same := slices.Concat(a, b), true
	explored := newExplorer(all, types, true).run(all, func(results []Tri) bool {
		same = slices.Equal(results[:len(a)], results[len(a):])
		return same
	})
	return explored && same
}

func newExplorer(conditions []*Program, types []string, unsent bool) *explorer {
	x := &explorer{index: map[string]int{}, atoms: map[*node]atom{}, presence: map[string]int{}, unsent: unsent}
	for _, p := range conditions {
		x.presences(p.node)
	}
	for _, p := range conditions {
		x.collect(p.node)
	}
	x.only(types)
	return x
}

func (x *explorer) run(conditions []*Program, visit func(results []Tri) bool) bool {
	total := 1
	for i := range x.variables {
		v := &x.variables[i]
		v.settle()
		if total *= v.size(); total > maxSituations {
			return false
		}
	}
	x.state = make([]int, len(x.variables))
	results := make([]Tri, len(conditions))
	for {
		for i, p := range conditions {
			results[i] = x.result(p.node)
		}
		if !visit(results) || !x.next() {
			return true
		}
	}
}

// explorer holds what the conditions distinguish, and the present situation.
type explorer struct {
	variables []variable
	index     map[string]int // of variables, by what they are of
	presence  map[string]int // of the variable for whether a term was sent
	unsent    bool           // every term has such a variable
	atoms     map[*node]atom
	state     []int
}

// variable is one thing that has several results.
type variable struct {
	limits []*big.Int // of a quantity, sorted: its places are at and between them
	whole  bool       // nothing lies between two limits that follow each other
	places []spot     // of a quantity, once settled
	words  []string   // of a text; and any other, unless closed
	closed bool
	ways   int // of anything else
}

// spot is a place of a quantity: at a limit, or between that limit and the one
// before it.
type spot struct {
	limit int
	at    bool
}

// settle fixes the places, once all limits are known.
func (v *variable) settle() {
	slices.SortFunc(v.limits, (*big.Int).Cmp)
	v.limits = slices.CompactFunc(v.limits, func(a, b *big.Int) bool { return a.Cmp(b) == 0 })
	v.places = nil
	for i, limit := range v.limits {
		gap := i == 0 || !v.whole || new(big.Int).Sub(limit, v.limits[i-1]).Cmp(big.NewInt(1)) > 0
		if gap {
			v.places = append(v.places, spot{i, false})
		}
		v.places = append(v.places, spot{i, true})
	}
	if len(v.limits) > 0 {
		v.places = append(v.places, spot{len(v.limits), false})
	}
}

func (v *variable) size() int {
	switch {
	case v.limits != nil:
		return len(v.places)
	case v.words != nil && v.closed:
		return len(v.words)
	case v.words != nil:
		return len(v.words) + 1
	}
	return v.ways
}

// atom is a comparison or bare condition as a function of one variable, and of
// whether its term was sent.
type atom struct {
	variable int
	presence int // -1: taken to be sent
	// fallback is the result where the term was not sent: of the default behind
	// ??, or unknown.
	fallback Tri
	result   func(v *variable, state int) Tri
}

func (x *explorer) result(n *node) Tri {
	switch {
	case n.op == opAnd:
		return and(x.result(n.args[0]), x.result(n.args[1]))
	case n.op == opOr:
		return or(x.result(n.args[0]), x.result(n.args[1]))
	case n.op == opNot:
		return not(x.result(n.args[0]))
	case n.op == opLet && n.typ.Kind == Bool:
		return x.result(n.let.Program.node)
	case n.op == opIf && n.typ.Kind == Bool:
		switch x.result(n.args[0]) {
		case True:
			return x.result(n.args[1])
		case False:
			return x.result(n.args[2])
		}
		return Unknown
	case n.op == opConst:
		return triOf(n.value.Bool)
	}
	a := x.atoms[n]
	if a.presence >= 0 && x.state[a.presence] == 1 {
		return a.fallback
	}
	return a.result(&x.variables[a.variable], x.state[a.variable])
}

// next goes on to the next situation, and returns false after the last.
func (x *explorer) next() bool {
	for i := range x.state {
		if x.state[i]++; x.state[i] < x.variables[i].size() {
			return true
		}
		x.state[i] = 0
	}
	return false
}

// connective reports whether a node is and, or, not or a let of a condition.
func (n *node) connective() bool {
	return n.op == opAnd || n.op == opOr || n.op == opNot || (n.op == opLet || n.op == opIf) && n.typ.Kind == Bool
}

func (n *node) inner() []*node {
	if n.op == opLet {
		return []*node{n.let.Program.node}
	}
	return n.args
}

// presences finds the terms of which a default or present speaks.
func (x *explorer) presences(n *node) {
	if n.connective() {
		for _, a := range n.inner() {
			x.presences(a)
		}
		return
	}
	switch {
	case n.op == opDefault:
		x.note(n.args[0])
	case n.op == opCall && n.function.form == presence:
		x.note(n.args[0])
	case n.op == opCompare || n.op == opIn || n.op == opMatch:
		for _, a := range n.args {
			if a.op == opDefault {
				x.note(a.args[0])
			}
		}
	}
}

// note makes the presence of a term matter.
func (x *explorer) note(term *node) {
	name := term.canon()
	if _, ok := x.presence[name]; !ok {
		x.presence[name] = x.variable("presence of "+name, variable{ways: 2})
	}
}

func (x *explorer) variable(name string, v variable) int {
	if i, ok := x.index[name]; ok {
		old := &x.variables[i]
		old.limits, old.words = append(old.limits, v.limits...), append(old.words, v.words...)
		slices.Sort(old.words)
		old.words = slices.Compact(old.words)
		return i
	}
	x.variables = append(x.variables, v)
	x.index[name] = len(x.variables) - 1
	return len(x.variables) - 1
}

// collect finds the atoms of a condition.
func (x *explorer) collect(n *node) {
	if n.connective() {
		for _, a := range n.inner() {
			x.collect(a)
		}
		return
	}
	if _, ok := x.atoms[n]; !ok && n.op != opConst {
		x.atoms[n] = x.atom(n)
	}
}
