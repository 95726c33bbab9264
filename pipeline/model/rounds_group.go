package model

// then emits the state after a change that concerns a worker.
type then = func(who actor, does string, change func(n *rounds, m *loop))

// quit takes a worker's membership out of the group.
func (s *rounds) quit(w int8) {
	if s.live[w] = false; s.owner == owner(w) {
		s.disown()
	}
}

// disown leaves the partition without an owner. The generation of a commit under way
// is over.
func (s *rounds) disown() { s.owner, s.late = unowned, double{} }

// between reports whether the worker is in the group and between two turns.
func (m *loop) between() bool {
	return m.at == idle && m.reply == nothing && !m.storing.set && !m.open.set
}

// rebalance lists the changes of a worker's membership, and the group's answers to its
// commit. A change waits for the end of the turn. A commit of an expelled worker is
// refused; see forget.
func (p *Rounds) rebalance(s *rounds, w int8, then then) {
	m, other := &s.loops[w], 1-w
	switch {
	case m.at == out && (p.ServerSide || s.owner != ghost && (!s.live[other] || s.loops[other].between())):
		then(w, "joins the group", func(n *rounds, m *loop) {
			n.live[w], m.at = true, idle
			if !p.ServerSide {
				n.late = double{}
			}
		})
	case !s.live[w]:
		return
	case m.between() && s.owner == owner(w):
		then(kafka, "revokes the partition from {w}", func(n *rounds, m *loop) {
			n.disown()
			*m = loop{at: idle}
		})
	case m.between() && s.owner == unowned:
		then(kafka, "assigns the partition to {w}", func(n *rounds, m *loop) { n.owner, *m = owner(w), loop{at: idle, assigned: true} })
	}
	if !s.live[w] {
		return
	}
	then(kafka, "expels {w}, which does not know it", func(n *rounds, _ *loop) { n.quit(w) })
	if m.reply == sent {
		then(kafka, "accepts the commit of {w}: {group}", func(n *rounds, m *loop) { n.mark, m.reply = m.sent, accepted })
	}
}

// die lists the ways in which a worker may be killed. Its insert or its alert may
// run on: it is late before.
func (p *Rounds) die(s *rounds, w int8, then then) {
	dead := func(n *rounds, m *loop) {
		if n.live[w] = false; n.owner == owner(w) {
			n.owner = ghost
		}
		*m = loop{}
	}
	then(w, "is killed", dead)
	if p.takes(s, w) {
		then(w, "is killed, and its commit is late: {commit}", func(n *rounds, m *loop) {
			n.late = m.sent
			dead(n, m)
		})
	}
}

// takes reports whether the commit of a worker can be late.
func (p *Rounds) takes(s *rounds, w int8) bool {
	return s.loops[w].reply == sent && s.owner == owner(w) && s.late == double{}
}

// servers lists what may happen without a worker.
func (p *Rounds) servers(s *rounds, emit func(rounds, action)) {
	does := func(who actor, does string, change func(n *rounds)) {
		next := *s
		change(&next)
		emit(next, action{who, noOne, does})
	}
	if s.late != (double{}) {
		does(kafka, "applies the late commit: {group}", func(n *rounds) { n.mark, n.late = n.late, double{} })
	}
	if s.owner == ghost {
		does(kafka, "expels the member whose worker is gone", (*rounds).disown)
	}
	if s.orphan.set {
		does(server, "ends the late insert of {rows}", func(n *rounds) {
			n.land(n.orphan)
			n.orphan = batch{}
		})
	}
	if s.stray.set {
		does(nats, "takes the late alert", func(n *rounds) {
			n.accept(n.stray.offset, n.stray.rules)
			n.stray = message{}
		})
	}
	p.pass(s, does)
}

// pass lets a long time pass: longer than a token is remembered, so longer than an
// intent is valid and an insert runs.
func (p *Rounds) pass(s *rounds, does func(actor, string, func(*rounds))) {
	long := func(n *rounds) {
		n.orphan = batch{}
		for w := range n.loops {
			m := &n.loops[w]
			if p.has(Late) && (p.has(Since) || m.acked.promise(m.open.first).last == 0 || !m.open.set) {
				m.expire(p)
			}
			m.lost = min(2*m.lost, 2)
		}
	}
	does(clock, "passes a long time, and ClickHouse forgets its tokens", func(n *rounds) {
		long(n)
		n.tokens = 0
	})
	if p.Losses > 0 {
		does(clock, "passes a long time", long)
	}
}

// expire makes the acknowledged commit too old for an insert.
func (m *loop) expire(p *Rounds) {
	m.age = old
	if m.storing.set && !m.stored && p.has(Again) {
		m.look = true
	}
}
