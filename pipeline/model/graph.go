package model

import "hash/maphash"

// graph holds the states that a search has reached, each once and in the order of
// discovery, and the steps between them.
type graph[S comparable] struct {
	chunks [][]S // of chunk states each, so that growth copies none
	parent []int32
	depth  []int32 // steps from the first
	steps  []int32 // successors of each state, state after state
	ends   []int   // end of each state's successors in steps
	// table maps the hash of a state to its number plus one. A slot has half of the
	// hash too, so that different states are seldom compared and a larger table is
	// filled without them. It uses open addressing.
	table []slot
	seed  maphash.Seed
}

type slot struct{ hash, number uint32 }

const chunk = 1 << 12

func newGraph[S comparable](first S) *graph[S] {
	g := &graph[S]{table: make([]slot, 1<<16), seed: maphash.MakeSeed()}
	g.add(first, -1)
	return g
}

// len returns the number of states.
func (g *graph[S]) len() int { return len(g.parent) }

// at returns a state by its number.
func (g *graph[S]) at(n int32) *S { return &g.chunks[n/chunk][n%chunk] }

// add returns the number of a state and whether it is new. from is its predecessor;
// -1 for the first.
func (g *graph[S]) add(s S, from int32) (n int32, fresh bool) {
	hash := uint32(maphash.Comparable(g.seed, s))
	mask := uint32(len(g.table) - 1)
	i := hash & mask
	for ; g.table[i].number != 0; i = (i + 1) & mask {
		if n := int32(g.table[i].number - 1); g.table[i].hash == hash && *g.at(n) == s {
			return n, false
		}
	}
	n = int32(g.len())
	g.table[i] = slot{hash, uint32(n) + 1}
	if n%chunk == 0 {
		g.chunks = append(g.chunks, make([]S, 0, chunk))
	}
	last := &g.chunks[n/chunk]
	*last = append(*last, s)
	depth := int32(0)
	if from >= 0 {
		depth = g.depth[from] + 1
	}
	g.parent, g.depth = append(g.parent, from), append(g.depth, depth)
	if 2*g.len() > len(g.table) {
		g.grow()
	}
	return n, true
}

// grow makes the table larger.
func (g *graph[S]) grow() {
	table := make([]slot, 4*len(g.table))
	mask := uint32(len(table) - 1)
	for _, s := range g.table {
		if s.number != 0 {
			i := s.hash & mask
			for ; table[i].number != 0; i = (i + 1) & mask {
			}
			table[i] = s
		}
	}
	g.table = table
}

// next returns the successors of an expanded state.
func (g *graph[S]) next(i int) []int32 {
	if i == 0 {
		return g.steps[:g.ends[0]]
	}
	return g.steps[g.ends[i-1]:g.ends[i]]
}

// path returns the shortest path from the first state to another, both included.
func (g *graph[S]) path(to int32) []*S {
	way := make([]*S, g.depth[to]+1)
	for i := to; i >= 0; i = g.parent[i] {
		way[g.depth[i]] = g.at(i)
	}
	return way
}
