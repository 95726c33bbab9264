package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/rules/calendar"
)

const deadlineUsage = `tocsin deadline: when a disclosure is due, and how that is counted

  tocsin deadline --item 1.01 --at 2026-11-23T18:30:00-05:00
  tocsin deadline --item 1.02 --at 2026-11-23 --basis notice --calendar overrides/
  tocsin deadline --item 2.03 --basis awareness --at 2026-04-06 --aware-at 2026-04-08
  tocsin deadline --item 1.05 --at 2026-02-12T18:00:00-05:00 --granted 30,30,60
  tocsin deadline --clock FD --at 2026-03-13T18:00:00-04:00 --json

Give --at in the offset of the source: the date there and the date in New York
are both counted, and the earlier deadline is the one to keep.

`

// deadlineRequest is what the command line asks for.
type deadlineRequest struct {
	item      calendar.Item // zero without --item
	clock     calendar.ClockInfo
	basis     calendar.Basis
	at, aware moment
	now       moment
	granted   []int
	dir       string
	json      bool
}

// moment is an instant, or a day only.
type moment struct {
	given    bool
	date     calendar.Date // the day, when no time of day was given
	instant  time.Time
	original string
}

// time returns the instant; for a day only, its start in New York.
func (m moment) time() time.Time {
	if m.given && m.date != 0 {
		return m.date.At(0, 0, calendar.NewYork())
	}
	return m.instant
}

// usageError is a mistake on the command line: exit code 2.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// runDeadline is the command `tocsin deadline`. It returns the exit code: 0, 1
// when the calendar cannot be loaded or does not cover the dates, 2 for a
// mistake on the command line.
func runDeadline(args []string, stdout, stderr io.Writer) int {
	err := deadline(args, stdout)
	var usage usageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "tocsin deadline: %v\n(tocsin deadline -h shows the usage)\n", err)
		return 2
	}
	_, _ = fmt.Fprintf(stderr, "tocsin deadline: %v\n", err)
	return 1
}

func deadline(args []string, stdout io.Writer) error {
	req, err := parseDeadline(args, stdout)
	if err != nil {
		return err
	}
	cals := calendar.Default()
	if req.dir != "" {
		if cals, err = calendar.Load(req.dir); err != nil {
			return fmt.Errorf("--calendar %s: %w", req.dir, err)
		}
	}
	d, err := req.compute(cals)
	if err != nil {
		return fmt.Errorf("--at %s: %w", req.at.original, err)
	}
	report, err := newDeadlineReport(req, cals, d)
	if err != nil {
		return err
	}
	if req.json {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(report)
	}
	return report.print(stdout)
}

func (req deadlineRequest) compute(cals *calendar.Calendars) (calendar.Deadline, error) {
	at := req.at.time()
	switch {
	case req.clock.Code == calendar.A4:
		return cals.NonParty(at, req.aware.time())
	case len(req.granted) > 0:
		d, err := cals.Delay(at, req.granted...)
		var notCovered *calendar.NotCoveredError
		if err != nil && !errors.As(err, &notCovered) {
			return d, usagef("--granted: %w", err)
		}
		return d, err
	case req.at.date != 0:
		d, err := cals.DeadlineOn(req.clock.Code, req.at.date)
		if req.clock.Code == calendar.FD && err != nil {
			return d, usagef("%w, as 2026-11-23T18:30:00-05:00", err)
		}
		return d, err
	}
	return cals.Deadline(req.clock.Code, at)
}

