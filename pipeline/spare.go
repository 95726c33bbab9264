package pipeline

import "tocsin/rules/event"

// spare are the events that no batch uses now. They are reused because decoding
// into an old event costs less than making a new one. They belong to the session
// and not to its partitions. A partition that was busy once would otherwise keep a
// cycle's events while it is assigned, and each of them would in time grow to the
// longest event.
type spare struct {
	events []kept
	bytes  int // size of their storage
}

// kept is an event and the size of its storage.
type kept struct {
	*event.Event
	bytes int
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

// take takes events back. It keeps at most the storage of most bytes and drops the
// rest.
func (s *spare) take(events []*event.Event, most int) {
	for i, e := range events {
		events[i] = nil
		if bytes := e.Forget(); s.bytes+bytes <= most {
			s.events = append(s.events, kept{e, bytes})
			s.bytes += bytes
		}
	}
}
