package model

// worker is one process: its step in the cycle, and its memory. After a kill, or the
// end of the membership, its memory is empty.
type worker struct {
	at       step
	assigned bool // it believes that it owns the partition
	known    bool // it has read the mark since the assignment
	began    mind // what it has to compare with the rows
	log      int8 // that next, head and pending are of
	next     int8 // offset after the last settled record, or first of pending
	head     int8 // the chain before next
	pending  intent
	settled  bool // every record before next is settled and not yet committed
	open     batch
	replay   bool // open is a replay
	reply    reply
	timed    bool // age counts
	age      int8 // of the intent, or of the last look at the rows' end; stops at its limit
	insert   insert
	lost     bool // an insert of pending was acknowledged, and its rows are not there
	quiet    int8 // ticks since lost; stops at its limit
	done     int8 // candidates before this offset are published
}

// step is the next step of a worker.
type step int8

const (
	out        step = iota // not in the group
	idle                   // between two cycles
	watching               // between two cycles, waits for the rows to stand still
	declaring              // waits for the answer to the intent's commit
	comparing              // compares the rows with the mark at which it began
	doubting               // has found a contradiction, and asks for the group's mark
	looking                // asks ClickHouse for the rows of a replay
	storing                // begins the insert
	beginning              // the same, after it has checked the intent's age
	begun                  // checks the intent's age after the server has begun
	sending                // sends the rows
	awaiting               // waits for the answer to the insert
	seeing                 // looks for the rows of an insert that was acknowledged
	publishing             // sends the next alert
	telling                // waits for the answer to the completion's commit
	restarting             // waits for the answer to the commit of a new log's first mark
	stopped                // needs a person
)

// reply is the coordinator's answer to the commit under way.
type reply int8

const (
	nothing  reply = iota // no commit is under way
	sent                  // no answer yet
	accepted              // the answer is under way or not yet read
	refused               // likewise
)

// doing is an actor whose action concerns a worker.
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

// between reports whether the worker is in the group and between two cycles.
func (m *worker) between() bool { return m.at == idle || m.at == watching }

// commitment returns the commit under way.
func (m *worker) commitment() commit {
	if m.at == telling || m.at == restarting {
		return commit{true, m.next, mark{log: m.log, head: m.head}}
	}
	return commit{true, m.open.first, mark{m.open.log, m.open.head, intent{m.open.last + 1, m.open.rules, m.open.number}}}
}

// work lists what a worker may do next. A worker pauses, for any time, by doing
// nothing while others act.
func (p *Protocol) work(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	if m.at != out && m.at != stopped {
		p.die(s, w, emit)
	}
	switch m.at {
	case idle:
		if m.assigned && !m.known && s.kafka.offset == unset {
			it.then("finds no committed offset, and looks where the rows end", func(n *state, m *worker) {
				*m = worker{at: watching, assigned: true, log: n.kafka.log, next: n.clickhouse.end(p, n.kafka.log)}
			})
		} else if m.assigned {
			p.poll(s, w, emit)
			p.compareIdle(s, w, emit)
		}
		if m.settled && p.has(Told) {
			it.then("commits its completion: {commit}", func(_ *state, m *worker) { m.at, m.reply = telling, sent })
		}
	case watching:
		if m.age >= p.Still {
			it.then("looks again where the rows end", p.watched)
		}
	case declaring, telling, restarting:
		p.hear(s, w, emit)
	case comparing, doubting:
		p.compare(s, w, emit)
	default:
		p.deliver(s, w, emit)
	}
}

// watched goes on after another look at the rows' end.
func (p *Protocol) watched(n *state, m *worker) {
	switch end := n.clickhouse.end(p, m.log); {
	case n.kafka.offset != unset, n.kafka.log != m.log:
		*m = worker{at: idle, assigned: true}
	case end != m.next:
		m.next, m.age = end, 0
	case end == 0:
		*m = worker{at: idle, assigned: true, known: true, log: m.log}
	default:
		last := n.clickhouse.row(p, m.log, end-1)
		*m = worker{at: idle, assigned: true, known: true, log: m.log, next: end, head: last.chain, settled: true}
		if p.has(LastBatch) {
			m.next, m.head, m.settled = last.first, n.clickhouse.row(p, m.log, last.first).chain-1, false
			m.pending = intent{last: last.last + 1, rules: last.rules}
		}
	}
}

