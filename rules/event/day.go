package event

import (
	"math"
	"time"

	"tocsin/rules/calendar"
)

// A source may know the day of an instant and not its time of day, and then sends
// the date alone. Such a value is no midnight: the time of day is missing, and
// what needs it is unknown.

// dayOnly stands in the place of an instant's offset where only the day is known.
const dayOnly = math.MinInt64

// daysAlone is the location of the instants that stand for a day. Package time
// carries it along with the value.
var daysAlone = time.FixedZone("day", 0)

// SetDay sets an Instant field to a day without a time of day.
func (r *Record) SetDay(f *Field, d calendar.Date) {
	r.setCell(f, cell{dayOnly, uint64(int64(d-epoch) * secondsPerDay * microsPerSecond)})
}

// IsDay reports whether an Instant field holds a day without a time of day.
func (r *Record) IsDay(f *Field) bool { return r.cells[f.slot].hi == dayOnly }

// DayOf returns the day of an instant that has no time of day, and false for any
// other instant. Record.Instant returns such instants, as the first moment of the
// day in a location of their own.
func DayOf(t time.Time) (calendar.Date, bool) {
	if t.Location() != daysAlone {
		return 0, false
	}
	return calendar.DateOf(t), true
}

// OnDay returns the instant that stands for a day without a time of day.
func OnDay(d calendar.Date) time.Time { return d.At(0, 0, daysAlone) }
