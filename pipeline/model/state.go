package model

// state is the state of all servers, workers and requests under way at one moment.
// It is comparable, and equal states have equal futures: a value that no longer
// matters is zero.
type state struct {
	kafka      coordinator
	workers    [2]worker
	clickhouse clickhouse
	jetstream  jetstream
}

// initial returns a group without members. It has just begun, or has settled some
// records in batches of one.
func (p *Protocol) initial() state {
	s := state{kafka: coordinator{owner: unowned, offset: p.Settled, mark: mark{head: p.Settled}}}
	if p.Added {
		s.kafka.offset = unset
	}
	for o := range p.Settled {
		s.clickhouse.rows[0][o] = row{1, o, o, 0, o + 1}
		if candidate(o, 0) {
			s.jetstream.alerts[0][o] = alert{1, 0}
		}
	}
	return s
}

// forget takes from each expelled worker what it can no longer use: the group refuses
// its commits. What it has declared it can still deliver, and a mark that it has read
// it can still compare.
func (p *Protocol) forget(s *state) {
	if p.Without&(Acknowledged|Refusal|Leave|Fence|Blocked) != 0 {
		return
	}
	for w := range s.workers {
		m := &s.workers[w]
		if !s.kafka.live[w] && (m.between() && m.began == compared || m.reply == sent || m.reply == refused) {
			*m = worker{}
		}
	}
}

// batch is a range of records of one log under one set of rules.
type batch struct {
	set         bool
	log         int8
	first, last int8
	rules       int8
	number      int8 // of its token: the first is 0
	head        int8 // the chain before first; see row
}

// candidate reports whether rules find a candidate in a record. The candidate's id
// is the record's offset under both rules. Worker A judges by rules 0 and worker B
// by rules 1, as during the rollout of a new pack. Record 0 is a candidate by rules
// 0 only, record 1 by rules 1 only. So rows and alerts reveal the rules that made
// them.
func candidate(offset, rules int8) bool { return offset == rules }

// emit takes one action that may happen next, and the state after it.
type emit = func(next state, what action)

// each emits every action that may happen next.
func (p *Protocol) each(s *state, visit emit) {
	emit := func(next state, what action) {
		p.forget(&next)
		visit(next, what)
	}
	for w := range int8(2) {
		p.work(s, w, emit)
	}
	p.group(s, emit)
	p.table(s, emit)
	p.stream(s, emit)
	p.tick(s, emit)
}