// poll begins a cycle. It reads the mark, unless the worker has read it since the
// assignment and since the log was made. Otherwise it cuts a batch and declares it.
func (p *Protocol) poll(s *state, w int8, emit emit) {
	m := s.workers[w]
	if m.known && m.log != s.kafka.log {
		p.cut(s, w, m, "polls what its client still had of the old log, and", emit)
		if p.has(MarkLog) {
			// What the client fetches names its log.
			doing{s, w, w, emit}.then("finds that the topic was made again", func(_ *state, m *worker) { *m = worker{at: idle, assigned: true} })
			return
		}
		m.log = s.kafka.log
	}
	if m.known {
		p.cut(s, w, m, "polls", emit)
		return
	}
	k, it := &s.kafka, doing{s, w, w, emit}
	it.then("reads the mark: {group}", func(_ *state, m *worker) { p.read(k, m, k.log) })
	if k.log > 0 && (k.mark.log < k.log || !p.has(Agreed)) {
		it.then("reads the mark, and the id of the old topic from a broker that lags: {group}", func(_ *state, m *worker) { p.read(k, m, k.log-1) })
	}
}

// read begins at the mark. log is what the worker takes for the topic's log.
func (p *Protocol) read(k *coordinator, m *worker, log int8) {
	m.known, m.log = true, log
	if k.mark.log != log && p.has(MarkLog) {
		// The mark is of an earlier log, and whatever it promises is gone. The worker
		// commits the first mark of the new log.
		m.at, m.reply = restarting, sent
		return
	}
	m.next, m.pending, m.began = k.offset, k.mark.intent, unpromised
	if p.has(Head) {
		m.head = k.mark.head
	}
	if !p.has(Own) && k.mark.last != 0 {
		m.began = promised
	}
}

// cut declares each batch that may follow.
func (p *Protocol) cut(s *state, w int8, m worker, does string, emit emit) {
	m.replay = m.pending.last != 0
	for last := m.next; last < min(m.next+maxBatch, p.Records); last++ {
		if m.replay && p.has(Range) && last != m.pending.last-1 {
			continue
		}
		m := m
		m.open = batch{set: true, log: m.log, first: m.next, last: last, rules: w, head: m.head}
		if m.replay {
			m.open.number = m.pending.number
		}
		if m.replay && p.has(Rules) {
			m.open.rules = m.pending.rules
		}
		p.declare(s, w, m, does, emit)
	}
}

// declare sends the intent of the open batch of m.
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
	m.pending, m.settled, m.reply = intent{m.open.last + 1, m.open.rules, m.open.number}, false, nothing
	m.timed = true
	if m.at = comparing; m.began == compared {
		p.deliverable(m)
	}
}

// deliverable goes on after the mark agrees with the rows.
func (p *Protocol) deliverable(m *worker) {
	if m.at = storing; m.replay && p.has(Look) {
		m.at = looking
	}
}

// hear lists the answers that a worker may get to its commit.
func (p *Protocol) hear(s *state, w int8, emit emit) {
	m, it := &s.workers[w], doing{s, w, w, emit}
	if m.at == declaring && !p.has(Certain) && m.unpublished() >= 0 {
		p.publish(s, w, emit)
	}
	switch {
	case m.reply == accepted && m.at == declaring:
		it.then("has its intent acknowledged", func(_ *state, m *worker) { p.declared(m) })
	case m.reply == accepted && m.at == restarting:
		it.then("has the first mark of the new log acknowledged, and joins anew", func(n *state, m *worker) {
			p.quit(&n.kafka, w)
			*m = worker{}
		})
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
		// A leave that does not arrive has the effect of a kill.
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

// die lists the ways in which a process may be killed. Its membership stays until
// the coordinator expels it. Its requests under way arrive, or do not.
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

// abandon gives the open batch up and rewinds, so that the next poll returns its
// records.
func (m *worker) abandon(p *Protocol) {
	open := m.open
	*m = worker{at: idle, assigned: m.assigned, known: m.known, began: m.began, log: m.log, next: m.next, head: m.head, pending: m.pending, settled: m.settled, lost: m.lost, quiet: m.quiet}
	if open.set && !p.has(Rewind) {
		m.next, m.head, m.pending = open.last+1, open.head+open.last+1-open.first, intent{}
	}
}
