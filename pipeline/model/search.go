package model

import "errors"

// emit takes one thing that may happen next.
type emit func(next state, what action)

// successors lists everything that may happen next.
func (p *Protocol) successors(s *state, emit emit) {
	for w := range int8(2) {
		p.work(s, w, emit)
	}
	p.group(s, emit)
	p.table(s, emit)
	p.stream(s, emit)
	p.tick(s, emit)
}

// Result is what a search found.
type Result struct {
	States int // that can be reached
	Steps  int // between them
	Depth  int // steps from the first state to the farthest
	// Broken is the promise that the protocol breaks, and Trace the shortest
	// way there, a line a step; it has none when the first state is at fault.
	// Both are empty when no promise is broken.
	Broken string
	Trace  []string
}

// ErrTooMany says that more states can be reached than the limit allows.
var ErrTooMany = errors.New("model: more states than the limit")

// deadEnd is what Broken says of a state from which the work cannot be finished.
const deadEnd = "from here on, whatever happens, the records cannot all be stored, published and committed"

// Search visits every state that can be reached, breadth first, until one
// breaks a promise. When none does it looks for one from which no way leads to
// a state where every record is stored, published and committed. It returns
// ErrTooMany when there are more than limit states.
func (p Protocol) Search(limit int) (Result, error) {
	g := newGraph(p.initial())
	found := int32(-1)
	for i := 0; i < len(g.states) && found < 0; i++ {
		s := g.states[i]
		p.successors(&s, func(next state, _ action) {
			n, fresh := g.add(next, int32(i))
			if fresh && found < 0 && p.broken(&next) != "" {
				found = n
			}
			g.steps = append(g.steps, n)
		})
		g.ends = append(g.ends, len(g.steps))
		if len(g.states) > limit {
			return Result{States: len(g.states)}, ErrTooMany
		}
	}
	r := Result{States: len(g.states), Steps: len(g.steps), Depth: int(g.depth[len(g.depth)-1])}
	if found >= 0 {
		r.Broken = p.broken(&g.states[found])
	} else if found = p.deadEnd(g); found >= 0 {
		r.Broken = deadEnd
	}
	if found >= 0 {
		r.Trace = p.tell(g.path(found))
	}
	return r, nil
}

// deadEnd returns the first state from which no way leads to the end of the
// work, or -1.
func (p *Protocol) deadEnd(g *graph) int32 {
	ends := make([]bool, len(g.states))
	for i := range ends {
		ends[i] = p.done(&g.states[i])
	}
	for changed := true; changed; {
		changed = false
		// Most steps lead to states that were found later, so going backwards
		// needs few rounds.
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
