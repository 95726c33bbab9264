package model

// commitment returns the commit under way: the intents of the open batches, and the
// completions of the other partitions.
func (m *member) commitment(p *Pair) (c marks) {
	for i := range m.parts {
		switch q := &m.parts[i]; {
		case q.open != 0:
			c.has[i], c.at[i] = true, place{q.at.offset, q.open}
		case q.settled, q.known && q.at.promise != 0 && !p.has(Alone):
			c.has[i], c.at[i] = true, place{offset: q.at.offset}
		}
	}
	return c
}

// work lists what a worker may do next.
func (p *Pair) work(s *pair, w int8, emit func(pair, action)) {
	m := &s.members[w]
	then := func(does string, change func(n *pair, m *member)) {
		next := *s
		change(&next, &next.members[w])
		emit(next, action{w, w, does})
	}
	if m.at != out && m.at != stopped {
		p.die(s, w, then)
	}
	switch m.at {
	case idle:
		p.poll(s, w, then)
		if m.commitment(p).has != [2]bool{} {
			then("commits its completions", func(_ *pair, m *member) { m.at, m.reply = telling, sent })
		}
	case declaring, telling:
		switch {
		case m.reply == accepted && m.part != 0 && p.has(Part):
			then("is refused in part, and leaves the group", func(n *pair, m *member) {
				n.live[w] = false
				n.quit(owner(w))
				*m = member{}
			})
		case m.reply == accepted:
			then("has its commit acknowledged", func(_ *pair, m *member) { m.acknowledged(p) })
		}
		// A leave after a commit of unknown outcome has the effect of a kill.
	case storing:
		p.deliver(s, w, then)
	}
}

// die lists the ways in which a worker may be killed.
func (p *Pair) die(s *pair, w int8, then func(string, func(*pair, *member))) {
	dead := func(n *pair, m *member) {
		if n.live[w] {
			for i := range n.owners {
				if n.owners[i] == owner(w) {
					n.owners[i] = ghostOf(w)
				}
			}
		}
		n.live[w] = false
		*m = member{}
	}
	then("is killed", dead)
	if owns := s.owners[0] == owner(w) || s.owners[1] == owner(w); owns && s.members[w].reply == sent && s.late.has == [2]bool{} {
		then("is killed, and its commit is late", func(n *pair, m *member) {
			n.late, n.sender = m.commitment(p), ghostOf(w)
			dead(n, m)
		})
	}
}

// poll begins a cycle. It reads the marks of all partitions that were assigned, or
// declares batches of one partition or both.
func (p *Pair) poll(s *pair, w int8, then func(string, func(*pair, *member))) {
	m := &s.members[w]
	unread := false
	for i := range m.parts {
		unread = unread || m.parts[i].assigned && !m.parts[i].known
	}
	if unread {
		then("reads the marks: {group}", func(n *pair, m *member) {
			for i := range m.parts {
				if q := &m.parts[i]; q.assigned && !q.known {
					*q = p.begin(n, i)
				}
			}
		})
		return
	}
	for i, does := range [...]string{"sends the intent of partition 0", "sends the intent of partition 1", "sends the intents of both partitions"} {
		next := *m
		next.at, next.reply = declaring, sent
		ready := true
		for j := range next.parts {
			if q := &next.parts[j]; i == j || i == 2 {
				ready = ready && q.assigned && q.at.offset < pairRecords[j]
				if q.open = q.at.promise; q.open == 0 {
					q.open = w + 1
				}
			}
		}
		if ready {
			then(does, func(_ *pair, m *member) { *m = next })
		}
	}
}

// begin begins a partition: at its mark, or at its first record if the topic is known
// by the other partition's mark.
func (p *Pair) begin(s *pair, i int) part {
	q := part{assigned: true, known: true, at: s.marks[i]}
	if s.marks[i].offset != unset {
		return q
	}
	q.at, q.settled = place{}, true
	if s.marks[1-i].offset == unset || !p.has(First) {
		q.at.offset = pairRecords[i]
	}
	return q
}

// acknowledged goes on after a commit.
func (m *member) acknowledged(p *Pair) {
	m.reply, m.part = nothing, 0
	if m.at == declaring {
		m.at = storing
	} else {
		m.at = idle
	}
	for i := range m.parts {
		q := &m.parts[i]
		if q.settled = false; q.open != 0 {
			q.at.promise = q.open
		}
		if !p.has(Alone) && q.open == 0 {
			q.at.promise = 0
		}
	}
}

// deliver lists the steps of a worker whose batches are declared. It delivers and
// settles each of them, or gives it up.
func (p *Pair) deliver(s *pair, w int8, then func(string, func(*pair, *member))) {
	for i := range 2 {
		q := &s.members[w].parts[i]
		if q.open == 0 {
			continue
		}
		if row := s.rows[i][q.at.offset]; row != 0 && row != q.open {
			then("finds other rows in the range of its batch, and stops", func(_ *pair, m *member) { *m = member{at: stopped} })
			continue
		}
		then([...]string{"stores and publishes its batch of partition 0", "stores and publishes its batch of partition 1"}[i], func(n *pair, m *member) {
			n.rows[i][q.at.offset] = q.open
			m.parts[i].settle()
			if m.parts[1-i].open != 0 && !p.has(Each) {
				m.parts[1-i].settle()
			}
			m.rest()
		})
	}
	then("gives up what it has not stored", func(_ *pair, m *member) {
		m.parts[0].open, m.parts[1].open = 0, 0
		m.rest()
	})
}

// settle ends the delivery of a batch.
func (q *part) settle() { q.at, q.settled, q.open = place{offset: q.at.offset + 1}, true, 0 }

// rest ends the cycle when no batch is left.
func (m *member) rest() {
	if m.parts[0].open == 0 && m.parts[1].open == 0 {
		m.at = idle
	}
}
