package calendar_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/rules/calendar"
)

// An implementation that shares nothing with the package: dates are year,
// month and day stepped one by one, holidays are found by counting weekdays
// through the month, daylight saving time is arithmetic on the rules of 2004
// and of 2007, and the days closed by order are typed in again.

type civil struct{ y, m, d int }

func (c civil) String() string { return fmt.Sprintf("%04d-%02d-%02d", c.y, c.m, c.d) }

func monthDays(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

func (c civil) next() civil {
	if c.d < monthDays(c.y, c.m) {
		return civil{c.y, c.m, c.d + 1}
	}
	if c.m < 12 {
		return civil{c.y, c.m + 1, 1}
	}
	return civil{c.y + 1, 1, 1}
}

func (c civil) prev() civil {
	switch {
	case c.d > 1:
		return civil{c.y, c.m, c.d - 1}
	case c.m > 1:
		return civil{c.y, c.m - 1, monthDays(c.y, c.m-1)}
	}
	return civil{c.y - 1, 12, 31}
}

// weekday is Sakamoto's formula: 0 is Sunday.
func (c civil) weekday() int {
	y := c.y
	if c.m < 3 {
		y--
	}
	return (y + y/4 - y/100 + y/400 + [...]int{0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4}[c.m-1] + c.d) % 7
}

// which counts how many days of the month up to c have c's weekday.
func (c civil) which() int { return (c.d + 6) / 7 }

var closedByOrder = map[string]string{
	"2004-06-11": "sec nyse", "2007-01-02": "sec nyse", "2018-12-05": "sec nyse", "2025-01-09": "sec nyse",
	"2007-12-24": "sec", "2008-12-26": "sec", "2012-12-24": "sec", "2014-12-26": "sec", "2018-12-24": "sec",
	"2019-12-24": "sec", "2020-12-24": "sec", "2024-12-24": "sec", "2025-12-24": "sec", "2025-12-26": "sec",
	"2012-10-29": "nyse", "2012-10-30": "nyse",
}

var goodFridays = []string{
	"2004-04-09", "2005-03-25", "2006-04-14", "2007-04-06", "2008-03-21", "2009-04-10", "2010-04-02", "2011-04-22",
	"2012-04-06", "2013-03-29", "2014-04-18", "2015-04-03", "2016-03-25", "2017-04-14", "2018-03-30", "2019-04-19",
	"2020-04-10", "2021-04-02", "2022-04-15", "2023-04-07", "2024-03-29", "2025-04-18", "2026-04-03", "2027-03-26",
	"2028-04-14", "2029-03-30", "2030-04-19",
}

// legal reports whether the day itself, wherever it is observed, is a holiday.
func (c civil) legal(exchange bool) bool {
	w, n := c.weekday(), c.which()
	switch c.m {
	case 1:
		return c.d == 1 || w == 1 && n == 3
	case 2:
		return w == 1 && n == 3
	case 5:
		return w == 1 && c.d+7 > 31
	case 6:
		return c.d == 19 && (c.y >= 2022 || c.y == 2021 && !exchange)
	case 7:
		return c.d == 4
	case 9:
		return w == 1 && n == 1
	case 10:
		return w == 1 && n == 2 && !exchange
	case 11:
		return w == 4 && n == 4 || c.d == 11 && !exchange
	case 12:
		return c.d == 25
	}
	return false
}

func (c civil) business(exchange bool) bool {
	w := c.weekday()
	if w == 0 || w == 6 || c.legal(exchange) {
		return false
	}
	if w == 1 && c.prev().legal(exchange) {
		return false
	}
	if tomorrow := c.next(); w == 5 && tomorrow.legal(exchange) && !(exchange && tomorrow.m == 1) {
		return false
	}
	market := "sec"
	if exchange {
		market = "nyse"
		for _, f := range goodFridays {
			if f == c.String() {
				return false
			}
		}
	}
	closed := closedByOrder[c.String()]
	return closed != market && closed != "sec nyse"
}

// epochDay counts days since 1970-01-01 by whole years.
func (c civil) epochDay() int64 {
	days := int64(0)
	for y := 1970; y < c.y; y++ {
		days += 365
		if monthDays(y, 2) == 29 {
			days++
		}
	}
	for m := 1; m < c.m; m++ {
		days += int64(monthDays(c.y, m))
	}
	return days + int64(c.d) - 1
}

// sunday returns the nth Sunday of a month, the last one for n = 0.
func sunday(y, m, n int) civil {
	var last civil
	for c := (civil{y, m, 1}); c.m == m; c = c.next() {
		if c.weekday() != 0 {
			continue
		}
		last = c
		if c.which() == n {
			return c
		}
	}
	return last
}

type change struct{ begin, end int64 }

var changes = map[int]change{}

// offset is the distance of New York from UTC, in hours, at a Unix time of a
// year: the Energy Policy Act of 2005 moved the changes from 2007 on.
func offset(y int, unix int64) int64 {
	c, ok := changes[y]
	if !ok {
		begin, end := sunday(y, 4, 1), sunday(y, 10, 0)
		if y >= 2007 {
			begin, end = sunday(y, 3, 2), sunday(y, 11, 1)
		}
		c = change{begin.epochDay()*86400 + 7*3600, end.epochDay()*86400 + 6*3600}
		changes[y] = c
	}
	if unix >= c.begin && unix < c.end {
		return -4
	}
	return -5
}

// days is every day from 2003-12-30 on, found by stepping.
var days = func() []civil {
	var all []civil
	for c := (civil{2003, 12, 30}); c.y < 2031; c = c.next() {
		all = append(all, c)
	}
	return all
}()

func civilAt(seconds int64) int { return int(seconds/86400 - days[0].epochDay()) }

// filing returns for each of days whether it is a business day of the SEC.
var filing = func() []bool {
	open := make([]bool, len(days))
	for i, c := range days {
		open[i] = c.business(false)
	}
	return open
}()

func dueIndex(i, n int) int {
	for n > 0 {
		if i++; filing[i] {
			n--
		}
	}
	return i
}

func TestEveryDay(t *testing.T) {
	cals := calendar.Default()
	for _, c := range days[2:] {
		for _, m := range []calendar.Market{calendar.SEC, calendar.NYSE} {
			d := calendar.NewDate(c.y, time.Month(c.m), c.d)
			if d.String() != c.String() || int(d.Weekday()) != c.weekday() {
				t.Fatalf("%s: %s, %s", c, d, d.Weekday())
			}
			got, err := cals.Market(m).IsOpen(d)
			if want := c.business(m == calendar.NYSE); err != nil || got != want {
				t.Errorf("%s %s: open is %t, want %t (%v)", m, c, got, want, err)
			}
		}
	}
}

func TestAgainstIndependentCount(t *testing.T) {
	const instants = 250_000
	cals := calendar.Default()
	random := rand.New(rand.NewPCG(409, 2004))
	first := civil{2004, 1, 3}.epochDay() * 86400
	span := civil{2030, 12, 15}.epochDay()*86400 - first
	for range instants {
		unix := first + random.Int64N(span)
		if random.IntN(4) == 0 { // more of them about midnight in New York and UTC, and about the changes of clocks
			unix = unix/86400*86400 + []int64{0, 4, 5, 6, 7}[random.IntN(5)]*3600 + random.Int64N(3) - 1
		}
		east := random.Int64N(105)*900 - 12*3600 // -12:00 to +14:00 by quarter hours
		when := time.Unix(unix, random.Int64N(1e9)).In(time.FixedZone("", int(east)))

		year := days[civilAt(unix-5*3600)].y
		et, local := civilAt(unix+offset(year, unix)*3600), civilAt(unix+east)
		due := dueIndex(et, 4)
		early := min(due, dueIndex(local, 4))
		noon := days[due].epochDay()*86400 + 17*3600
		dueAt := days[due].epochDay()*86400 + 17*3600 + 1800 - offset(days[due].y, noon)*3600

		d, err := cals.Deadline(calendar.O4, when)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		if d.TriggerDateET.String() != days[et].String() || d.TriggerDateLocal.String() != days[local].String() ||
			d.DueDate.String() != days[due].String() || d.DueDateConservative.String() != days[early].String() ||
			d.DueAt.Unix() != dueAt {
			t.Fatalf("%s: got %+v, want dates %s and %s, due %s (%d), conservative %s", when.Format(time.RFC3339Nano), d,
				days[et], days[local], days[due], dueAt, days[early])
		}
	}
}

// Adding business days and counting them are inverse to each other.
func TestAddAndCount(t *testing.T) {
	cals := calendar.Default()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		c := days[100+random.IntN(len(days)-300)]
		d := calendar.NewDate(c.y, time.Month(c.m), c.d)
		n := random.IntN(60)
		later, err := cals.AddBusinessDays(d, n+1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := cals.BusinessDaysBetween(d, later); err != nil || got != n+1 {
			t.Fatalf("%d business days from %s to %s, want %d (%v)", got, d, later, n+1, err)
		}
		rolled, err := cals.AddBusinessDays(d, 0)
		if err != nil {
			t.Fatal(err)
		}
		if open, _ := cals.IsOpen(rolled); !open || rolled < d || c.business(false) != (rolled == d) {
			t.Fatalf("%s rolls to %s", d, rolled)
		}
		earlier, err := cals.AddBusinessDays(later, -(n + 1))
		if err != nil || earlier > d {
			t.Fatalf("%s less %d is %s, after %s (%v)", later, n+1, earlier, d, err)
		}
		if back, err := cals.AddBusinessDays(earlier, n+1); err != nil || back != later {
			t.Fatalf("%s and %d is %s, want %s (%v)", earlier, n+1, back, later, err)
		}
	}
}
