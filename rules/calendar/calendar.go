// Package calendar answers when a disclosure is due. It holds the business
// days of the SEC (on which EDGAR accepts filings) and of the NYSE as data,
// the clocks of Form 8-K and Regulation FD, and the table of 8-K items.
//
// Holidays given by statute are computed; days closed by order are entries of
// closures.csv with reason and source; a directory of files of the same form
// overrides both without a release. Outside the covered years every answer is an
// error. The package gives no legal advice: every number is data with a citation,
// and counsel confirms it.
package calendar

import (
	"fmt"
	"slices"
	"time"
)

// years are those for which there is data, the first and the last included.
type years struct{ first, last int }

// shipped are the years of the data that ship with the program.
var shipped = years{2004, 2030}

func (y years) String() string { return fmt.Sprintf("%d-%d", y.first, y.last) }
func (y years) begin() Date    { return NewDate(y.first, time.January, 1) }
func (y years) end() Date      { return NewDate(y.last, time.December, 31) }

// covers reports whether there is data for a day.
func (y years) covers(d Date) bool { return y.begin() <= d && d <= y.end() }

// NotCoveredError means that a question touches a day without calendar data. There
// is no guessed answer.
type NotCoveredError struct {
	Market      Market
	Date        Date // the day asked for, or the last one known when a count ran past it
	Beyond      bool // a count from Date ran past the covered days
	First, Last Date // what is covered
}

// Error names the day, the covered range and the remedy.
func (e *NotCoveredError) Error() string {
	what := fmt.Sprintf("%s is not covered by the %s calendar", e.Date, e.Market)
	if e.Beyond {
		what = fmt.Sprintf("the count from %s runs past the days covered by the %s calendar", e.Date, e.Market)
	}
	return fmt.Sprintf("%s (%s to %s): check the date, or use a release whose calendar covers it", what, e.First, e.Last)
}

// Calendar is the business days of one market. It is immutable and safe for
// concurrent use.
type Calendar struct {
	market      Market
	first, last Date             // what is covered
	open        []Date           // every business day, ascending
	upTo        []int32          // by day since first: business days up to and including it
	closures    map[Date]Closure // closed days that are not weekends
}

// closedDays are the days that the market's rules close, with the entries
// applied; of two entries for a day the later wins.
func closedDays(market Market, entries []Closure) map[Date]Closure {
	closed := map[Date]Closure{}
	rule := federalHolidays
	if market == NYSE {
		rule = nyseHolidays
	}
	// One year more: its New Year's Day may be observed in the last year.
	for year := shipped.first; year <= shipped.last+1; year++ {
		for _, h := range rule(year) {
			if shipped.covers(h.date) {
				closed[h.date] = Closure{Date: h.date, Market: market, Status: Closed, Reason: h.name, Source: h.source}
			}
		}
	}
	for _, e := range entries {
		switch {
		case e.Market != market:
		case e.Status == Closed:
			closed[e.Date] = e
		default:
			delete(closed, e.Date)
		}
	}
	return closed
}

// newCalendar is the calendar of a market that is closed on the given days and
// on weekends.
func newCalendar(market Market, y years, closed map[Date]Closure) *Calendar {
	c := &Calendar{market: market, first: y.begin(), last: y.end(), closures: closed}
	for d := c.first; d <= c.last; d++ {
		w := d.Weekday()
		_, closed := c.closures[d]
		if !closed && w != time.Saturday && w != time.Sunday {
			c.open = append(c.open, d)
		}
		c.upTo = append(c.upTo, int32(len(c.open)))
	}
	return c
}

// Covers returns the first and the last day with data.
func (c *Calendar) Covers() (first, last Date) { return c.first, c.last }

// IsOpen reports whether a day is a business day. The only error is
// *NotCoveredError.
func (c *Calendar) IsOpen(d Date) (bool, error) {
	if err := c.covered(d); err != nil {
		return false, err
	}
	return c.isOpen(d), nil
}

// AddBusinessDays returns the nth business day strictly after d, or strictly
// before it when n is negative. For n = 0 it returns d when d is a business
// day and else the next one (the roll-forward of Exchange Act Rule 0-3(a)).
// The only error is *NotCoveredError.
func (c *Calendar) AddBusinessDays(d Date, n int) (Date, error) {
	if err := c.covered(d); err != nil {
		return 0, err
	}
	i := int(c.upTo[d-c.first]) // c.open[i] is the first business day after d
	switch open := c.isOpen(d); {
	case n > 0:
		i += n - 1
	case n < 0 && open:
		i += n - 1
	case n < 0:
		i += n
	case open:
		return d, nil
	}
	if i < 0 || i >= len(c.open) {
		return 0, &NotCoveredError{Market: c.market, Date: d, Beyond: true, First: c.first, Last: c.last}
	}
	return c.open[i], nil
}

// BusinessDaysBetween counts the business days after a up to and including b.
// It is negative when b is before a. The only error is *NotCoveredError.
func (c *Calendar) BusinessDaysBetween(a, b Date) (int, error) {
	if err := c.covered(a); err != nil {
		return 0, err
	}
	if err := c.covered(b); err != nil {
		return 0, err
	}
	return int(c.upTo[b-c.first] - c.upTo[a-c.first]), nil
}

// Closures returns the reason of each day from a to b, both included, that is not a
// business day: weekends with the name of the day, others with reason and source. Days
// without data are left out.
func (c *Calendar) Closures(a, b Date) []Closure {
	var out []Closure
	for d := max(a, c.first); d <= min(b, c.last); d++ {
		if entry, ok := c.closures[d]; ok {
			out = append(out, entry)
		} else if !c.isOpen(d) {
			out = append(out, Closure{Date: d, Market: c.market, Status: Closed, Reason: d.Weekday().String()})
		}
	}
	return out
}

// following returns the n business days strictly after d.
func (c *Calendar) following(d Date, n int) ([]Date, error) {
	if err := c.covered(d); err != nil {
		return nil, err
	}
	i := int(c.upTo[d-c.first])
	if i+n > len(c.open) {
		return nil, &NotCoveredError{Market: c.market, Date: d, Beyond: true, First: c.first, Last: c.last}
	}
	return slices.Clone(c.open[i : i+n]), nil
}

func (c *Calendar) isOpen(d Date) bool {
	i := d - c.first
	if i == 0 {
		return c.upTo[0] == 1
	}
	return c.upTo[i] != c.upTo[i-1]
}

func (c *Calendar) covered(d Date) error {
	if d < c.first || d > c.last {
		return &NotCoveredError{Market: c.market, Date: d, First: c.first, Last: c.last}
	}
	return nil
}