func parseDeadline(args []string, help io.Writer) (deadlineRequest, error) {
	var req deadlineRequest
	var item, clock, basis, at, aware, now, granted string
	fs := flag.NewFlagSet("deadline", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&item, "item", "", "`item` of Form 8-K, such as 1.01 or 4.02(a)")
	fs.StringVar(&at, "at", "", "`time` or date the clock counts from, such as 2026-11-23T18:30:00-05:00")
	fs.StringVar(&basis, "basis", "", "what --at is: occurrence, determination, notice or awareness (of item 2.03: when the obligation arose)")
	fs.StringVar(&clock, "clock", "", "clock `code`, instead of the item's own: "+clockList())
	fs.StringVar(&aware, "aware-at", "", "`time` or date an executive officer became aware (clock A4)")
	fs.StringVar(&granted, "granted", "", "`days` of each delay granted by the Attorney General, such as 30,30,60 (clock AG)")
	fs.StringVar(&req.dir, "calendar", "", "`directory` of closures files that override the embedded calendar")
	fs.StringVar(&now, "now", "", "`time` or date to count the remaining business days from")
	fs.BoolVar(&req.json, "json", false, "print JSON")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, _ = io.WriteString(help, deadlineUsage)
			fs.SetOutput(help)
			fs.PrintDefaults()
			return req, err
		}
		return req, usageError{err}
	}
	if fs.NArg() > 0 {
		return req, usagef("argument %q: not expected; every value belongs to a flag, as in --item 1.01 --at 2026-11-23", fs.Arg(0))
	}
	if at == "" {
		return req, usagef("--at is missing: give the time or date the clock counts from")
	}
	var err error
	for _, m := range []struct {
		name, text string
		to         *moment
	}{{"--at", at, &req.at}, {"--aware-at", aware, &req.aware}, {"--now", now, &req.now}} {
		if *m.to, err = parseMoment(m.name, m.text); err != nil {
			return req, err
		}
	}
	if req.granted, err = parseGranted(granted); err != nil {
		return req, err
	}
	return req, req.choose(item, clock, basis)
}

func parseMoment(name, text string) (moment, error) {
	if text == "" {
		return moment{}, nil
	}
	m := moment{given: true, original: text}
	if d, err := calendar.ParseDate(text); err == nil {
		m.date = d
		return m, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return m, usagef("%s %q: neither a time nor a date that exists: write 2026-11-23T18:30:00-05:00 or 2026-11-23", name, text)
	}
	m.instant = t
	return m, nil
}

func parseGranted(text string) ([]int, error) {
	if text == "" {
		return nil, nil
	}
	var days []int
	for _, s := range strings.Split(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return nil, usagef("--granted %q: %q is not a number of days: write 30 or 30,30,60", text, s)
		}
		days = append(days, n)
	}
	return days, nil
}

// choose settles item, clock and basis from what was given.
func (req *deadlineRequest) choose(item, clock, basis string) error {
	if item == "" && clock == "" && len(req.granted) == 0 {
		return usagef("--item is missing: name the item of Form 8-K, such as --item 1.01, or a clock, such as --clock FD")
	}
	if item != "" {
		it, ok := calendar.LookupItem(item)
		if !ok {
			return usagef("--item %q: no such item of Form 8-K: use one of %s", item, itemList())
		}
		req.item = it
	}
	code := req.item.Clock
	switch {
	case clock != "":
		code = calendar.Clock(clock)
	case len(req.granted) > 0:
		code = calendar.AG
	case basis != "":
		var err error
		if code, err = clockOfBasis(req.item, calendar.Basis(basis)); err != nil {
			return err
		}
	case req.aware.given:
		code = calendar.A4
	}
	if clock == "" && (code == calendar.A4 || code == calendar.AG) && item != "" && code != req.item.Clock && !slices.Contains(req.item.Also, code) {
		return usagef("--item %s: the item has no clock %s, which --aware-at (item 2.03) and --granted (item 1.05) belong to: leave them out, or name --clock", item, code)
	}
	info, ok := code.Info()
	if !ok {
		return usagef("--clock %q: no such clock: use one of %s", clock, clockList())
	}
	req.clock, req.basis = info, info.Basis
	if basis != "" {
		req.basis = calendar.Basis(basis)
		if !slices.Contains(bases, req.basis) {
			return unknownBasis(basis)
		}
	}
	if req.aware.given && code != calendar.A4 {
		return usagef("--aware-at: clock %s does not use it: leave it out, or use --clock A4 (item 2.03, the registrant no party)", code)
	}
	if len(req.granted) > 0 && code != calendar.AG {
		return usagef("--granted: clock %s does not use it: leave it out, or use --clock AG (item 1.05)", code)
	}
	return nil
}

