package model

import "fmt"

// Pair is a variant of the protocol in a group with two partitions and their common
// commits. It is coarser than Protocol, which shows that the delivery of one batch can
// be interrupted anywhere: here a batch has one record, is delivered in one step or not
// at all, and time does not pass.
type Pair struct {
	// ServerSide is as in Protocol.
	ServerSide bool
	// Added adds partition 1 while the group is at work. Without First, a partition
	// begins at its end: first_start is latest.
	Added bool
	// Without are the removed mechanisms. Only these concern a pair: Part, Given, Each,
	// Alone and First.
	Without Mechanism
}

func (p *Pair) has(m Mechanism) bool { return p.Without&m == 0 }

// pairRecords is how many records each partition of a pair has, and maxPair the larger
// number.
var pairRecords = [2]int8{1, maxPair}

const maxPair = 2

// pair is the state of a Pair at one moment.
type pair struct {
	marks   [2]place // of the group; unset for a partition without one
	rows    [2][maxPair]int8
	exists  [2]bool
	owners  [2]owner
	live    [2]bool // whether the current membership of each worker is in the group
	late    marks   // a commit whose answer no worker awaits
	sender  owner   // of late
	members [2]member
}

// place is an offset, and the promise of the record there.
type place struct {
	offset  int8
	promise int8 // the rules plus one; 0: none
}

// marks is a commit of one partition or both.
type marks struct {
	has [2]bool
	at  [2]place
}

// member is one worker.
type member struct {
	at    step // out, idle, declaring, storing (it delivers), telling or stopped
	reply reply
	part  int8 // the only partition whose commit was accepted, plus one; 0: all
	parts [2]part
}

// part is what a worker knows of a partition.
type part struct {
	assigned bool
	known    bool // it has read the mark
	at       place
	settled  bool // every record before at.offset is settled and not yet committed
	open     int8 // the rules of its batch plus one; 0: none
}

// Search is as for Protocol.
func (p Pair) Search(limit int) (Result, error) { return search[pair](&p, limit) }

func (p *Pair) initial() pair {
	s := pair{exists: [2]bool{true, !p.Added}, owners: [2]owner{unowned, unowned}, sender: unowned}
	if p.Added {
		s.marks[1].offset = unset
	}
	return s
}

func (p *Pair) broken(s *pair) string {
	for i := range 2 {
		for o := range pairRecords[i] {
			if o < s.marks[i].offset && s.rows[i][o] == 0 {
				return fmt.Sprintf("offset %d of partition %d is committed, and record %d has no row", s.marks[i].offset, i, o)
			}
			for w := range s.members {
				if m := &s.members[w].parts[i]; m.known && o < m.at.offset && s.rows[i][o] == 0 {
					return fmt.Sprintf("worker %s goes on at record %d of partition %d, and record %d has no row", name(actor(w)), m.at.offset, i, o)
				}
			}
		}
	}
	for w := range s.members {
		if s.members[w].at == stopped {
			return fmt.Sprintf("worker %s stops: it found in ClickHouse what cannot be", name(actor(w)))
		}
	}
	return ""
}

func (p *Pair) done(s *pair) bool {
	for i := range 2 {
		if s.marks[i] != (place{offset: pairRecords[i]}) {
			return false
		}
		for _, r := range s.rows[i][:pairRecords[i]] {
			if r == 0 {
				return false
			}
		}
	}
	return true
}

func (p *Pair) sentence(a action, _, after *pair) string {
	return a.sentence(fmt.Sprintf("%v and %v", after.marks[0], after.marks[1]))
}

// String returns the offset and the promise, if there is one.
func (a place) String() string {
	switch {
	case a.offset == unset:
		return "none"
	case a.promise == 0:
		return fmt.Sprintf("offset %d", a.offset)
	}
	return fmt.Sprintf("offset %d, promised by rules %d", a.offset, a.promise-1)
}

// apply applies a commit.
func (s *pair) apply(c marks) {
	for i := range 2 {
		if c.has[i] {
			s.marks[i] = c.at[i]
		}
	}
}

