package model

// deliver lists the steps from a declared batch to a settled one.
func (p *Protocol) deliver(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	late := p.has(Late) && m.age >= p.TTL
	switch m.at {
	case looking:
		switch all, ok := s.clickhouse.holds(p, m.open); {
		case !ok && late && p.has(Doubt):
			it.then("finds other rows in the range of {batch} and its intent too old, and gives it up", func(_ *state, m *worker) { m.abandon(p) })
		case !ok:
			it.then("finds other rows in the range of {batch}, and stops", func(_ *state, m *worker) { *m = worker{at: stopped} })
		case all:
			it.then("finds {batch} stored", func(_ *state, m *worker) { p.stored(m) })
		case m.lost && m.quiet < p.Quiet && p.has(Waited):
			it.then("finds {batch} not stored, and gives it up until no insert of it can run", func(_ *state, m *worker) { m.abandon(p) })
		case m.lost && p.has(Next):
			it.then("finds {batch} lost, and takes its next token", func(_ *state, m *worker) { p.renumber(m) })
		default:
			it.then("finds {batch} not stored", func(_ *state, m *worker) {
				if m.at = storing; !p.has(Redeclare) {
					m.age = 0
				}
			})
		}
	case storing:
		switch {
		case p.has(Begun):
			it.then("makes ClickHouse begin an insert of {batch}", func(_ *state, m *worker) { m.begin(begun) })
		case late:
			it.then("finds its intent too old, and gives {batch} up", func(_ *state, m *worker) { m.abandon(p) })
		default:
			it.then("finds its intent young enough", func(_ *state, m *worker) { m.at = beginning })
		}
	case beginning:
		it.then("makes ClickHouse begin an insert of {batch}", func(_ *state, m *worker) { m.begin(sending) })
	case begun:
		if late {
			it.then("finds its intent too old, ends the insert and gives {batch} up", func(_ *state, m *worker) { m.abandon(p) })
		} else {
			it.then("finds its intent young enough", func(_ *state, m *worker) { m.at = sending })
		}
	case sending:
		if m.insert.phase == ended {
			it.then("finds that ClickHouse has ended the insert", func(_ *state, m *worker) { m.again() })
		} else {
			it.then("sends the rows", func(_ *state, m *worker) { m.at, m.insert.phase = awaiting, whole })
		}
	case awaiting:
		if m.insert.phase == landed {
			it.then("hears that {batch} is stored", func(_ *state, m *worker) {
				if m.insert.repeat && p.has(Seen) {
					m.at, m.insert = seeing, insert{}
					return
				}
				p.stored(m)
			})
		}
		it.then("hears nothing of its insert, which is over", func(_ *state, m *worker) { m.again() })
		if s.orphans(m.insert) {
			it.then("hears nothing of its insert, which runs on", func(n *state, m *worker) {
				n.clickhouse.orphan = m.insert
				m.again()
			})
		}
	case seeing:
		switch all, ok := s.clickhouse.holds(p, m.open); {
		case !ok && late && p.has(Doubt):
			it.then("sees other rows in the range of {batch} and its intent too old, and gives it up", func(_ *state, m *worker) { m.abandon(p) })
		case !ok:
			it.then("sees other rows in the range of {batch}, and stops", func(_ *state, m *worker) { *m = worker{at: stopped} })
		case all:
			it.then("sees the rows of {batch}", func(_ *state, m *worker) { p.stored(m) })
		default:
			it.then("does not see the rows of {batch}, and gives it up", func(_ *state, m *worker) {
				m.lost, m.quiet = true, 0
				m.abandon(p)
			})
		}
	case publishing:
		p.publish(s, w, emit)
	case stopped, out:
		return
	}
	// Alerts do not wait for the insert, nor for its end.
	if m.at >= storing && m.at <= seeing && m.unpublished() >= 0 && p.has(Publish) {
		p.publish(s, w, emit)
	}
	// A rebalance or the worker's end may wait in every step.
	it.then("is hurried, and gives {batch} up", func(_ *state, m *worker) { m.abandon(p) })
	if s.orphans(m.insert) {
		it.then("is hurried, and gives {batch} up, whose insert runs on", func(n *state, m *worker) {
			n.clickhouse.orphan = m.insert
			m.abandon(p)
		})
	}
}

// begin begins the insert of the open batch on the server.
func (m *worker) begin(then step) {
	m.at, m.insert = then, insert{phase: running, batch: m.open}
}

// again goes on after an insert that failed or has an unknown outcome.
func (m *worker) again() { m.at, m.insert = storing, insert{} }

// renumber gives the pending batch its next token. It is declared under that
// before it is stored.
func (p *Protocol) renumber(m *worker) {
	m.lost, m.quiet = false, 0
	if !p.has(Counted) {
		m.open.number++
		m.at = storing
		return
	}
	m.pending.number++
	m.abandon(p)
}

// stored goes on after the rows of the open batch are stored.
func (p *Protocol) stored(m *worker) {
	open := m.open
	m.insert, m.timed, m.age = insert{}, false, 0
	switch {
	case m.unpublished() < 0:
		m.settle()
	case !p.has(Publish):
		m.settle()
		m.at, m.reply, m.open = telling, sent, open
	default:
		m.at = publishing
	}
}

// settle ends the delivery of the open batch.
func (m *worker) settle() {
	n := m.open.last + 1 - m.open.first
	*m = worker{at: idle, assigned: m.assigned, known: true, log: m.open.log, next: m.open.first + n, head: m.open.head + n, settled: true}
}

// publish lists the outcomes of sending the next alert.
func (p *Protocol) publish(s *state, w int8, emit emit) {
	it, o := doing{s, w, w, emit}, s.workers[w].unpublished()
	it.then("publishes its next alert of {batch}", func(n *state, m *worker) {
		n.jetstream.accept(p, m.open.log, o, m.open.rules)
		if m.done = o + 1; m.at == publishing && m.unpublished() < 0 {
			p.published(m)
		}
	})
	it.then("publishes its next alert of {batch}, and hears nothing", func(n *state, m *worker) { n.jetstream.accept(p, m.open.log, o, m.open.rules) })
	if !s.jetstream.late.set {
		it.then("sends its next alert of {batch}, which is late, and hears nothing", func(n *state, m *worker) {
			n.jetstream.late = message{true, m.open.log, o, m.open.rules}
		})
	}
}

// unpublished returns the next unpublished candidate of the open batch, or -1.
func (m *worker) unpublished() int8 {
	for o := max(m.done, m.open.first); o <= m.open.last; o++ {
		if candidate(o, m.open.rules) {
			return o
		}
	}
	return -1
}

// published goes on after the last alert.
func (p *Protocol) published(m *worker) {
	if !p.has(Publish) {
		*m = worker{at: idle, assigned: m.assigned, known: true, log: m.log, next: m.next, head: m.head}
		return
	}
	m.settle()
}
