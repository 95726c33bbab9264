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

	tracing bool // collect what is missing and what failed
	missing []string
	fault   string
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
