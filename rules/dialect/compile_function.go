package dialect

import (
	"cmp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/rules/calendar"
	"tocsin/rules/money"
)

// buildPresent builds present and missing. A let is present when it has a
// value.
func buildPresent(n *node, args []closure) closure {
	arg, want := n.args[0], triOf(n.text == "present")
	if arg.op == opField && !arg.classified() {
		f, from := arg.field, arg.origin
		return closure{tri: func(s *Scope) Tri {
			r := s.Event
			switch from {
			case fromProfile:
				r = s.Materiality
			case fromLine:
				r = s.line
			}
			if r != nil && r.Has(f) {
				return want
			}
			return not(want)
		}}
	}
	read := stateReader(arg.typ.Kind, args[0])
	return closure{tri: func(s *Scope) Tri {
		before := len(s.missing)
		switch st := read(s); st {
		case bad:
			return Failed
		case gone:
			s.missing = s.missing[:before]
			return not(want)
		}
		return want
	}}
}

// stateReader evaluates an operand for its state alone.
func stateReader(k Kind, c closure) func(*Scope) state {
	switch k {
	case Bool:
		return func(s *Scope) state { return stateOf(c.tri(s)) }
	case Text:
		return stateOnly(c.text)
	case Texts:
		return stateOnly(c.texts)
	case Int, Duration:
		return stateOnly(c.whole)
	case Money:
		return stateOnly(c.money)
	case Rate:
		return stateOnly(c.rate)
	case Date:
		return stateOnly(c.date)
	case Instant:
		return stateOnly(c.instant)
	default: // Lines
		return stateOnly(c.lines)
	}
}

func stateOnly[T any](a thunk[T]) func(*Scope) state {
	return func(s *Scope) state {
		_, st := a(s)
		return st
	}
}

// buildExtreme builds min and max.
func buildExtreme(n *node, args []closure) closure {
	sign := 1
	if n.text == "max" {
		sign = -1
	}
	switch n.typ.Kind {
	case Money:
		if n.own() {
			return closure{money: extremeOwn(n.args, args, sign)}
		}
		return closure{money: extreme(args, func(c closure) thunk[money.Amount] { return c.money }, money.Amount.Cmp, sign)}
	case Rate:
		return closure{rate: extreme(args, func(c closure) thunk[money.Rate] { return c.rate }, money.Rate.Cmp, sign)}
	case Date:
		return closure{date: extreme(args, func(c closure) thunk[calendar.Date] { return c.date }, cmp.Compare[calendar.Date], sign)}
	case Instant:
		return closure{instant: extremeInstant(n.args, args, sign)}
	}
	return closure{whole: extreme(args, func(c closure) thunk[int64] { return c.whole }, cmp.Compare[int64], sign)}
}

func extreme[T any](args []closure, pick func(closure) thunk[T], compare func(T, T) int, sign int) thunk[T] {
	all := make([]thunk[T], len(args))
	for i, a := range args {
		all[i] = pick(a)
	}
	return func(s *Scope) (T, state) {
		best, worst := all[0](s)
		for _, a := range all[1:] {
			v, st := a(s)
			worst = max(worst, st)
			if worst == got && compare(v, best)*sign < 0 {
				best = v
			}
		}
		return best, worst
	}
}

func buildDaysBetween(n *node, args []closure) closure {
	if n.args[0].typ.Kind == Date {
		return closure{whole: two(args[0].date, args[1].date, "", func(from, to calendar.Date) (int64, bool) { return int64(to) - int64(from), true })}
	}
	return closure{whole: daysBetween(n.args, args[0].instant, args[1].instant, describe("overflow", n.text))}
}

func buildBusinessDays(n *node, args []closure) closure {
	calendars := n.env.calendars()
	count := func(from, to calendar.Date) (int64, bool) {
		days, err := calendars.BusinessDaysBetween(from, to)
		return int64(days), err == nil
	}
	return closure{whole: two(newYorkDate(n.args[0].typ.Kind, args[0]), newYorkDate(n.args[1].typ.Kind, args[1]),
		"a date in business_days_between is outside the calendar", count)}
}

