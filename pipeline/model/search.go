package model

import (
	"errors"
	"fmt"
)

// machine is a model that a search can explore. S is one state of everything.
type machine[S comparable] interface {
	initial() S
	// each calls visit for every state that one action can reach from s.
	each(s *S, visit func(next S, what action))
	// broken returns the promise that a state breaks, or "".
	broken(*S) string
	// done reports whether nothing is left to do.
	done(*S) bool
	// sentence describes an action between two states.
	sentence(what action, before, after *S) string
}

// Result is the result of a search.
type Result struct {
	States int // number of reachable states
	Steps  int // number of steps between them
	Depth  int // steps from the first state to the farthest
	// Broken is the promise that the protocol breaks. Trace is the shortest
	// path to the fault, a line for each step; it has none when the first state
	// is at fault. Both are empty when no promise is broken.
	Broken string
	Trace  []string
}

// ErrTooMany is returned when more states are reachable than the limit allows.
var ErrTooMany = errors.New("model: more states than the limit")

// deadEnd is the text of Broken for a state from which the work cannot be finished.
const deadEnd = "from here on, whatever happens, the records cannot all be stored, published and committed"

// Search visits every reachable state, breadth first, until one breaks a promise.
// If none does, it looks for a state that cannot reach one in which every record is
// stored, published and committed. It returns ErrTooMany after limit states.
func (p Protocol) Search(limit int) (Result, error) { return search[state](&p, limit) }

func search[S comparable](m machine[S], limit int) (Result, error) {
	g := newGraph(m.initial())
	found := int32(-1)
	for i := int32(0); int(i) < g.len() && found < 0; i++ {
		m.each(g.at(i), func(next S, _ action) {
			n, fresh := g.add(next, i)
			if fresh && found < 0 && m.broken(g.at(n)) != "" {
				found = n
			}
			g.steps = append(g.steps, n)
		})
		g.ends = append(g.ends, len(g.steps))
		if g.len() > limit {
			return Result{States: g.len()}, ErrTooMany
		}
	}
	r := Result{States: g.len(), Steps: len(g.steps), Depth: int(g.depth[g.len()-1])}
	if found >= 0 {
		r.Broken = m.broken(g.at(found))
	} else if found = stuck(m, g); found >= 0 {
		r.Broken = deadEnd
	}
	if found >= 0 {
		r.Trace = trace(m, g.path(found))
	}
	return r, nil
}

// stuck returns the first state that cannot reach the end of the work, or -1.
func stuck[S comparable](m machine[S], g *graph[S]) int32 {
	ends := make([]bool, g.len())
	for i := range ends {
		ends[i] = m.done(g.at(int32(i)))
	}
	for changed := true; changed; {
		changed = false
		// Most steps lead to states found later, so a backward pass needs few
		// rounds.
		for i := len(ends) - 1; i >= 0; i-- {
			if ends[i] {
				continue
			}
			for _, n := range g.next(i) {
				if ends[n] {
					ends[i], changed = true, true
					break
				}
			}
		}
	}
	for i := range ends {
		if !ends[i] {
			return int32(i)
		}
	}
	return -1
}

// trace describes a path, a line for each step.
func trace[S comparable](m machine[S], way []*S) []string {
	var lines []string
	for i, after := range way[1:] {
		before := *way[i]
		found := false
		m.each(&before, func(next S, what action) {
			if !found && next == *after {
				found = true
				lines = append(lines, fmt.Sprintf("%2d. %s", i+1, m.sentence(what, &before, after)))
			}
		})
	}
	return lines
}
