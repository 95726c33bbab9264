package dialect

import (
	"cmp"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// An instant of which the source knows the day only has no time of day (see
// event.DayOf). What takes its date has it; what takes the instant itself is
// unknown, unless every time of day gives the same result.

// timeOfDay names what is missing of an instant without a time of day.
func (n *node) timeOfDay() string {
	if n.op == opField {
		return "the time of day of " + n.name
	}
	return "a time of day"
}

// clocked is an instant that has a time of day; without one it is unknown.
func clocked(n *node, a thunk[time.Time]) thunk[time.Time] {
	lacking := n.timeOfDay()
	return func(s *Scope) (time.Time, state) {
		t, st := a(s)
		if _, only := event.DayOf(t); st == got && only {
			return t, s.lacks(lacking)
		}
		return t, st
	}
}

// dated is the date of an instant: the day where only that is known, else by in.
func dated(a thunk[time.Time], in func(time.Time) calendar.Date) thunk[calendar.Date] {
	return one(a, "", func(t time.Time) (calendar.Date, bool) {
		if d, only := event.DayOf(t); only {
			return d, true
		}
		return in(t), true
	})
}

// compareInstants returns -1, 0 or 1, and false where that depends on a time of day
// that is not known.
func compareInstants(x, y time.Time) (order int, known bool) {
	dx, xOnly := event.DayOf(x)
	dy, yOnly := event.DayOf(y)
	switch {
	case xOnly && yOnly:
		return cmp.Compare(dx, dy), dx != dy
	case xOnly:
		return compareDay(dx, y)
	case yOnly:
		order, known = compareDay(dy, x)
		return -order, known
	}
	return x.Compare(y), true
}

// The day begins and ends at these hours of UTC somewhere on earth.
const (
	eastmost = 14 * time.Hour // UTC+14
	westmost = 12 * time.Hour // UTC-12
)

// compareDay compares a day, in whatever zone, with an instant.
func compareDay(d calendar.Date, t time.Time) (order int, known bool) {
	switch {
	case t.Before(d.At(0, 0, time.UTC).Add(-eastmost)):
		return 1, true
	case !t.Before(d.AddDays(1).At(0, 0, time.UTC).Add(westmost)):
		return -1, true
	}
	return 0, false
}

// without is the first of the values that has no time of day, by the name of its
// node.
func without(nodes []*node, values ...time.Time) string {
	for i, t := range values {
		if _, only := event.DayOf(t); only {
			return nodes[i].timeOfDay()
		}
	}
	return ""
}

// orderedInstants is ordered for instants.
func orderedInstants(mask uint8, nodes []*node, a, b thunk[time.Time]) condition {
	return func(s *Scope) Tri {
		x, sx := a(s)
		y, sy := b(s)
		if sx|sy != got {
			return max(sx, sy).tri()
		}
		order, known := compareInstants(x, y)
		if !known {
			return s.lacks(without(nodes, x, y)).tri()
		}
		return Tri(mask >> (order + 1) & 1)
	}
}

// extremeInstant is extreme for instants.
func extremeInstant(nodes []*node, args []closure, sign int) thunk[time.Time] {
	return func(s *Scope) (time.Time, state) {
		best, worst := args[0].instant(s)
		at := nodes[0]
		for i, a := range args[1:] {
			v, st := a.instant(s)
			if worst = max(worst, st); worst != got {
				continue
			}
			order, known := compareInstants(v, best)
			if !known {
				worst = s.lacks(without([]*node{at, nodes[i+1]}, best, v))
			} else if order*sign < 0 {
				best, at = v, nodes[i+1]
			}
		}
		return best, worst
	}
}

// shifted is an instant moved by a duration. A day is moved by whole days.
func shifted(n *node, a thunk[time.Time], by thunk[int64], sign int64, overflow string) thunk[time.Time] {
	lacking := n.args[0].timeOfDay()
	return func(s *Scope) (time.Time, state) {
		t, st := a(s)
		micros, sb := by(s)
		if st|sb != got {
			return t, max(st, sb)
		}
		if _, only := event.DayOf(t); only && micros%day != 0 {
			return t, s.lacks(lacking)
		}
		moved, ok := shift(t, sign, micros)
		if !ok {
			return t, s.fails(overflow)
		}
		return moved, got
	}
}

// daysBetween counts from one day to another, or whole days of 24 hours from one
// instant to another.
func daysBetween(nodes []*node, from, to thunk[time.Time], overflow string) thunk[int64] {
	return func(s *Scope) (int64, state) {
		x, sx := from(s)
		y, sy := to(s)
		if sx|sy != got {
			return 0, max(sx, sy)
		}
		dx, xOnly := event.DayOf(x)
		dy, yOnly := event.DayOf(y)
		if xOnly && yOnly {
			return int64(dy) - int64(dx), got
		}
		if xOnly || yOnly {
			return 0, s.lacks(without(nodes, x, y))
		}
		d, ok := between(y, x)
		if !ok {
			return 0, s.fails(overflow)
		}
		return d / day, got
	}
}
