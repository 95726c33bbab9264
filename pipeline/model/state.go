package model

// state is everything there is at one moment: what each server keeps, what each
// worker remembers, and what is under way. It is comparable, and equal states
// have equal futures: whatever no longer matters is zero.
type state struct {
	kafka      coordinator
	workers    [2]worker
	clickhouse clickhouse
	jetstream  jetstream
}

// initial is a group that has just begun, or has settled some records in batches
// of one, and that has no members.
func (p *Protocol) initial() state {
	s := state{kafka: coordinator{owner: nobody, offset: p.Settled, mark: mark{head: p.Settled}}}
	for o := range p.Settled {
		s.clickhouse.rows[o] = row{1, o, o, 0, o + 1}
		if candidate(o, 0) {
			s.jetstream.alerts[o] = alert{1, 0}
		}
	}
	return s
}

// batch is a range of records under one set of rules.
type batch struct {
	set         bool
	first, last int8
	rules       int8
	head        int8 // the chain before first; see row
}

// candidate reports whether rules find a candidate in a record; its id is the
// record's offset under either. Worker A judges by rules 0 and worker B by
// rules 1, as while a new pack is rolled out. Record 0 is a candidate by the
// first only, record 1 by the second only, record 2 by both: so rows and alerts
// betray the rules that made them.
func candidate(offset, rules int8) bool { return offset == 2 || offset == rules }
