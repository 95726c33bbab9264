package calendar

import (
	"errors"
	"fmt"
	"time"
)

// Deadline is a due date and its count.
type Deadline struct {
	Clock Clock
	// TriggerTime is the instant given, in its own location.
	TriggerTime time.Time
	// TriggerDateET is its date in New York, TriggerDateLocal its date in its
	// own location.
	TriggerDateET, TriggerDateLocal Date
	// Days are the business days counted from TriggerDateET. For a clock of
	// calendar days they are those of the initial report, if it has one.
	Days []Date
	// Steps are the dates in between of a clock of more than one stage.
	Steps []Step
	// DueDate and DueAt (UTC) follow from TriggerDateET: by 17:30 in New York,
	// standard or daylight time as in effect on the day (Regulation S-T Rule
	// 13(a)(2)). Both are zero when the clock sets no deadline.
	DueDate Date
	DueAt   time.Time
	// DueDateConservative and DueAtConservative (UTC) are the earlier of the
	// readings by TriggerDateET and by TriggerDateLocal. No rule states the zone of
	// an event's date, so keep to the earlier one.
	DueDateConservative Date
	DueAtConservative   time.Time
	// CalendarVersion is Calendars.Version of the data used.
	CalendarVersion string
}

// Step is a named date within a deadline of more than one stage.
type Step struct {
	What string `json:"what"`
	Date Date   `json:"date"`
}

// Deadline counts a clock from an instant. The instant's location is the
// source's own zone: both the date in New York and the date there are counted,
// see Deadline.DueAtConservative. A clock without a deadline in law gives a
// Deadline without due dates and no error. Errors: an unknown clock, a zero
// instant, *NotCoveredError.
//
// Of the clocks of several dates, A4 is counted as if no executive officer
// knew before (see NonParty), CD71 from the closing, and AG with a first grant
// of full length (see Delay).
func (c *Calendars) Deadline(clock Clock, at time.Time) (Deadline, error) {
	switch clock {
	case A4:
		return c.NonParty(at, time.Time{})
	case AG:
		info := c.clocks.byCode[AG]
		return c.Delay(at, info.days[0])
	}
	info, ok := c.clocks.byCode[clock]
	if !ok {
		return Deadline{}, c.clocks.unknown(clock)
	}
	return c.count(info, at, func(d Date, _ zone) (reading, error) { return c.read(info, at, d) })
}

// DeadlineOn counts a clock from a civil date, for a source that knows the day
// only. The trigger time is the start of the day in New York. Regulation FD
// counts hours and gives an error.
func (c *Calendars) DeadlineOn(clock Clock, d Date) (Deadline, error) {
	if clock == FD {
		return Deadline{}, errors.New("clock FD counts 24 hours and needs an instant: give the time of day too")
	}
	if d.IsZero() {
		return Deadline{}, errNoTrigger
	}
	return c.Deadline(clock, d.At(0, 0, newYork()))
}

var errNoTrigger = errors.New("no trigger time: a deadline needs the instant or date it is counted from")

// reading is the outcome for one reading of the trigger's date.
type reading struct {
	days  []Date
	steps []Step
	due   Date
	at    time.Time
}

// zone gives the date of an instant: in New York, or in the instant's own
// location.
type zone func(time.Time) Date

func dateET(t time.Time) Date { return DateOf(t.In(newYork())) }