// newYorkDate is a date, or an instant's date in New York.
func newYorkDate(k Kind, c closure) thunk[calendar.Date] {
	if k == Date {
		return c.date
	}
	return dated(c.instant, func(t time.Time) calendar.Date { return calendar.DateOf(t.In(calendar.NewYork())) })
}

// local is the instant in the zone that the second argument names; without one
// it keeps the offset of the source.
func local(n *node) func(time.Time) time.Time {
	if len(n.args) < 2 {
		return func(t time.Time) time.Time { return t }
	}
	zone, err := time.LoadLocation(n.args[1].value.Text)
	if err != nil { // checkZone has loaded it
		zone = time.UTC
	}
	return func(t time.Time) time.Time { return t.In(zone) }
}

// localDate is the date of an instant in that zone.
func localDate(n *node, args []closure) thunk[calendar.Date] {
	in := local(n)
	return dated(args[0].instant, func(t time.Time) calendar.Date { return calendar.DateOf(in(t)) })
}

func buildDateOf(n *node, args []closure) closure { return closure{date: localDate(n, args)} }

func buildHourOf(n *node, args []closure) closure {
	in := local(n)
	return closure{whole: one(clocked(n.args[0], args[0].instant), "", func(t time.Time) (int64, bool) { return int64(in(t).Hour()), true })}
}

func buildLocalTime(n *node, args []closure) closure {
	in := local(n)
	return closure{whole: one(clocked(n.args[0], args[0].instant), "", func(t time.Time) (int64, bool) {
		t = in(t)
		return int64(t.Hour())*hour + int64(t.Minute())*minute + int64(t.Second())*second + int64(t.Nanosecond()/1000), true
	})}
}

// buildCloseWindow counts business days from the end of the month before. A day off
// within the window belongs to the window.
func buildCloseWindow(n *node, args []closure) closure {
	calendars, failed := n.env.calendars(), "a date in in_close_window is outside the calendar"
	day, days := newYorkDate(n.args[0].typ.Kind, args[0]), args[1].whole
	return closure{tri: func(s *Scope) Tri {
		d, sd := day(s)
		limit, sl := days(s)
		if sd|sl != got {
			return max(sd, sl).tri()
		}
		year, month, _ := d.Civil()
		gone, err := calendars.BusinessDaysBetween(calendar.NewDate(year, month, 1).AddDays(-1), d)
		if err != nil {
			return s.fails(failed).tri()
		}
		open, err := calendars.IsOpen(d)
		if err != nil {
			return s.fails(failed).tri()
		}
		if !open { // the business days gone by are over
			return triOf(int64(gone) < limit)
		}
		return triOf(int64(gone) <= limit)
	}}
}

func buildDayOfWeek(n *node, args []closure) closure {
	name := func(d time.Weekday) string { return weekdays[(int(d)+6)%7] }
	day := args[0].date
	if n.args[0].typ.Kind == Instant {
		day = localDate(n, args)
	}
	return closure{text: one(day, "", func(d calendar.Date) (string, bool) { return name(d.Weekday()), true })}
}

func buildLower(_ *node, args []closure) closure {
	return closure{text: one(args[0].text, "", func(x string) (string, bool) { return strings.ToLower(x), true })}
}

func buildText(n *node, args []closure) closure {
	switch n.args[0].typ.Kind {
	case Int:
		return closure{text: one(args[0].whole, "", func(x int64) (string, bool) { return strconv.FormatInt(x, 10), true })}
	case Date:
		return closure{text: one(args[0].date, "", func(x calendar.Date) (string, bool) { return x.String(), true })}
	}
	return args[0]
}

func buildLen(n *node, args []closure) closure {
	switch n.args[0].typ.Kind {
	case Text:
		return closure{whole: one(args[0].text, "", func(x string) (int64, bool) { return int64(utf8.RuneCountInString(x)), true })}
	case Texts:
		return closure{whole: length(args[0].texts)}
	}
	return closure{whole: length(args[0].lines)}
}

func length[T any](a thunk[[]T]) thunk[int64] {
	return one(a, "", func(x []T) (int64, bool) { return int64(len(x)), true })
}
