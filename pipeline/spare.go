package pipeline

import (
	"unsafe"

	"tocsin/rules"
	"tocsin/rules/event"
)

// slab is the storage of a batch. It is reused from batch to batch, and its content
// does not outlive the batch that filled it.
type slab struct {
	events   []*event.Event // lent by spare
	used     int
	rows     []Row
	verdicts []rules.Verdict
	framed   []byte // buffer of judgement and link
}

func (s *slab) event() *event.Event {
	s.used++
	return s.events[s.used-1]
}

// spare is the storage that no batch uses now. It is reused because decoding into an
// old event costs less than making a new one. It belongs to the session and not to its
// partitions. A partition that was busy once would otherwise keep a batch's events
// while it is assigned, and each of them would in time grow to the longest event.
type spare struct {
	slabs  []*slab
	rows   int // size of the slabs' storage
	events []kept
	bytes  int // size of the events' storage
}

// kept is an event and the size of its storage.
type kept struct {
	*event.Event
	bytes int
}

// slab returns an empty slab.
func (s *spare) slab() *slab {
	if last := len(s.slabs) - 1; last >= 0 {
		one := s.slabs[last]
		s.slabs[last], s.slabs = nil, s.slabs[:last]
		s.rows -= one.size()
		return one
	}
	return &slab{}
}

// lend appends n events to to.
func (s *spare) lend(to []*event.Event, n int) []*event.Event {
	for ; n > 0 && len(s.events) > 0; n-- {
		last := len(s.events) - 1
		to = append(to, s.events[last].Event)
		s.bytes -= s.events[last].bytes
		s.events[last] = kept{}
		s.events = s.events[:last]
	}
	for range n {
		to = append(to, &event.Event{})
	}
	return to
}

// size is the size in bytes of a slab's own storage.
func (s *slab) size() int {
	return cap(s.rows)*int(unsafe.Sizeof(Row{})) + cap(s.verdicts)*int(unsafe.Sizeof(rules.Verdict{}))
}

// take takes a slab and its events back. It keeps at most the storage of most bytes of
// each and drops the rest. The slab's rows no longer hold the fetched bytes.
func (s *spare) take(one *slab, most int) {
	for i, e := range one.events {
		one.events[i] = nil
		if bytes := e.Forget(); s.bytes+bytes <= most {
			s.events = append(s.events, kept{e, bytes})
			s.bytes += bytes
		}
	}
	clear(one.rows)
	clear(one.verdicts)
	one.events, one.used, one.rows, one.verdicts = one.events[:0], 0, one.rows[:0], one.verdicts[:0]
	if s.rows+one.size() <= most {
		s.slabs = append(s.slabs, one)
		s.rows += one.size()
	}
}
