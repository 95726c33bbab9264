package calendar

import "time"

// holiday is a day that a rule closes, before any entry of the closures file.
type holiday struct {
	date   Date
	name   string
	source string
}

const (
	sourceStatute = "5 U.S.C. 6103; Executive Order 11582"
	sourceNYSE    = "NYSE Rule 7.2"
)

// federalHolidays returns the observed legal holidays of a year's holidays
// (5 U.S.C. 6103(a)): one that falls on a Saturday is observed on the Friday
// before, one on a Sunday on the Monday after (Executive Order 11582). New
// Year's Day of a year can therefore be observed on Dec 31 of the year before.
// Inauguration Day is left out: it is a holiday of the Washington area only,
// and EDGAR has operated on it.
func federalHolidays(year int) []holiday {
	fixed := func(m time.Month, day int, name string) holiday {
		d := NewDate(year, m, day)
		switch d.Weekday() {
		case time.Saturday:
			return holiday{d.AddDays(-1), name + " (observed; falls on a Saturday)", sourceStatute}
		case time.Sunday:
			return holiday{d.AddDays(1), name + " (observed; falls on a Sunday)", sourceStatute}
		}
		return holiday{d, name, sourceStatute}
	}
	monday := func(m time.Month, n int, name string) holiday {
		return holiday{nthWeekday(year, m, time.Monday, n), name, sourceStatute}
	}
	days := []holiday{
		fixed(time.January, 1, "New Year's Day"),
		monday(time.January, 3, "Birthday of Martin Luther King, Jr."),
		monday(time.February, 3, "Washington's Birthday"),
		{lastWeekday(year, time.May, time.Monday), "Memorial Day", sourceStatute},
		fixed(time.July, 4, "Independence Day"),
		monday(time.September, 1, "Labor Day"),
		monday(time.October, 2, "Columbus Day"),
		fixed(time.November, 11, "Veterans Day"),
		{nthWeekday(year, time.November, time.Thursday, 4), "Thanksgiving Day", sourceStatute},
		fixed(time.December, 25, "Christmas Day"),
	}
	// Public Law 117-17, signed on 2021-06-17: the first observance was the
	// next day, since Jun 19 2021 was a Saturday.
	if year >= 2021 {
		days = append(days, fixed(time.June, 19, "Juneteenth National Independence Day"))
	}
	return days
}

// nyseHolidays returns the full-day holidays of the New York Stock Exchange.
// They differ from the federal ones in Good Friday (closed), Columbus Day and
// Veterans Day (open), Juneteenth (from 2022), and in that a New Year's Day on
// a Saturday is not observed on the Friday, the last session of the year.
func nyseHolidays(year int) []holiday {
	var days []holiday
	add := func(d Date, name string) { days = append(days, holiday{d, name, sourceNYSE}) }
	fixed := func(m time.Month, day int, name string) {
		d := NewDate(year, m, day)
		switch d.Weekday() {
		case time.Saturday:
			if m == time.January {
				return
			}
			add(d.AddDays(-1), name+" (observed; falls on a Saturday)")
		case time.Sunday:
			add(d.AddDays(1), name+" (observed; falls on a Sunday)")
		default:
			add(d, name)
		}
	}
	fixed(time.January, 1, "New Year's Day")
	add(nthWeekday(year, time.January, time.Monday, 3), "Martin Luther King, Jr. Day")
	add(nthWeekday(year, time.February, time.Monday, 3), "Washington's Birthday")
	add(easter(year).AddDays(-2), "Good Friday")
	add(lastWeekday(year, time.May, time.Monday), "Memorial Day")
	if year >= 2022 {
		fixed(time.June, 19, "Juneteenth National Independence Day")
	}
	fixed(time.July, 4, "Independence Day")
	add(nthWeekday(year, time.September, time.Monday, 1), "Labor Day")
	add(nthWeekday(year, time.November, time.Thursday, 4), "Thanksgiving Day")
	fixed(time.December, 25, "Christmas Day")
	return days
}

// nthWeekday returns the nth (from 1) given weekday of a month.
func nthWeekday(year int, m time.Month, w time.Weekday, n int) Date {
	first := NewDate(year, m, 1)
	return first.AddDays((int(w)-int(first.Weekday())+7)%7 + 7*(n-1))
}

// lastWeekday returns the last given weekday of a month of 31 days.
func lastWeekday(year int, m time.Month, w time.Weekday) Date {
	last := NewDate(year, m, 31)
	return last.AddDays(-((int(last.Weekday()) - int(w) + 7) % 7))
}

// easter returns Western Easter Sunday (the anonymous Gregorian algorithm).
func easter(year int) Date {
	a := year % 19
	b, c := year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	return NewDate(year, time.Month((h+l-7*m+114)/31), (h+l-7*m+114)%31+1)
}
