package company

import (
	"time"

	"tocsin/rules/calendar"
)

// newYork is where the group has its seat; its days are the group's.
func newYork() *time.Location { return calendar.NewYork() }

// workday reports whether the company works on the day of t.
func workday(t time.Time) bool {
	open, err := calendar.Default().IsOpen(calendar.DateOf(t))
	if err != nil { // a year that the calendar does not cover has weekdays
		day := t.Weekday()
		return day != time.Saturday && day != time.Sunday
	}
	return open
}

// closing reports whether t is in a month-end close: the last three days of a
// month or the first four.
func closing(t time.Time) bool {
	day := t.In(newYork()).Day()
	return day <= 4 || t.In(newYork()).AddDate(0, 0, 3).Month() != t.In(newYork()).Month()
}

// activity is how busy the company is, against an ordinary hour of business.
func activity(t time.Time) float64 {
	local := t.In(newYork())
	busy := 0.08 // machines never sleep
	if hour := local.Hour(); workday(local) && hour >= 8 && hour < 18 {
		busy = 1
	}
	if closing(t) {
		busy *= 3
	}
	return busy
}

// period is a month of the books. The fiscal year is the calendar year.
type period struct{ year, month int }

func periodOf(t time.Time) period {
	local := t.In(newYork())
	return period{local.Year(), int(local.Month())}
}

func (p period) quarter() int { return (p.month + 2) / 3 }

// before returns the period n months earlier.
func (p period) before(n int) period {
	months := p.year*12 + p.month - 1 - n
	return period{months / 12, months%12 + 1}
}

// last returns the last day of the period.
func (p period) last() calendar.Date {
	return calendar.NewDate(p.year, time.Month(p.month), 1).AddDays(-1 + time.Date(p.year, time.Month(p.month)+1, 0, 0, 0, 0, 0, time.UTC).Day())
}
