package pipeline

import "tocsin/rules/event"

// spare are the events that no batch uses now, kept because a new one costs
// more than to decode into an old one. They belong to the session and not to
// its partitions: a partition that is busy for a while would else keep a cycle's
// events for as long as it is assigned, and each of them, in time, storage for
// the lines of the longest event there ever was.
type spare struct {
	events []kept
	bytes  int // that they take together
}

// kept is an event's storage, and how many bytes it takes.
type kept struct {
	*event.Event
	bytes int
}

// lend returns to with n events more.
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

// take takes events back, and keeps what takes no more than so many bytes
// together.
func (s *spare) take(events []*event.Event, most int) {
	for i, e := range events {
		events[i] = nil
		if bytes := e.Forget(); s.bytes+bytes <= most {
			s.events = append(s.events, kept{e, bytes})
			s.bytes += bytes
		}
	}
}
