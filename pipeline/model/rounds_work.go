package model

// work lists what a worker may do next. While a commit is under way the loop waits for
// it, and deliveries go on.
func (p *Rounds) work(s *rounds, w int8, then then) {
	m := &s.loops[w]
	if m.at != idle {
		return
	}
	p.die(s, w, then)
	switch {
	case m.reply != nothing:
		p.hear(s, w, then)
	case s.live[w] && m.assigned && !m.known:
		then(w, "reads the mark: {group}", func(n *rounds, m *loop) {
			m.known, m.acked, m.next, m.head = true, n.mark, n.mark.offset, n.mark.head
		})
	case s.live[w] && m.known:
		p.replay(m, w, then)
		p.fill(m, w, then)
		p.commit(m, w, then)
		if !m.between() {
			then(w, "is hurried, and gives up what it has in hand", func(_ *rounds, m *loop) { m.abandon(p) })
		}
	}
	if m.reply == nothing && m.begins(p) {
		then(w, "begins to store {open}", func(_ *rounds, m *loop) {
			m.storing, m.open = m.open, batch{}
		})
	}
	p.deliver(s, w, then)
}

// behind is the offset behind the batch that is being stored.
func (m *loop) behind() int8 {
	if m.storing.set {
		return m.storing.last + 1
	}
	return m.next
}

// owes reports whether a promise reaches behind a record.
func (m *loop) owes(behind int8) bool {
	return max(m.acked.promises[0].last, m.acked.promises[1].last) > behind
}

// begins reports whether the store of the open batch may begin: whatever precedes it is
// settled, and the group has acknowledged that, with the range of the batch.
func (m *loop) begins(p *Rounds) bool {
	switch {
	case !m.open.set || m.storing.set || m.age != young:
		return false
	case !p.has(Final):
		return true
	}
	return m.acked.promise(m.open.first) == m.open.intent() && (m.acked.offset == m.next || !p.has(Moved))
}

// rulesOf returns by which rules a worker may judge a new batch.
func (p *Rounds) rulesOf(w int8) []int8 {
	if p.Reload {
		return []int8{0, 1}
	}
	return []int8{w}
}

// replay takes the first promised batch in hand.
func (p *Rounds) replay(m *loop, w int8, then then) {
	if !m.between() || !m.owes(m.next) {
		return
	}
	owed := double{}.with(m.acked, m.next).promises
	take := func(last, rules int8) {
		then(w, "fetches {storing} again", func(_ *rounds, m *loop) {
			m.storing = batch{set: true, first: m.next, last: last, rules: rules, number: owed[0].number, head: m.head}
			m.replay, m.look = true, p.has(Look)
			if !p.has(Redeclare) {
				m.age = young
			}
		})
	}
	last, rules := owed[0].last-1, owed[0].rules
	switch {
	case !p.has(Range):
		for last := m.next; last < p.Records; last++ {
			take(last, rules)
		}
	case !p.has(Rules):
		take(last, w)
	case !p.has(Apart):
		take(max(owed[0].last, owed[1].last)-1, rules)
	default:
		take(last, rules)
	}
}

// fill polls the next record.
func (p *Rounds) fill(m *loop, w int8, then then) {
	at := m.behind()
	if !p.has(Ungrown) && m.replay && m.age == old && !m.owes(at) && at < p.Records {
		then(w, "polls a record more: {storing}", func(_ *rounds, m *loop) { m.storing.last++ })
	}
	if !p.has(Fixed) && m.storing.set && !m.replay && !m.stored && !m.open.set {
		then(w, "goes on filling {storing}", func(_ *rounds, m *loop) { m.storing, m.open = batch{}, m.storing })
	}
	if !p.has(Longer) && m.open.last > m.open.first {
		then(w, "puts a record back: {open}", func(_ *rounds, m *loop) { m.open.last-- })
	}
	if m.open.set {
		at = m.open.last + 1
	} else if (m.replay || m.owes(at)) && (p.has(Finished) || !m.storing.set) {
		return
	}
	if at >= p.Records {
		return
	}
	for _, rules := range p.rulesOf(w) {
		if m.open.set && m.open.rules != rules && p.has(Same) {
			continue
		}
		then(w, "polls a record: {open}", func(_ *rounds, m *loop) {
			if !m.open.set {
				m.open = batch{set: true, first: at, head: m.head + at - m.next}
			}
			m.open.last, m.open.rules = at, rules
		})
	}
}

// commit lists the commits that a worker may send. They declare the batch that is being
// stored and, if whole, all of the open one; they keep every other promise.
func (p *Rounds) commit(m *loop, w int8, then then) {
	declared := m.acked.promise(m.open.first)
	due := m.acked.offset != m.next ||
		m.age == old && (m.storing.set && !m.stored || !m.storing.set && m.open.set && declared.last != 0)
	send := func(does string, c double) {
		then(w, does, func(_ *rounds, m *loop) {
			if m.reply, m.sent = sent, c; m.age == old {
				m.age = renewed
			}
		})
	}
	if due {
		send("commits {commit}", m.commitment(p, false))
	}
	urgent := false // it holds a candidate that is not declared
	for o := max(m.open.first, declared.last); m.open.set && o <= m.open.last; o++ {
		urgent = urgent || p.candidate(o)
	}
	if m.open.set && declared != m.open.intent() && (due || urgent || !m.storing.set) {
		send("declares {open}: {commit}", m.commitment(p, true))
	}
	if m.storing.set && !m.stored && m.age == young {
		then(w, "finds that it has to declare {storing} again", func(_ *rounds, m *loop) { m.expire(p) })
	}
}

// commitment returns the mark that the worker commits now. whole declares all of the
// open batch.
func (m *loop) commitment(p *Rounds, whole bool) double {
	c := double{offset: m.next, head: m.head}
	if !p.has(Head) && m.open.set {
		c.head = m.open.head
	}
	if m.storing.set {
		c.promises[0] = m.storing.intent()
	}
	switch {
	case whole && !p.has(Oldest):
		return double{m.open.first, m.open.head, [2]intent{m.open.intent()}}
	case whole:
		return c.with(double{promises: [2]intent{m.open.intent()}}, m.behind())
	case m.storing.set && !p.has(Second), !m.storing.set && !p.has(Carried):
		return c
	}
	return c.with(m.acked, m.behind())
}

// hear lists the answers that a worker may get to its commit. A refusal is in forget.
func (p *Rounds) hear(s *rounds, w int8, then then) {
	if s.loops[w].reply == accepted {
		then(w, "has its commit acknowledged", func(_ *rounds, m *loop) {
			m.acked, m.sent, m.reply = m.sent, double{}, nothing
			if m.age == renewed {
				m.age = young
			}
		})
	}
	if p.has(Leave) {
		then(w, "does not know what became of its commit, and leaves the group", func(n *rounds, m *loop) {
			n.quit(w)
			*m = loop{}
		})
		return
	}
	then(w, "does not know what became of its commit, and goes on", func(_ *rounds, m *loop) { m.abandon(p) })
	if p.takes(s, w) {
		then(w, "does not know what became of its commit, which is late, and goes on", func(n *rounds, m *loop) {
			n.late = m.sent
			m.abandon(p)
		})
	}
}

// abandon gives up what the worker has in hand. What it has declared it replays, if it
// keeps the partition.
func (m *loop) abandon(p *Rounds) {
	*m = loop{at: idle, assigned: true, known: true, acked: m.acked, next: m.next, head: m.head}
	if !p.has(Owed) {
		m.acked.promises = [2]intent{}
	}
}
