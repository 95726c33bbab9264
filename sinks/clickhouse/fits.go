package clickhouse

import (
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// What Date32 and DateTime64 hold (ClickHouse documentation, data types).
const (
	minYear, maxYear = 1900, 2299
)

var (
	unixEpoch = calendar.NewDate(1970, time.January, 1)
	minDate   = calendar.NewDate(minYear, time.January, 1)
	maxDate   = calendar.NewDate(maxYear, time.December, 31)
	minMicros = time.Date(minYear, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = time.Date(maxYear+1, time.January, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

// Fits returns nil when the table can hold every value of the event, else why
// it cannot: a date or an instant outside 1900 to 2299 (UTC). Such an event
// must become a dead letter before it is judged; Store refuses it. Every other
// value fits by construction: amounts and rates are the columns' own decimals.
func Fits(e *event.Event) *event.Failure { return fits(&e.Record) }

func fits(r *event.Record) *event.Failure {
	for _, f := range timed[r.Schema()] {
		if !r.Has(f) {
			continue
		}
		switch f.Kind {
		case event.Date:
			if d := r.Date(f); d >= minDate && d <= maxDate {
				continue
			}
		case event.Instant:
			if us := r.Micros(f); us >= minMicros && us <= maxMicros {
				continue
			}
		case event.Records:
			lines := r.Records(f)
			for i := range lines {
				if failure := fits(&lines[i]); failure != nil {
					failure.Field = f.Name + "." + failure.Field
					return failure
				}
			}
			continue
		}
		return &event.Failure{Stage: "store", Code: "time_out_of_range", Offset: -1, Field: f.Name,
			Detail: "the " + f.Kind.String() + " is outside the years 1900 to 2299 (UTC), which is what the table holds"}
	}
	return nil
}

// timed are the fields of each schema that hold a time, or lists that may.
var timed = func() map[*event.Schema][]*event.Field {
	all := make(map[*event.Schema][]*event.Field)
	var collect func(s *event.Schema) bool
	collect = func(s *event.Schema) bool {
		for i := range s.Fields {
			f := &s.Fields[i]
			if f.Kind == event.Date || f.Kind == event.Instant || f.Kind == event.Records && collect(f.Schema()) {
				all[s] = append(all[s], f)
			}
		}
		return len(all[s]) > 0
	}
	collect(event.Ledger)
	collect(event.System)
	return all
}()
