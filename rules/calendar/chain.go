package calendar

import (
	"fmt"
	"time"
)

// NonParty counts the clock A4 (Form 8-K Item 2.03, Instruction 2): the
// registrant is no party to the obligation, and the four business days begin
// on the earlier of the fourth business day after the obligation arose and the
// day an executive officer became aware of it. "Begin on" makes that day the
// first of the four (General Instruction B.1: "begins to run on, and includes"),
// a day shorter than the count of C&DI 121A.01 and so the one to keep. A zero
// aware means that no officer knew; awareness before the obligation arose
// counts from the day it arose.
//
// The trigger of the Deadline is aware where the period begins by awareness. The
// conservative dates take the earlier of New York's date and the source's own for
// each of the two instants.
func (c *Calendars) NonParty(arose, aware time.Time) (Deadline, error) {
	info := c.clocks.byCode[A4]
	byAwareness := false
	read := func(d Date, dateOf zone) (reading, error) {
		n := info.days[0]
		first, err := c.sec.following(d, n)
		if err != nil {
			return reading{}, err
		}
		begin, what := first[n-1], "period begins: fourth business day after the obligation arose"
		byAwareness = false
		if !aware.IsZero() {
			switch known := dateOf(aware); {
			case known < d:
				begin, what = d, "period begins: the obligation arose, and an executive officer was aware before"
			case known < begin:
				begin, what = known, "period begins: an executive officer became aware"
				byAwareness = true
			}
		}
		days, err := c.sec.following(begin.AddDays(-1), n)
		if err != nil {
			return reading{}, err
		}
		return info.due(reading{days: days, due: days[n-1], steps: []Step{{what, begin}}}), nil
	}
	d, err := c.count(info, arose, read)
	if err != nil || aware.IsZero() {
		return d, err
	}
	earliest, err := read(earlier(arose), earlier)
	if err != nil {
		return Deadline{}, fmt.Errorf("clock %s: %w", info.Code, err)
	}
	if earliest.at.Before(d.DueAtConservative) {
		d.DueDateConservative, d.DueAtConservative = earliest.due, earliest.at
	}
	if _, err := read(d.TriggerDateET, dateET); err == nil && byAwareness {
		d.TriggerTime, d.TriggerDateET, d.TriggerDateLocal = aware, dateET(aware), DateOf(aware)
	}
	return d, nil
}

// earlier is the earlier of an instant's dates, in New York and in its own location.
func earlier(t time.Time) Date { return min(dateET(t), DateOf(t)) }

// Delay counts the clock AG (Form 8-K Item 1.05(c)): the Attorney General found
// in writing that disclosure poses a substantial risk and granted the delays,
// in days, one after the other: at most 30 after the date otherwise due, 30
// more, and 60 more for national security in extraordinary circumstances. The
// report is due four business days after the last grant expires (C&DI 104B.01
// to 104B.03). An expiry is a calendar day and is not rolled forward. Errors:
// no grant, more than three, or one that is too long; those of Deadline.
func (c *Calendars) Delay(determined time.Time, granted ...int) (Deadline, error) {
	info := c.clocks.byCode[AG]
	if len(granted) == 0 || len(granted) > len(info.days) {
		return Deadline{}, fmt.Errorf("%d delays granted: give 1 to %d of them, in days", len(granted), len(info.days))
	}
	for i, n := range granted {
		if n < 1 || n > info.days[i] {
			return Deadline{}, fmt.Errorf("delay %d is %d days: the rule allows 1 to %d", i+1, n, info.days[i])
		}
	}
	return c.count(info, determined, func(d Date, _ zone) (reading, error) {
		n := c.initialDays()
		initial, err := c.sec.AddBusinessDays(d, n)
		if err != nil {
			return reading{}, err
		}
		r := reading{steps: []Step{{"otherwise due", initial}}}
		expiry := initial
		for i, days := range granted {
			expiry = expiry.AddDays(days)
			r.steps = append(r.steps, Step{fmt.Sprintf("delay %d of %d days expires", i+1, days), expiry})
		}
		if r.days, err = c.sec.following(expiry, n); err != nil {
			return reading{}, err
		}
		r.due = r.days[n-1]
		return info.due(r), nil
	})
}
