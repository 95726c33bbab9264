package model

// forget takes away what no longer matters, so that states with equal futures are equal.
func (p *Rounds) forget(s *rounds) {
	// A late request without effect.
	if s.stray.set && s.alerts[s.stray.offset] != 0 {
		s.stray = message{}
	}
	if s.orphan.set && s.tokens&token(s.orphan) != 0 {
		s.orphan = batch{}
	}
	for w := range s.loops {
		m := &s.loops[w]
		// The age of a commit under which nothing is to be inserted.
		if m.reply == nothing && (!m.storing.set || m.stored) && (!m.open.set || m.acked.promise(m.open.first).last == 0) {
			m.age = old
		}
		// What an expelled worker can no longer use. The group refuses its commits, so
		// that it can only deliver what it has declared. It then hears that it was
		// expelled. A stopped worker is at fault, and stays.
		if s.live[w] || m.at != idle || m.reply == accepted {
			continue
		}
		m.reply, m.sent = nothing, double{}
		if declared := m.acked.promise(m.open.first); m.open.set && declared.last <= m.open.last {
			if m.open.last = declared.last - 1; declared.last == 0 {
				m.open = batch{}
			}
		}
		if m.unpublished(p, m.storing) < 0 && (m.stored || m.age == old) && m.unpublished(p, m.open) < 0 && !m.begins(p) {
			*m = loop{}
		}
	}
	s.history()
}

// history forgets how records were stored and published that no worker, no mark and no
// request refers to. All of it was right: otherwise the search ends.
func (s *rounds) history() {
	past := s.mark.offset
	if s.late != (double{}) {
		past = min(past, s.late.offset)
	}
	if s.orphan.set {
		past = min(past, s.orphan.first)
	}
	if s.stray.set {
		past = min(past, s.stray.offset)
	}
	for w := range s.loops {
		if m := &s.loops[w]; m.known {
			past = min(past, m.acked.offset)
		}
	}
	for o := range past {
		r, a := &s.rows[o], &s.alerts[o]
		if r.times != 1 || *a != 0 && *a != r.rules+1 {
			return
		}
		*r, *a = row{times: 1, chain: r.chain}, min(*a, 1)
		for first := range o + 1 {
			for number := range int8(maxNumber) {
				s.tokens &^= token(batch{first: first, last: o, number: number})
			}
		}
	}
}
