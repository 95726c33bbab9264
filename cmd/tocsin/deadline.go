package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/rules/calendar"
)

// deadlineCommand is tocsin deadline.
var deadlineCommand = &cli.Command{
	Name: "deadline", Summary: "count a Form 8-K deadline",
	Usage: "--item ITEM --at TIME [flags]",
	Description: `Prints when a disclosure is due and how that is counted. Give --at in the offset
of the source: the date there and the date in New York are both counted, and the
earlier deadline is the one to keep.`,
	Example: `tocsin deadline --item 1.01 --at 2026-11-23T18:30:00-05:00
tocsin deadline --item 1.02 --at 2026-11-23 --basis notice --calendar overrides/
tocsin deadline --item 2.03 --basis awareness --at 2026-04-06 --aware-at 2026-04-08
tocsin deadline --item 1.05 --at 2026-02-12T18:00:00-05:00 --granted 30,30,60
tocsin deadline --clock FD --at 2026-03-13T18:00:00-04:00 --json`,
	Define: func(flags *flag.FlagSet) cli.Action {
		f := defineDeadline(flags)
		return func(_ context.Context, call *cli.Call) error { return f.count(call.Stdout) }
	},
}

// deadlineRequest is a command line, read and checked.
type deadlineRequest struct {
	item      calendar.Item // zero without --item
	clock     calendar.ClockInfo
	basis     calendar.Basis
	at, aware moment
	now       moment
	granted   []int
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

// deadlineFlags are the flags as they are given.
type deadlineFlags struct {
	item, clock, basis, at, aware, now, granted, dir string
	json                                             bool
}

func defineDeadline(flags *flag.FlagSet) *deadlineFlags {
	f := &deadlineFlags{}
	flags.StringVar(&f.item, "item", "", "`item` of Form 8-K, such as 1.01 or 4.02(a)")
	flags.StringVar(&f.at, "at", "", "`time` or date the clock counts from, such as 2026-11-23T18:30:00-05:00")
	flags.StringVar(&f.basis, "basis", "", "`basis` of --at: occurrence, determination, notice or awareness (of item 2.03: when the obligation arose)")
	flags.StringVar(&f.clock, "clock", "", "`clock` instead of the item's own: "+clockList())
	flags.StringVar(&f.aware, "aware-at", "", "`time` or date an executive officer became aware (clock A4)")
	flags.StringVar(&f.granted, "granted", "", "`days` of each delay granted by the Attorney General, such as 30,30,60 (clock AG)")
	flags.StringVar(&f.dir, "calendar", "", "`directory` of closures files that override the embedded calendar")
	flags.StringVar(&f.now, "now", "", "`time` or date to count the remaining business days from")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return f
}

// count prints the deadline, or returns why there is none to print.
func (f *deadlineFlags) count(stdout io.Writer) error {
	req, err := f.request()
	if err != nil {
		return err
	}
	cals, err := config.OpenCalendars(f.dir)
	if err != nil {
		return fmt.Errorf("--calendar %s: %w", f.dir, err)
	}
	d, err := req.compute(cals)
	if err != nil {
		return fmt.Errorf("--at %s: %w", req.at.original, err)
	}
	report, err := newDeadlineReport(req, cals, d)
	if err != nil {
		return err
	}
	if f.json {
		return cli.WriteJSON(stdout, report)
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
			return d, cli.Usagef("--granted: %w", err)
		}
		return d, err
	case req.at.date != 0:
		d, err := cals.DeadlineOn(req.clock.Code, req.at.date)
		if req.clock.Code == calendar.FD && err != nil {
			return d, cli.Usagef("%w, as 2026-11-23T18:30:00-05:00", err)
		}
		return d, err
	}
	return cals.Deadline(req.clock.Code, at)
}

