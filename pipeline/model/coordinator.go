package model

// coordinator is the state that Kafka keeps of the group, for the one partition of
// the model.
//
// Generations are not counted. A commit is accepted from a member of the group,
// and a commit that a new generation makes unacceptable for ever is removed from
// the state at once. So crashes and rebalances are unbounded.
type coordinator struct {
	owner  owner
	live   [2]bool // whether the current membership of each worker is in the group
	log    int8    // that the topic's name means now
	offset int8    // committed; unset when there is none
	mark   mark
	// late is a commit of the owner whose answer no worker awaits.
	late    commit
	deleted bool // the offsets were deleted once
	// forgotten is the promise of the mark that was deleted. Its alerts may be
	// published, and its records are judged anew.
	forgotten commit
	forged    Forgery // of the mark; 0: none
}

// owner is the owner of the partition in the coordinator's view: a worker's number,
// or one of these.
type owner int8

const (
	unowned owner = 2
	ghost   owner = 3 // a member that is not yet expelled, although its worker is gone
)

// unset is the committed offset when there is none.
const unset = -1

// mark is the metadata of a commit.
type mark struct {
	log  int8 // that the offset is of
	head int8 // the chain before the committed offset
	intent
}

// intent is the promise made before a batch is stored.
type intent struct {
	last   int8 // last record plus one; 0: no intent
	rules  int8
	number int8 // of the insert's token
}

// commit is a request to the coordinator.
type commit struct {
	set    bool
	offset int8
	mark   mark
}

// covers reports whether the commit promises a record by these rules.
func (c commit) covers(log, offset, rules int8) bool {
	return c.set && log == c.mark.log && offset >= c.offset && offset < c.mark.last && rules == c.mark.rules
}

// apply applies a commit.
func (k *coordinator) apply(c commit) { k.offset, k.mark = c.offset, c.mark }

// takes reports whether the coordinator can accept a commit that the worker sends
// now and whose answer it does not await.
func (p *Protocol) takes(s *state, w int8) bool {
	return !s.kafka.late.set && (s.kafka.owner == owner(w) || !p.has(Fence))
}

// disown leaves the partition without an owner. The generation of a commit under
// way is over.
func (p *Protocol) disown(k *coordinator) {
	k.owner = unowned
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
	if p.Deleted && !k.deleted && k.owner == unowned && !k.live[0] && !k.live[1] && s.clickhouse.end(p, k.log) > 0 {
		next := *s
		next.kafka = coordinator{owner: unowned, log: k.log, offset: unset, deleted: true}
		if k.mark.last != 0 {
			next.kafka.forgotten = commit{true, k.offset, k.mark}
		}
		emit(next, action{operator, noOne, "deletes the group's offsets"})
	}
	p.forge(s, emit)
	if p.Recreated && k.log == 0 {
		next := *s
		next.kafka.log = 1
		emit(next, action{operator, noOne, "deletes the topic and makes it again"})
		next.kafka.offset, next.kafka.mark = unset, mark{}
		emit(next, action{operator, noOne, "deletes the topic and makes it again, and Kafka deletes its offsets"})
	}
	for w := range int8(2) {
		p.answer(s, w, emit)
		p.rebalance(s, w, emit)
	}
}

// answer lists the coordinator's answers to the commit of a worker.
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

// rebalance lists the changes of a worker's membership.
func (p *Protocol) rebalance(s *state, w int8, emit emit) {
	k, m, other := &s.kafka, &s.workers[w], 1-w
	kafka, itself := doing{s, kafka, w, emit}, doing{s, w, w, emit}
	live, owns := k.live[w], k.owner == owner(w)
	if live {
		kafka.then("expels {w}, which does not know it", func(n *state, _ *worker) { p.quit(&n.kafka, w) })
	}
	switch {
	// Between two cycles the client learns of a change.
	case m.between() && live && owns:
		kafka.then("revokes the partition from {w}", func(n *state, m *worker) {
			p.disown(&n.kafka)
			*m = worker{at: idle}
		})
	case m.between() && live && m.assigned:
		itself.then("hears that it lost the partition", func(_ *state, m *worker) { *m = worker{at: idle} })
	case m.between() && live && k.owner == unowned:
		kafka.then("assigns the partition to {w}", func(n *state, m *worker) {
			n.kafka.owner = owner(w)
			m.assigned = true
		})
	case m.between() && !live:
		itself.then("hears that it was expelled", func(_ *state, m *worker) { *m = worker{} })
	// Classic: a join completes once every other member has ended its cycle or
	// is expelled. It begins a new generation.
	case m.at == out && (p.ServerSide || k.owner != ghost && (!k.live[other] || s.workers[other].between())):
		itself.then("joins the group", func(n *state, m *worker) {
			n.kafka.live[w] = true
			m.at = idle
			if !p.ServerSide && p.has(Fence) {
				n.kafka.late = commit{}
			}
		})
	case m.at == out || m.at == stopped || m.reply == sent || p.has(Blocked):
	// The remaining cases are in the midst of a cycle, which goes on.
	case live && owns:
		kafka.then("revokes the partition from {w}, which is in a cycle", func(n *state, _ *worker) { p.disown(&n.kafka) })
	case !live:
		itself.then("joins the group anew, in a cycle", func(n *state, _ *worker) { n.kafka.live[w] = true })
	}
}