// count applies a counting rule to both readings of the trigger's date.
func (c *Calendars) count(info *ClockInfo, at time.Time, read func(Date, zone) (reading, error)) (Deadline, error) {
	if at.IsZero() {
		return Deadline{}, errNoTrigger
	}
	d := Deadline{
		Clock: info.Code, TriggerTime: at, CalendarVersion: c.version,
		TriggerDateET: dateET(at), TriggerDateLocal: DateOf(at),
	}
	if !info.Deadline {
		return d, nil
	}
	et, err := read(d.TriggerDateET, dateET)
	if err != nil {
		return Deadline{}, fmt.Errorf("clock %s: %w", info.Code, err)
	}
	d.Days, d.Steps = et.days, et.steps
	d.DueDate, d.DueAt = et.due, et.at
	d.DueDateConservative, d.DueAtConservative = et.due, et.at
	if at.Location() == newYork() {
		return d, nil // one reading
	}
	local, err := read(d.TriggerDateLocal, DateOf)
	if err != nil {
		return Deadline{}, fmt.Errorf("clock %s: %w", info.Code, err)
	}
	if local.at.Before(et.at) {
		d.DueDateConservative, d.DueAtConservative = local.due, local.at
	}
	return d, nil
}

// read counts the clocks of one date.
func (c *Calendars) read(info *ClockInfo, at time.Time, d Date) (reading, error) {
	n := info.days[0]
	switch info.method {
	case "business":
		days, err := c.Market(info.Market).following(d, n)
		if err != nil {
			return reading{}, err
		}
		return info.due(reading{days: days, due: days[n-1]}), nil
	case "calendar":
		r := reading{steps: []Step{{fmt.Sprintf("day %d", n), d.AddDays(n)}}}
		return c.rolled(info, r, d.AddDays(n))
	case "after_initial":
		days, err := c.sec.following(d, c.initialDays())
		if err != nil {
			return reading{}, err
		}
		initial := days[len(days)-1]
		r := reading{days: days, steps: []Step{
			{"initial report due", initial},
			{fmt.Sprintf("day %d after it", n), initial.AddDays(n)},
		}}
		return c.rolled(info, r, initial.AddDays(n))
	case "reg_fd":
		return c.regFD(info, at, d)
	}
	return reading{}, fmt.Errorf("method %q takes more than one date", info.method)
}

// initialDays is the count of an ordinary Form 8-K, from the row of O4.
func (c *Calendars) initialDays() int { return c.clocks.byCode[O4].days[0] }

// due sets the instant: the latest time of day on the due date.
func (info *ClockInfo) due(r reading) reading {
	r.at = r.due.At(info.hour, info.minute, newYork()).UTC()
	return r
}

// rolled takes the day, or the next business day when it is closed (Exchange
// Act Rule 0-3(a)).
func (c *Calendars) rolled(info *ClockInfo, r reading, day Date) (reading, error) {
	due, err := c.Market(info.Market).AddBusinessDays(day, 0)
	if err != nil {
		return reading{}, err
	}
	r.due = due
	return info.due(r), nil
}

// regFD applies Regulation FD Rule 101(d): the later of 24 hours after a
// senior official learns and the start of the next day's trading on the NYSE.
// The next day is the next trading day after the date of learning, even when
// that is a trading day on which the exchange has yet to open.
func (c *Calendars) regFD(info *ClockInfo, at time.Time, d Date) (reading, error) {
	days, err := c.nyse.following(d, 1)
	if err != nil {
		return reading{}, err
	}
	opening := days[0].At(info.hour, info.minute, newYork()).UTC()
	due := at.Add(time.Duration(info.days[0]) * time.Hour).UTC()
	if due.Before(opening) {
		due = opening
	}
	return reading{
		days: days, due: dateET(due), at: due,
		steps: []Step{{"next opening of the NYSE", days[0]}},
	}, nil
}

// BusinessDaysRemaining counts the SEC business days after now's date in New
// York up to and including the conservative due date: 0 on that day, negative
// after it. Errors: a deadline without due date, *NotCoveredError.
func (c *Calendars) BusinessDaysRemaining(d Deadline, now time.Time) (int, error) {
	if d.DueDateConservative.IsZero() {
		return 0, fmt.Errorf("clock %s sets no deadline: no business days to count", d.Clock)
	}
	return c.sec.BusinessDaysBetween(dateET(now), d.DueDateConservative)
}
