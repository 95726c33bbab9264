package rules

import (
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// kafkaTimestamp is Finding.TriggerField when an event has no time.
const kafkaTimestamp = "kafka_timestamp"

// trigger is the instant a clock runs from. The zero trigger is that of an event
// of which no time is known.
type trigger struct {
	at    time.Time
	date  calendar.Date // set when the source knows the day only; at is its start in New York
	field string
}

func onDate(d calendar.Date, field string) trigger {
	return trigger{d.At(0, 0, calendar.NewYork()), d, field}
}

// onInstant is an instant, or a date where the source knows the day only.
func onInstant(t time.Time, field string) trigger {
	if d, only := event.DayOf(t); only {
		return onDate(d, field)
	}
	return trigger{at: t, field: field}
}

func (r *Rule) trigger(s *dialect.Scope) trigger {
	if f := r.fromField; f != nil && s.Event.Has(f) {
		if f.Kind == event.Date {
			return onDate(s.Event.Date(f), f.Name)
		}
		return onInstant(s.Event.Instant(f), f.Name)
	}
	if r.from != nil {
		if v := r.from.Eval(s); v.Known() {
			if v.Type.Kind == dialect.Date {
				return onDate(v.Date, r.fromText)
			}
			return onInstant(v.Instant, r.fromText)
		}
	}
	return r.plainTrigger(s)
}

// plainTrigger is the trigger as far as it takes no expression to find it.
func (r *Rule) plainTrigger(s *dialect.Scope) trigger {
	if s.Event.Has(r.eventTime) {
		return onInstant(s.Event.Instant(r.eventTime), r.eventTime.Name)
	}
	if s.Observed.IsZero() {
		return trigger{}
	}
	// Kafka's timestamp has no zone of the source: New York's is the one that
	// counts.
	return trigger{at: s.Observed.In(calendar.NewYork()), field: kafkaTimestamp}
}

// triggerMicros is the trigger in microseconds since 1970 UTC, without an
// allocation where it is a field.
func (r *Rule) triggerMicros(s *dialect.Scope) int64 {
	timed := func(f *event.Field) bool { return f.Kind == event.Instant && s.Event.Has(f) && !s.Event.IsDay(f) }
	switch f := r.fromField; {
	case f != nil && timed(f):
		return s.Event.Micros(f)
	case (f != nil && s.Event.Has(f)) || r.from != nil:
		return r.trigger(s).at.UnixMicro()
	case timed(r.eventTime):
		return s.Event.Micros(r.eventTime)
	case s.Event.Has(r.eventTime):
		return r.trigger(s).at.UnixMicro()
	}
	return s.Observed.UnixMicro()
}