// quit takes a member out of the group, be it a worker or the ghost of one. The
// generation of its commit under way is over.
func (s *pair) quit(who owner) {
	for i := range s.owners {
		if s.owners[i] == who {
			s.owners[i] = unowned
		}
	}
	if s.late.has != [2]bool{} && s.sender == who {
		s.late, s.sender = marks{}, unowned
	}
}

// ghostOf is the owner in the place of a worker that was killed.
func ghostOf(w int8) owner { return ghost + owner(w) }

// forget takes from each expelled worker what it can no longer use: the group refuses
// its commits, so that it can only deliver what it has declared. It then hears that it
// was expelled. A stopped worker is at fault, and stays.
func (s *pair) forget() {
	for w := range s.members {
		m := &s.members[w]
		switch {
		case s.live[w] || m.at == stopped:
		case m.at == storing, m.at == declaring && m.reply == accepted:
			for i := range m.parts {
				if m.parts[i].open == 0 {
					m.parts[i] = part{}
				}
			}
		default:
			*m = member{}
		}
	}
}

// each emits every action that may happen next.
func (p *Pair) each(s *pair, visit func(next pair, what action)) {
	emit := func(next pair, what action) {
		next.forget()
		visit(next, what)
	}
	if p.Added && !s.exists[1] {
		next := *s
		next.exists[1] = true
		emit(next, action{operator, noOne, "adds partition 1"})
	}
	if s.late.has != [2]bool{} {
		next := *s
		next.apply(s.late)
		next.late, next.sender = marks{}, unowned
		emit(next, action{kafka, noOne, "applies the late commit: {group}"})
	}
	for w := range int8(2) {
		if g := ghostOf(w); s.owners[0] == g || s.owners[1] == g {
			next := *s
			next.quit(g)
			emit(next, action{kafka, w, "expels the member whose worker {w} is gone"})
		}
		p.rebalance(s, w, emit)
		p.answer(s, w, emit)
		p.work(s, w, emit)
	}
}

// rebalance lists the changes of a worker's membership. They wait for its cycle.
func (p *Pair) rebalance(s *pair, w int8, emit func(pair, action)) {
	m, other := &s.members[w], &s.members[1-w]
	ghosts := max(s.owners[0], s.owners[1]) >= ghost
	switch {
	case m.at == out && (p.ServerSide || !ghosts && (!s.live[1-w] || other.at == idle)):
		next := *s
		next.live[w], next.members[w].at = true, idle
		if !p.ServerSide {
			next.late, next.sender = marks{}, unowned
		}
		emit(next, action{w, w, "joins the group"})
	}
	if !s.live[w] {
		return
	}
	next := *s
	next.live[w] = false
	next.quit(owner(w))
	emit(next, action{kafka, w, "expels {w}, which does not know it"})
	if m.at != idle {
		return
	}
	for i := range 2 {
		next := *s
		n := &next.members[w].parts[i]
		switch {
		case s.owners[i] == owner(w):
			next.owners[i] = unowned
			if *n = (part{}); !p.has(Given) {
				*n = part{known: m.parts[i].known, at: m.parts[i].at, settled: m.parts[i].settled}
			}
			emit(next, action{kafka, w, [...]string{"revokes partition 0 from {w}", "revokes partition 1 from {w}"}[i]})
		case s.owners[i] == unowned && s.exists[i]:
			next.owners[i] = owner(w)
			*n = part{assigned: true}
			emit(next, action{kafka, w, [...]string{"assigns partition 0 to {w}", "assigns partition 1 to {w}"}[i]})
		}
	}
}

// answer lists the coordinator's answers to the commit of a worker. It asks who
// commits, and not who owns the partition.
func (p *Pair) answer(s *pair, w int8, emit func(pair, action)) {
	if s.members[w].reply != sent {
		return
	}
	next := *s
	c := s.members[w].commitment(p)
	next.apply(c)
	next.members[w].reply = accepted
	emit(next, action{kafka, w, "accepts the commit of {w}: {group}"})
	for i := range 2 {
		if c.has[0] && c.has[1] {
			next, half := *s, c
			half.has[1-i] = false
			next.apply(half)
			next.members[w].reply, next.members[w].part = accepted, int8(i+1)
			emit(next, action{kafka, w, [...]string{"accepts the commit of {w} for partition 0 only: {group}", "accepts the commit of {w} for partition 1 only: {group}"}[i]})
		}
	}
}
