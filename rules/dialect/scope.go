package dialect

import (
	"time"

	"tocsin/rules/event"
)

// Scope is what an expression is evaluated over: an event, the materiality
// profile in force and the instant at which the event was seen. Set the
// exported members before each event and reuse the Scope: it is scratch memory,
// so it belongs to one goroutine.
type Scope struct {
	Event       *event.Record // of the schema the expression was compiled for
	Materiality *event.Record // nil: no profile is in force
	Observed    time.Time     // Kafka's timestamp of the record

	line *event.Record // the record that a predicate looks at
	item string        // the text that a predicate looks at
	code string        // the currency of the amount in transaction currency that was evaluated last

	trial *Scope // over a copy of the event, for changes; nil until needed

	tracing bool // collect what is missing and what failed
	missing []string
	fault   string
}

// tryOut returns a scope over a copy of the event, whose fields may be set. It is
// valid until the next call.
func (s *Scope) tryOut() *Scope {
	if s.trial == nil {
		s.trial = &Scope{Event: new(event.Record)}
	}
	s.Event.CopyTo(s.trial.Event)
	s.trial.Materiality, s.trial.Observed = s.Materiality, s.Observed
	return s.trial
}

// Release lets go of the event and of everything that was taken from it, so that
// the scope may be kept.
func (s *Scope) Release() {
	s.Event, s.Materiality, s.line, s.item, s.code = nil, nil, nil, "", ""
	if s.trial != nil {
		s.trial.Event.Release()
	}
}

// lacks records that the value name was not sent.
func (s *Scope) lacks(name string) state {
	if s.tracing {
		s.missing = append(s.missing, name)
	}
	return gone
}

// fails records that the described sub-expression cannot be computed.
func (s *Scope) fails(what string) state {
	if s.tracing && s.fault == "" {
		s.fault = what
	}
	return bad
}