func (f *deadlineFlags) request() (req deadlineRequest, err error) {
	if f.at == "" {
		return req, cli.Usagef("--at is missing: give the time or date the clock counts from")
	}
	for _, m := range []struct {
		name, text string
		to         *moment
	}{{"--at", f.at, &req.at}, {"--aware-at", f.aware, &req.aware}, {"--now", f.now, &req.now}} {
		if *m.to, err = parseMoment(m.name, m.text); err != nil {
			return req, err
		}
	}
	if req.granted, err = parseGranted(f.granted); err != nil {
		return req, err
	}
	return req, req.choose(f.item, f.clock, f.basis)
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
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if _, err := time.Parse(layout, text); err == nil {
			return m, cli.Usagef("%s %q: the offset from UTC is missing: write 2026-11-23T18:30:00-05:00 for New York in winter, -04:00 in summer, Z for UTC, or the date alone", name, text)
		}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return m, cli.Usagef("%s %q: neither a time nor a date that exists: write 2026-11-23T18:30:00-05:00 or 2026-11-23", name, text)
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
			return nil, cli.Usagef("--granted %q: %q is not a number of days: write 30 or 30,30,60", text, s)
		}
		days = append(days, n)
	}
	return days, nil
}

// choose derives item, clock and basis from the flags.
func (req *deadlineRequest) choose(item, clock, basis string) error {
	if item == "" && clock == "" && len(req.granted) == 0 {
		return cli.Usagef("--item is missing: name the item of Form 8-K, such as --item 1.01, or a clock, such as --clock FD")
	}
	if item != "" {
		it, ok := calendar.LookupItem(item)
		if !ok {
			return cli.Usagef("--item %q: no such item of Form 8-K: use one of %s", item, itemList())
		}
		req.item = it
	}
	code := req.item.Clock
	if basis != "" && clock == "" && item != "" {
		var err error
		if code, err = clockOfBasis(req.item, calendar.Basis(basis)); err != nil {
			return err
		}
	}
	switch {
	case clock != "":
		code = calendar.Clock(clock)
	case len(req.granted) > 0:
		code = calendar.AG
	case basis == "" && req.aware.given:
		code = calendar.A4
	}
	if clock == "" && (code == calendar.A4 || code == calendar.AG) && item != "" && code != req.item.Clock && !slices.Contains(req.item.Also, code) {
		return cli.Usagef("--item %s: the item has no clock %s, which --aware-at (item 2.03) and --granted (item 1.05) belong to: leave them out, or name --clock", item, code)
	}
	info, ok := code.Info()
	if !ok {
		return cli.Usagef("--clock %q: no such clock: use one of %s", clock, clockList())
	}
	req.clock, req.basis = info, info.Basis
	if basis != "" {
		req.basis = calendar.Basis(basis)
		if !slices.Contains(bases, req.basis) {
			return unknownBasis(basis)
		}
	}
	if req.aware.given && code != calendar.A4 {
		return cli.Usagef("--aware-at: clock %s does not use it: leave it out, or use --clock A4 (item 2.03, the registrant no party)", code)
	}
	if len(req.granted) > 0 && code != calendar.AG {
		return cli.Usagef("--granted: clock %s does not use it: leave it out, or use --clock AG (item 1.05)", code)
	}
	return nil
}

var bases = []calendar.Basis{calendar.Occurrence, calendar.Determination, calendar.Notice, calendar.Awareness}

func unknownBasis(basis string) error {
	return cli.Usagef("--basis %q: unknown: use occurrence, determination, notice or awareness", basis)
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
		return "", cli.Usagef("--basis %s: item %s has no clock of four business days: leave --basis out, or name a clock with --clock", basis, it.Code)
	}
	if slices.Contains(it.Also, code) {
		return code, nil
	}
	from := strings.Join(basesOf(it), " or ")
	return "", cli.Usagef("--basis %s: item %s counts from %s, not from %s: give --at of the %s, or name --clock %s to count from %s nevertheless", basis, it.Code, from, basis, from, code, basis)
}

// basesOf returns the bases of the item's clocks of four business days.
func basesOf(it calendar.Item) (all []string) {
	for _, code := range append([]calendar.Clock{it.Clock}, it.Also...) {
		if code == calendar.O4 || code == calendar.D4 || code == calendar.N4 || code == calendar.A4 {
			info, _ := code.Info()
			all = append(all, string(info.Basis))
		}
	}
	return all
}

// note is a warning about a clock that is not the item's, or empty.
func (req deadlineRequest) note() string {
	own := basesOf(req.item)
	basis := string(req.clock.Basis)
	if len(own) == 0 || basis == "" || slices.Contains(own, basis) || slices.Contains(req.item.Also, req.clock.Code) {
		return ""
	}
	return fmt.Sprintf("item %s counts from %s; --clock %s counts from %s", req.item.Code, strings.Join(own, " or "), req.clock.Code, basis)
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
