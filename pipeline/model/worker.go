package model

// worker is one process: where it stands in its cycle, and what it remembers. A
// process that was killed, or whose membership has ended, remembers nothing.
type worker struct {
	at       step
	assigned bool // it believes that the partition is its own
	known    bool // it has read the mark since the partition was assigned
	next     int8 // offset after the last settled record, or first of pending
	head     int8 // the chain before next
	pending  intent
	settled  bool // everything before next is done, and the group does not know it
	open     batch
	replay   bool // open is one
	reply    reply
	timed    bool // age counts
	age      int8 // of the intent, or of the sight of the rows' end; stops at its limit
	insert   insert
	done     int8 // candidates before this offset are published
}

// step is where a worker stands: what it does next.
type step int8

const (
	out        step = iota // not in the group
	idle                   // between two cycles
	watching               // between two cycles, until the rows have stood still
	declaring              // waits for the answer to the intent's commit
	looking                // asks ClickHouse for the rows of a replay
	storing                // begins the insert
	beginning              // the same, and has asked the intent's age before
	begun                  // the server has begun; asks the intent's age
	sending                // sends the rows
	awaiting               // waits for the answer to the insert
	publishing             // sends the next alert
	telling                // waits for the answer to the completion's commit
	stopped                // for a person to look at
)

// reply is the coordinator's answer to the commit under way.
type reply int8

const (
	nothing  reply = iota // no commit is under way
	sent                  // no answer yet
	accepted              // the answer is on its way, or is not read yet
	refused               // likewise
)

// doing is an actor about to do something that concerns a worker.
type doing struct {
	s       *state
	who     actor
	concern int8
	emit    emit
}

// then emits the state after a change.
func (d doing) then(does string, change func(n *state, m *worker)) {
	next := *d.s
	change(&next, &next.workers[d.concern])
	d.emit(next, action{d.who, d.concern, does})
}

// between reports whether the worker is in the group and in no cycle.
func (m *worker) between() bool { return m.at == idle || m.at == watching }

// commitment is the commit under way.
func (m *worker) commitment() commit {
	if m.at == telling {
		return commit{true, m.next, mark{head: m.head}}
	}
	return commit{true, m.open.first, mark{m.open.head, intent{m.open.last + 1, m.open.rules}}}
}

// work lists what a worker may do next. A pause, of any length, is a worker
// that does nothing while others do.
func (p *Protocol) work(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	if m.at != out && m.at != stopped {
		p.die(s, w, emit)
	}
	switch m.at {
	case idle:
		if m.assigned && !m.known && s.kafka.offset == unset {
			it.then("finds no committed offset, and looks where the rows end", func(n *state, m *worker) {
				*m = worker{at: watching, assigned: true, next: n.clickhouse.end()}
			})
		} else if m.assigned {
			p.poll(s, w, emit)
		}
		if m.settled && p.has(Told) {
			it.then("commits its completion: {commit}", func(_ *state, m *worker) { m.at, m.reply = telling, sent })
		}
	case watching:
		if m.age >= p.Still {
			it.then("looks again where the rows end", p.watched)
		}
	case declaring, telling:
		p.hear(s, w, emit)
	default:
		p.deliver(s, w, emit)
	}
}

// watched goes on after the rows' end was looked at again.
func (p *Protocol) watched(n *state, m *worker) {
	switch end := n.clickhouse.end(); {
	case n.kafka.offset != unset:
		*m = worker{at: idle, assigned: true}
	case end != m.next:
		m.next, m.age = end, 0
	default:
		last := n.clickhouse.rows[end-1]
		*m = worker{at: idle, assigned: true, known: true, next: end, head: last.chain, settled: true}
		if p.has(LastBatch) {
			m.next, m.head, m.settled = last.first, n.clickhouse.rows[last.first].chain-1, false
			m.pending = intent{last.last + 1, last.rules}
		}
	}
}

