package model

import "hash/maphash"

// graph is what a search has reached: every state once, in the order in which
// it was found, and the steps between them.
type graph struct {
	states []state
	parent []int32 // the state from which each was found; -1 for the first
	depth  []int32 // steps from the first
	steps  []int32 // states that follow each, one state's after the other's
	ends   []int   // where each state's steps end
	// table finds a state's number, plus one, by its hash: open addressing, so
	// that states are kept once and not as keys too.
	table []int32
	seed  maphash.Seed
}

func newGraph(first state) *graph {
	g := &graph{table: make([]int32, 1<<16), seed: maphash.MakeSeed()}
	g.add(first, -1)
	return g
}

// add returns the number of a state, and whether it is new.
func (g *graph) add(s state, from int32) (n int32, fresh bool) {
	at := g.find(&s)
	if n = *at - 1; n >= 0 {
		return n, false
	}
	n = int32(len(g.states))
	*at = n + 1
	g.states, g.parent = append(g.states, s), append(g.parent, from)
	if from < 0 {
		g.depth = append(g.depth, 0)
	} else {
		g.depth = append(g.depth, g.depth[from]+1)
	}
	if 2*len(g.states) > len(g.table) {
		g.table = make([]int32, 4*len(g.table))
		for i := range g.states {
			*g.find(&g.states[i]) = int32(i) + 1
		}
	}
	return n, true
}

// find returns the state's place in the table.
func (g *graph) find(s *state) *int32 {
	mask := uint64(len(g.table) - 1)
	for h := maphash.Comparable(g.seed, *s) & mask; ; h = (h + 1) & mask {
		if at := &g.table[h]; *at == 0 || g.states[*at-1] == *s {
			return at
		}
	}
}

// next are the states that follow one that was expanded.
func (g *graph) next(i int) []int32 {
	if i == 0 {
		return g.steps[:g.ends[0]]
	}
	return g.steps[g.ends[i-1]:g.ends[i]]
}

// path is the shortest way from the first state to another, both included.
func (g *graph) path(to int32) []*state {
	way := make([]*state, g.depth[to]+1)
	for i := to; i >= 0; i = g.parent[i] {
		way[g.depth[i]] = &g.states[i]
	}
	return way
}