var bases = []calendar.Basis{calendar.Occurrence, calendar.Determination, calendar.Notice, calendar.Awareness}

func unknownBasis(basis string) error {
	return usagef("--basis %q: unknown: use occurrence, determination, notice or awareness", basis)
}

// clockOfBasis is the clock of an item when --at is of the given basis.
func clockOfBasis(it calendar.Item, basis calendar.Basis) (calendar.Clock, error) {
	byBasis := map[calendar.Basis]calendar.Clock{
		calendar.Occurrence: calendar.O4, calendar.Determination: calendar.D4,
		calendar.Notice: calendar.N4, calendar.Awareness: calendar.A4,
	}
	code, ok := byBasis[basis]
	if !ok {
		return "", unknownBasis(string(basis))
	}
	if own, ok := it.Clock.Info(); ok && own.Basis == basis {
		return it.Clock, nil
	}
	if !it.FourDay {
		return "", usagef("--basis %s: item %s has no clock of four business days: leave --basis out, or name a clock with --clock", basis, it.Code)
	}
	if code == calendar.A4 && !slices.Contains(it.Also, calendar.A4) {
		return "", usagef("--basis awareness: item %s does not count from awareness (only 2.03 does): use occurrence, determination or notice", it.Code)
	}
	return code, nil
}

func clockList() string {
	var codes []string
	for _, c := range calendar.Clocks() {
		codes = append(codes, string(c.Code))
	}
	return strings.Join(codes, ", ")
}

func itemList() string {
	var codes []string
	for _, it := range calendar.Items() {
		codes = append(codes, it.Code)
	}
	return strings.Join(codes, ", ")
}

// deadlineReport is the answer, with the JSON names of the fields that every
// alert carries.
type deadlineReport struct {
	Item                  string             `json:"item,omitempty"`
	ItemTitle             string             `json:"item_title,omitempty"`
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

	dateOnly bool
	trigger  time.Time
}

func newDeadlineReport(req deadlineRequest, cals *calendar.Calendars, d calendar.Deadline) (deadlineReport, error) {
	r := deadlineReport{
		Item: req.item.Code, ItemTitle: req.item.Title,
		Class: d.Clock, ClassTitle: req.clock.Title, Citation: req.clock.Citation, Basis: req.basis,
		TriggerTime: d.TriggerTime.Format(time.RFC3339Nano), trigger: d.TriggerTime, dateOnly: req.at.date != 0,
		TriggerDateET: d.TriggerDateET, TriggerDateLocal: d.TriggerDateLocal,
		CalendarVersion: d.CalendarVersion, Steps: d.Steps,
		CountedDays: append([]calendar.Date{}, d.Days...), Closures: []calendar.Closure{},
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

// print writes the answer for a reader: what was counted, and why not the days
// in between.
func (r deadlineReport) print(w io.Writer) error {
	var b strings.Builder
	line := func(label, format string, args ...any) {
		fmt.Fprintf(&b, "%-13s%s\n", label, fmt.Sprintf(format, args...))
	}
	if r.Item != "" {
		line("Item", "%s %s", r.Item, r.ItemTitle)
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
		// Over weeks and months only the days that are not weekends are news.
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
		line("Remaining", "%d business days", *r.BusinessDaysRemaining)
	}
	line("Calendar", "%s", r.CalendarVersion)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r deadlineReport) printTrigger(line func(string, string, ...any)) {
	basis := string(r.Basis)
	if r.Class == calendar.A4 {
		basis = "the obligation arose"
	}
	if r.dateOnly {
		line("Trigger", "%s (%s; a date without time or zone)", day(r.TriggerDateET), basis)
		return
	}
	line("Trigger", "%s in New York (%s)", r.trigger.In(calendar.NewYork()).Format(dayLayout+" 15:04:05 MST"), basis)
	line("", "%s at the source", r.trigger.Format(dayLayout+" 15:04:05 -07:00"))
	if _, offset := r.trigger.Zone(); offset == 0 {
		line("", "UTC: if the source has another zone, give its offset; the date there may be earlier")
	}
}
