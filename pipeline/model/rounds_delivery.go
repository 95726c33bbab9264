package model

// deliver lists the steps that publish and store what a worker has in hand.
func (p *Rounds) deliver(s *rounds, w int8, then then) {
	m := &s.loops[w]
	p.publish(s, w, m.storing, then)
	p.publish(s, w, m.open, then)
	switch {
	case !m.storing.set || m.stored || m.age != young:
	case m.look:
		p.find(s, w, then)
	case m.lost == 0:
		p.insert(s, w, then)
	}
	if !p.has(Ordered) && m.storing.set && m.open.set && m.acked.promise(m.open.first) == m.open.intent() {
		then(w, "stores {open} too, and hears nothing", func(n *rounds, m *loop) { n.land(m.open) })
	}
}

// find looks for the rows of the batch that is to be stored.
func (p *Rounds) find(s *rounds, w int8, then then) {
	m := &s.loops[w]
	switch all, ok := s.holds(m.storing); {
	case !ok:
		then(w, "finds other rows in the range of {storing}, and stops", func(_ *rounds, m *loop) { *m = loop{at: stopped} })
	case all:
		then(w, "finds {storing} stored", func(_ *rounds, m *loop) { m.look, m.stored, m.lost = false, true, 0 })
	case m.lost == 2:
		then(w, "finds {storing} lost, and takes its next token", func(_ *rounds, m *loop) {
			m.storing.number++
			m.lost, m.age = 0, old
		})
	case m.lost == 0:
		then(w, "finds {storing} not stored", func(_ *rounds, m *loop) { m.look = false })
	}
}

// insert lists the outcomes of an insert.
func (p *Rounds) insert(s *rounds, w int8, then then) {
	then(w, "stores {storing}", func(n *rounds, m *loop) {
		n.land(m.storing)
		if all, _ := n.holds(m.storing); all {
			m.stored = true
		} else { // a repeat, and the rows are not seen
			m.lost = 1
		}
	})
	then(w, "stores {storing}, and hears nothing", func(n *rounds, m *loop) { n.land(m.storing) })
	if !s.orphan.set {
		then(w, "hears nothing of its insert of {storing}, which is late", func(n *rounds, m *loop) { n.orphan = m.storing })
	}
	if m := &s.loops[w]; s.lost < p.Losses && s.tokens&token(m.storing) == 0 {
		then(w, "hears nothing of its insert of {storing}: ClickHouse keeps the token, and loses the rows", func(n *rounds, m *loop) {
			n.tokens |= token(m.storing)
			n.lost++
		})
	}
}

// token returns the bit of a batch's token.
func token(b batch) uint32 { return 1 << ((b.number*maxRounds+b.first)*maxRounds + b.last) }

// land adds all rows of a batch at once, unless its token is known.
func (s *rounds) land(b batch) {
	if s.tokens&token(b) != 0 {
		return
	}
	s.tokens |= token(b)
	for o := b.first; o <= b.last; o++ {
		s.rows[o] = row{min(s.rows[o].times+1, 2), b.first, b.last, b.rules, b.head + o - b.first + 1}
	}
}

// holds is as for ClickHouse in Protocol.
func (s *rounds) holds(b batch) (all, ok bool) {
	n := int8(0)
	for o := b.first; o <= b.last; o++ {
		switch r := s.rows[o]; {
		case r.times == 0:
		case r.first == b.first && r.last == b.last && r.rules == b.rules:
			n++
		default:
			return false, false
		}
	}
	return n > 0, n == 0 || n == b.last+1-b.first
}

// publish lists the outcomes of sending the next alert of a batch.
func (p *Rounds) publish(s *rounds, w int8, b batch, then then) {
	o := s.loops[w].unpublished(p, b)
	if o < 0 {
		return
	}
	text := [...]string{"publishes its alert of record 0", "publishes its alert of record 1", "publishes its alert of record 2"}[o]
	then(w, text, func(n *rounds, m *loop) {
		n.accept(o, b.rules)
		m.done |= 1 << o
	})
	then(w, text+", and hears nothing", func(n *rounds, _ *loop) { n.accept(o, b.rules) })
	if !s.stray.set {
		then(w, text+", which is late, and hears nothing", func(n *rounds, _ *loop) { n.stray = message{set: true, offset: o, rules: b.rules} })
	}
}

// unpublished returns the first record of a batch in hand whose candidate may be
// published and is not; -1 if there is none. It is declared.
func (m *loop) unpublished(p *Rounds, b batch) int8 {
	declared := m.acked.promise(b.first)
	for o := b.first; b.set && o <= b.last && (o < declared.last || !p.has(Certain)); o++ {
		if p.candidate(o) && m.done>>o&1 == 0 {
			return o
		}
	}
	return -1
}

// accept keeps an alert, unless the stream holds one of its candidate.
func (s *rounds) accept(offset, rules int8) {
	if s.alerts[offset] == 0 {
		s.alerts[offset] = rules + 1
	}
}

// settle ends the delivery of each batch that is stored and published. A loop that waits
// for a commit hears of it afterwards.
func (p *Rounds) settle(s *rounds) {
	for w := range s.loops {
		m := &s.loops[w]
		if b := m.storing; m.at == idle && m.reply == nothing && m.stored && (m.unpublished(p, b) < 0 || !p.has(Publish)) {
			n := b.last + 1 - b.first
			m.next, m.head, m.done = m.next+n, m.head+n, m.done>>(b.last+1)<<(b.last+1)
			m.storing, m.replay, m.stored, m.look = batch{}, false, false, false
		}
	}
}
