package clickhouse

import (
	"fmt"
	"strconv"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// The range of Date32 and DateTime64 (ClickHouse documentation, data types).
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

// unstoredColumns note the values that no column holds. Rules see the event and
// not the column, so such a value is judged like any other.
var unstoredColumns = []col{
	{name: "unstored.field", typ: "Array(" + wordType + ")", group: unheld, layout: layoutOf("Array(" + wordType + ")"),
		doc: "Fields whose column is NULL although there is a value, because the column cannot hold it: a date or an instant outside 1900 to 2299, or the date alone of an instant whose time of day is not known. kafka_timestamp where it counts as absent.",
		row: func(to *buffer, _ *batch, r *row) {
			eachUnstored(r, func(path string, _ func() string) { to.text(path) })
			to.end()
		}},
	{name: "unstored.value", typ: "Array(String)", group: unheld, layout: layoutOf("Array(String)"),
		doc: "The values of those fields, as text.",
		row: func(to *buffer, _ *batch, r *row) {
			eachUnstored(r, func(_ string, value func() string) { to.text(value()) })
			to.end()
		}},
}

// holds reports whether the column of a Date or an Instant holds the record's
// value. Columns of other kinds hold every value: amounts and rates are the
// columns' own decimals.
func holds(r *event.Record, f *event.Field) bool {
	switch f.Kind {
	case event.Date:
		d := r.Date(f)
		return d >= minDate && d <= maxDate
	case event.Instant:
		us := r.Micros(f)
		return us >= minMicros && us <= maxMicros && !r.IsDay(f)
	}
	return true
}

// eachUnstored calls visit for each value of the row that no column holds, with its
// path and its text. The path of a member of a list has its number, from 1 as in
// ClickHouse: lines[2].value_date.
func eachUnstored(r *row, visit func(path string, value func() string)) {
	if ms := r.Timestamp.UnixMilli(); placedAt(ms) != ms {
		visit("kafka_timestamp", func() string { return strconv.FormatInt(ms, 10) })
	}
	if r.Event != nil {
		eachUnheld(&r.Event.Record, "", visit)
	}
}

func eachUnheld(r *event.Record, prefix string, visit func(path string, value func() string)) {
	for _, f := range timed[r.Schema()] {
		switch {
		case !r.Has(f):
		case f.Kind == event.Records:
			lines := r.Records(f)
			for i := range lines {
				eachUnheld(&lines[i], fmt.Sprintf("%s%s[%d].", prefix, f.Name, i+1), visit)
			}
		case !holds(r, f):
			visit(prefix+f.Name, func() string { return timeText(r, f) })
		}
	}
}

// timeText is the value of a Date or an Instant as the event has it.
func timeText(r *event.Record, f *event.Field) string {
	if f.Kind == event.Date {
		return r.Date(f).String()
	}
	at := r.Instant(f)
	if day, only := event.DayOf(at); only {
		return day.String()
	}
	return at.Format(time.RFC3339Nano)
}

// timed are the fields of each schema that hold a time, or a list with one.
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
