package model

// coordinator is the group as Kafka keeps it, for the one partition there is.
//
// No generation is counted: a commit is accepted from a member that is in the
// group, and what a new generation makes unacceptable for good is taken out of
// the state at once. So the model has no bound on crashes or rebalances.
type coordinator struct {
	owner  owner
	live   [2]bool // the worker's present membership is in the group
	offset int8    // committed; unset when there is none
	mark   mark
	// late is a commit that the owner sent and for whose answer nobody waits.
	late    commit
	deleted bool // the offsets were deleted once
}

// owner is who has the partition as the coordinator sees it: the worker of that
// number, or one of these.
type owner int8

const (
	nobody owner = 2
	ghost  owner = 3 // a member whose worker is gone and that is not yet expelled
)

// unset is the committed offset when there is none.
const unset = -1

// mark is the metadata of a commit.
type mark struct {
	head int8 // the chain before the committed offset
	intent
}

// intent is the promise made before a batch is stored.
type intent struct {
	last  int8 // last record plus one; 0: no intent
	rules int8
}

// commit is a request to the coordinator.
type commit struct {
	set    bool
	offset int8
	mark   mark
}

// apply makes a commit what the group knows.
func (k *coordinator) apply(c commit) { k.offset, k.mark = c.offset, c.mark }

// takes reports whether the coordinator would accept a commit that the worker
// sends now, once the worker is gone or waits no longer.
func (p *Protocol) takes(s *state, w int8) bool {
	return !s.kafka.late.set && (s.kafka.owner == owner(w) || !p.has(Fence))
}

// disown leaves the partition without an owner. What the owner has sent is now
// under a generation that is over.
func (p *Protocol) disown(k *coordinator) {
	k.owner = nobody
	if p.has(Fence) {
		k.late = commit{}
	}
}

// quit takes a worker's membership out of the group.
func (p *Protocol) quit(k *coordinator, w int8) {
	k.live[w] = false
	if k.owner == owner(w) {
		p.disown(k)
	}
}

// group lists what may happen at the coordinator next.
func (p *Protocol) group(s *state, emit emit) {
	k := &s.kafka
	if k.late.set {
		next := *s
		next.kafka.apply(k.late)
		next.kafka.late = commit{}
		emit(next, action{kafka, noOne, "applies the late commit: {group}"})
	}
	if k.owner == ghost {
		next := *s
		p.disown(&next.kafka)
		emit(next, action{kafka, noOne, "expels the member whose worker is gone"})
	}
	if p.Deleted && !k.deleted && k.owner == nobody && !k.live[0] && !k.live[1] && s.clickhouse.end() > 0 {
		next := *s
		next.kafka = coordinator{owner: nobody, offset: unset, deleted: true}
		emit(next, action{operator, noOne, "deletes the group's offsets"})
	}
	for w := range int8(2) {
		p.answer(s, w, emit)
		p.rebalance(s, w, emit)
	}
}

// answer lets the coordinator judge the commit of a worker.
func (p *Protocol) answer(s *state, w int8, emit emit) {
	switch does := (doing{s, kafka, w, emit}); {
	case s.workers[w].reply != sent:
	case s.kafka.live[w] || !p.has(Fence):
		does.then("accepts the commit of {w}: {group}", func(n *state, m *worker) {
			n.kafka.apply(m.commitment())
			m.reply = accepted
		})
	default:
		does.then("refuses the commit of {w}", func(_ *state, m *worker) { m.reply = refused })
	}
}

// rebalance lists what may become of a worker's membership.
func (p *Protocol) rebalance(s *state, w int8, emit emit) {
	k, m, other := &s.kafka, &s.workers[w], 1-w
	kafka, itself := doing{s, kafka, w, emit}, doing{s, w, w, emit}
	live, owns := k.live[w], k.owner == owner(w)
	if live {
		kafka.then("expels {w}, which does not know it", func(n *state, _ *worker) { p.quit(&n.kafka, w) })
	}
	switch {
	// Between two cycles the client hears what became of it.
	case m.between() && live && owns:
		kafka.then("revokes the partition from {w}", func(n *state, m *worker) {
			p.disown(&n.kafka)
			*m = worker{at: idle}
		})
	case m.between() && live && m.assigned:
		itself.then("hears that it lost the partition", func(_ *state, m *worker) { *m = worker{at: idle} })
	case m.between() && live && k.owner == nobody:
		kafka.then("assigns the partition to {w}", func(n *state, m *worker) {
			n.kafka.owner = owner(w)
			m.assigned = true
		})
	case m.between() && !live:
		itself.then("hears that it was expelled", func(_ *state, m *worker) { *m = worker{} })
	// Classic: a join is complete when every other member has come back from
	// its cycle or is expelled, and then makes a generation.
	case m.at == out && (p.ServerSide || k.owner != ghost && (!k.live[other] || s.workers[other].between())):
		itself.then("joins the group", func(n *state, m *worker) {
			n.kafka.live[w] = true
			m.at = idle
			if !p.ServerSide && p.has(Fence) {
				n.kafka.late = commit{}
			}
		})
	case m.at == out || m.at == stopped || m.reply == sent || p.has(Blocked):
	// From here on in the midst of a cycle, which goes on.
	case live && owns:
		kafka.then("revokes the partition from {w}, which is in a cycle", func(n *state, _ *worker) { p.disown(&n.kafka) })
	case !live:
		itself.then("joins the group anew, in a cycle", func(n *state, _ *worker) { n.kafka.live[w] = true })
	}
}