// poll begins a cycle: it reads the mark, if that was not done since the
// partition was assigned, cuts a batch and declares it.
func (p *Protocol) poll(s *state, w int8, emit emit) {
	m, does := s.workers[w], "polls"
	if !m.known {
		does = "reads the mark and polls"
		m.known, m.next, m.pending = true, s.kafka.offset, s.kafka.mark.intent
		if p.has(Head) {
			m.head = s.kafka.mark.head
		}
	}
	m.replay = m.pending.last != 0
	for last := m.next; last < min(m.next+maxBatch, p.Records); last++ {
		if m.replay && p.has(Range) && last != m.pending.last-1 {
			continue
		}
		m := m
		m.open = batch{true, m.next, last, w, m.head}
		if m.replay && p.has(Rules) {
			m.open.rules = m.pending.rules
		}
		p.declare(s, w, m, does, emit)
	}
}

// declare sends the commit of the intent to store the open batch of m.
func (p *Protocol) declare(s *state, w int8, m worker, does string, emit emit) {
	m.at = declaring
	next := *s
	switch {
	case m.replay && !p.has(Redeclare):
		does += " {batch} again"
		p.declared(&m)
	case !p.has(Acknowledged):
		does += " {batch}, and sends its intent: {commit}"
		if p.takes(s, w) {
			next.kafka.late = m.commitment()
		}
		p.declared(&m)
	default:
		does += " {batch}, sends its intent and waits: {commit}"
		m.reply, m.timed = sent, p.has(Before)
	}
	next.workers[w] = m
	emit(next, action{w, w, does})
}

// declared goes on after the intent is acknowledged.
func (p *Protocol) declared(m *worker) {
	m.pending, m.settled, m.reply = intent{m.open.last + 1, m.open.rules}, false, nothing
	m.timed = true
	if m.at = storing; m.replay && p.has(Look) {
		m.at = looking
	}
	if !p.has(Store) && m.unpublished() >= 0 {
		m.at = publishing
	}
}

// hear lists what a worker may hear of its commit.
func (p *Protocol) hear(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	switch {
	case m.reply == accepted && m.at == declaring:
		it.then("has its intent acknowledged", func(_ *state, m *worker) { p.declared(m) })
	case m.reply == accepted:
		it.then("has its completion acknowledged", func(_ *state, m *worker) {
			m.at, m.reply, m.settled = idle, nothing, false
			if m.open.set {
				m.at = publishing
			}
		})
	case m.reply == refused && p.has(Refusal):
		it.then("is refused, and its membership ends", func(_ *state, m *worker) { *m = worker{} })
	case m.reply == refused:
		it.then("is refused, joins anew and sends it again: {commit}", func(n *state, m *worker) { n.kafka.live[w], m.reply = true, sent })
	case !p.has(Once) && p.takes(s, w):
		it.then("loses its connection, and its client sends the same on another: {commit}", func(n *state, m *worker) { n.kafka.late = m.commitment() })
	}
	if p.has(Leave) {
		// A leave that does not arrive is as if the worker were killed.
		it.then("does not know what became of its commit, and leaves the group", func(n *state, m *worker) {
			p.quit(&n.kafka, w)
			*m = worker{}
		})
		return
	}
	it.then("does not know what became of its commit, and goes on", func(_ *state, m *worker) { m.abandon(p) })
	if m.reply == sent && p.takes(s, w) {
		it.then("does not know what became of its commit, which is late, and goes on", func(n *state, m *worker) {
			n.kafka.late = m.commitment()
			m.abandon(p)
		})
	}
}

// die lists the ends of a process that tells nobody. Its membership stays until
// it is expelled; what it had sent arrives, or does not.
func (p *Protocol) die(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	dead := func(n *state, m *worker) {
		*m = worker{}
		if n.kafka.live[w] = false; n.kafka.owner == owner(w) {
			n.kafka.owner = ghost
		}
	}
	it.then("is killed", dead)
	if m.reply == sent && p.takes(s, w) {
		it.then("is killed, and its commit is late", func(n *state, m *worker) {
			n.kafka.late = m.commitment()
			dead(n, m)
		})
	}
	if s.orphans(m.insert) {
		it.then("is killed, and its insert runs on", func(n *state, m *worker) {
			n.clickhouse.orphan = m.insert
			dead(n, m)
		})
	}
}

// abandon gives the open batch up: it is rewound and so the next to be polled.
func (m *worker) abandon(p *Protocol) {
	open := m.open
	*m = worker{at: idle, assigned: m.assigned, known: m.known, next: m.next, head: m.head, pending: m.pending, settled: m.settled}
	if !p.has(Rewind) {
		m.next, m.head, m.pending = open.last+1, open.head+open.last+1-open.first, intent{}
	}
}
