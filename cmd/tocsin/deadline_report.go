package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
)

// deadlineReport is the answer, with the JSON names of the fields that every
// alert carries.
type deadlineReport struct {
	Item                  string             `json:"item,omitempty"`
	ItemTitle             string             `json:"item_title,omitempty"`
	Note                  string             `json:"note,omitempty"`
	Class                 calendar.Clock     `json:"deadline_class"`
	ClassTitle            string             `json:"deadline_class_title"`
	Citation              string             `json:"citation,omitempty"`
	Basis                 calendar.Basis     `json:"trigger_basis"`
	TriggerTime           string             `json:"trigger_time"`
	TriggerDateET         calendar.Date      `json:"trigger_date_et"`
	TriggerDateLocal      calendar.Date      `json:"trigger_date_local"`
	DueDate               *calendar.Date     `json:"due_date"`
	DueAt                 *time.Time         `json:"due_at"`
	DueAtET               string             `json:"due_at_et,omitempty"`
	DueDateConservative   *calendar.Date     `json:"due_date_conservative"`
	DueAtConservative     *time.Time         `json:"due_at_conservative"`
	BusinessDaysRemaining *int               `json:"business_days_remaining,omitempty"`
	CalendarVersion       string             `json:"calendar_version"`
	CountedDays           []calendar.Date    `json:"counted_days"`
	Steps                 []calendar.Step    `json:"steps,omitempty"`
	Closures              []calendar.Closure `json:"closures"`

	trigger moment // the instant that TriggerTime is
	other   moment // of clock A4 with --aware-at: the other instant
}

func newDeadlineReport(req deadlineRequest, cals *calendar.Calendars, d calendar.Deadline) (deadlineReport, error) {
	r := deadlineReport{
		Item: req.item.Code, ItemTitle: req.item.Title, Note: req.note(),
		Class: d.Clock, ClassTitle: req.clock.Title, Citation: req.clock.Citation, Basis: req.basis,
		TriggerTime: d.TriggerTime.Format(time.RFC3339Nano), trigger: req.at, other: req.aware,
		TriggerDateET: d.TriggerDateET, TriggerDateLocal: d.TriggerDateLocal,
		CalendarVersion: d.CalendarVersion, Steps: d.Steps,
		CountedDays: append([]calendar.Date{}, d.Days...), Closures: []calendar.Closure{},
	}
	if req.aware.given {
		r.Basis = calendar.Occurrence
		if d.TriggerTime.Equal(req.aware.time()) {
			r.Basis, r.trigger, r.other = calendar.Awareness, req.aware, req.at
		}
	}
	if d.DueDate.IsZero() {
		return r, nil
	}
	r.DueDate, r.DueAt = &d.DueDate, &d.DueAt
	r.DueDateConservative, r.DueAtConservative = &d.DueDateConservative, &d.DueAtConservative
	r.DueAtET = d.DueAt.In(calendar.NewYork()).Format(time.RFC3339Nano)
	from := min(d.TriggerDateET, d.TriggerDateLocal)
	r.Closures = append(r.Closures, cals.Market(req.clock.Market).Closures(from, d.DueDate)...)
	if req.now.given {
		n, err := cals.BusinessDaysRemaining(d, req.now.time())
		if err != nil {
			return r, fmt.Errorf("--now %s: %w", req.now.original, err)
		}
		r.BusinessDaysRemaining = &n
	}
	return r, nil
}

// longCount is the number of closed days beyond which weekends are not listed.
const longCount = 8

const dayLayout = "Mon 2006-01-02"

func day(d calendar.Date) string {
	return fmt.Sprintf("%.3s %s", d.Weekday(), d)
}

// print writes the answer for people: the days that count, and why others do not.
func (r deadlineReport) print(w io.Writer) error {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s%s\n", label, fmt.Sprintf(format, args...))
	}
	if r.Item != "" {
		line("Item", "%s %s", r.Item, r.ItemTitle)
	}
	if r.Note != "" {
		line("Note", "%s", r.Note)
	}
	line("Clock", "%s: %s", r.Class, r.ClassTitle)
	if r.Citation != "" {
		line("", "%s", r.Citation)
	}
	r.printTrigger(line)
	if r.DueDate == nil {
		line("Due", "no filing deadline")
		line("Calendar", "%s", r.CalendarVersion)
		_, err := io.WriteString(w, b.String())
		return err
	}
	for i, d := range r.CountedDays {
		label := ""
		if i == 0 {
			label = "Counted"
		}
		line(label, "%2d  %s", i+1, day(d))
	}
	for i, s := range r.Steps {
		label := ""
		if i == 0 {
			label = "Steps"
		}
		line(label, "%s: %s", s.What, day(s.Date))
	}
	label := "Closed"
	for _, c := range r.Closures {
		// Over weeks and months weekends are left out.
		if c.Source == "" && len(r.Closures) > longCount {
			continue
		}
		why := c.Reason
		if c.Source != "" {
			why += " (" + c.Source + ")"
		}
		line(label, "%s  %s", day(c.Date), why)
		label = ""
	}
	if len(r.Closures) > longCount {
		line(label, "and weekends")
	}
	et := r.DueAt.In(calendar.NewYork())
	line("Due", "%s", et.Format(dayLayout+" 15:04:05 MST"))
	line("", "%s", r.DueAt.Format(dayLayout+" 15:04:05 MST"))
	if !r.DueAtConservative.Equal(*r.DueAt) {
		at := r.DueAtConservative.In(calendar.NewYork())
		line("Keep to", "%s, by the date in the source's zone", at.Format(dayLayout+" 15:04:05 MST"))
		line("", "%s", r.DueAtConservative.Format(dayLayout+" 15:04:05 MST"))
	}
	if r.BusinessDaysRemaining != nil {
		line("Remaining", "%s", diag.Plural(*r.BusinessDaysRemaining, "business day"))
	}
	line("Calendar", "%s", r.CalendarVersion)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r deadlineReport) printTrigger(line func(string, string, ...any)) {
	const arose, aware = "the obligation arose", "an executive officer became aware"
	basis, other := string(r.Basis), aware
	switch {
	case r.Class == calendar.A4 && r.other.given && r.Basis == calendar.Awareness:
		basis, other = aware, arose
	case r.Class == calendar.A4:
		basis = arose
	}
	if r.trigger.date != 0 {
		line("Trigger", "%s (%s; a date without time or zone)", day(r.TriggerDateET), basis)
	} else {
		line("Trigger", "%s in New York (%s)", inNewYork(r.trigger.instant), basis)
		line("", "%s at the source", r.trigger.instant.Format(dayLayout+" 15:04:05 -07:00"))
		if _, offset := r.trigger.instant.Zone(); offset == 0 {
			line("", "UTC: if the source has another zone, give its offset; the date there may be earlier")
		}
	}
	switch {
	case r.other.date != 0:
		line("", "%s: %s", day(r.other.date), other)
	case r.other.given:
		line("", "%s in New York: %s", inNewYork(r.other.instant), other)
	}
}

func inNewYork(t time.Time) string {
	return t.In(calendar.NewYork()).Format(dayLayout + " 15:04:05 MST")
}
