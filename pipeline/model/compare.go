package model

// mind is what a worker still has to compare with the rows before its first insert.
type mind int8

const (
	compared   mind = iota // nothing
	unpromised             // the mark at which it began
	promised               // the same, which had a promise; only without Own
)

// finding is the result of a comparison.
type finding int8

const (
	agrees finding = iota
	found          // the rows are those of the batch that the worker has just cut
	contradicts
)

// compare lists the steps of a worker that has declared a batch, or is idle, and has
// not yet compared the mark at which it began with the rows.
func (p *Protocol) compare(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	if m.at == comparing {
		switch p.agree(&s.clickhouse, m) {
		case agrees:
			it.then("finds that the rows agree with the mark", func(_ *state, m *worker) {
				m.began = compared
				p.deliverable(m)
			})
		case found:
			it.then("finds the rows of {batch}, which it has just cut, and gives it up", func(_ *state, m *worker) { m.abandon(p) })
		default:
			it.then("finds that the rows contradict the mark", func(_ *state, m *worker) { m.at = doubting })
		}
	} else if k := &s.kafka; p.has(Stands) && (k.offset != m.next || k.mark != mark{m.log, m.head, m.pending}) {
		it.then("finds that the group's mark has moved, and gives its batch up", func(_ *state, m *worker) { m.abandon(p) })
	} else {
		it.then("finds the group's mark as it was, and stops", func(_ *state, m *worker) { *m = worker{at: stopped} })
	}
	it.then("is hurried, and gives its batch up", func(_ *state, m *worker) { m.abandon(p) })
}

// compareIdle is a cycle without records.
func (p *Protocol) compareIdle(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	switch {
	case m.began == compared || !p.has(Idle):
	case p.agree(&s.clickhouse, m) == contradicts:
		it.then("is idle, and finds that the rows contradict the mark", func(_ *state, m *worker) { m.at = doubting })
	default:
		it.then("is idle, and finds that the rows agree with the mark", func(_ *state, m *worker) { m.began = compared })
	}
}

// agree compares the last batch stored with the mark at which the worker began. Until
// then it settles nothing, so next and head are still those of the mark.
func (p *Protocol) agree(c *clickhouse, m *worker) finding {
	end := c.end(p, m.log)
	if end == 0 {
		if m.head == 0 || !p.has(Linked) {
			return agrees
		}
		return contradicts
	}
	tail := c.row(p, m.log, end-1)
	before := c.row(p, m.log, tail.first).chain - 1
	own := m.pending.last != 0 && (p.has(Own) || m.began == promised)
	linked := func(chain int8) bool { return chain == m.head || !p.has(Linked) || !p.has(Head) }
	switch {
	case end == m.next && linked(tail.chain), end < m.next && !p.has(Ahead):
		return agrees
	case own && tail.first == m.next && tail.last+1 == m.pending.last && linked(before):
		if m.open.set && !m.replay && p.has(Found) {
			return found
		}
		return agrees
	case end > m.next && !p.has(Behind):
		return agrees
	}
	return contradicts
}
