package calendar_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/rules/calendar"
)

// The worked examples of the clocks other than four business days.
func TestOtherClocks(t *testing.T) {
	for _, c := range []struct {
		name  string
		clock calendar.Clock
		at    string
		due   string // in New York
	}{
		{"1.05 initial", calendar.D4, "2026-02-12T18:00:00-05:00", "2026-02-19T17:30:00-05:00"},
		{"4.02(c) letter over Memorial Day", calendar.BD2, "2026-05-21T10:00:00-04:00", "2026-05-26T17:30:00-04:00"},
		{"4.01 Exhibit 16 over Thanksgiving", calendar.BD10, "2026-11-12T12:00:00-05:00", "2026-11-27T17:30:00-05:00"},
		{"9.01 rolled off a Saturday", calendar.CD71, "2026-09-14T12:00:00-04:00", "2026-11-30T17:30:00-05:00"},
		{"9.01 on a business day", calendar.CD71, "2026-09-15T12:00:00-04:00", "2026-12-01T17:30:00-05:00"},
		{"5.07", calendar.O4, "2026-05-12T11:00:00-04:00", "2026-05-18T17:30:00-04:00"},
		{"1.05(d) over Washington's Birthday", calendar.BD7, "2026-02-12T18:00:00-05:00", "2026-02-24T17:30:00-05:00"},
		{"5.07(d) rolled off a Sunday and Columbus Day", calendar.CD150, "2026-05-14T11:00:00-04:00", "2026-10-13T17:30:00-04:00"},
		{"5.07(d) on a business day", calendar.CD150, "2026-05-18T11:00:00-04:00", "2026-10-15T17:30:00-04:00"},
		{"2.03 no party, no officer aware", calendar.A4, "2026-04-06T12:00:00-04:00", "2026-04-15T17:30:00-04:00"},
		{"1.05(c) one full delay", calendar.AG, "2026-02-12T18:00:00-05:00", "2026-03-26T17:30:00-04:00"},
		{"FD: opening is later", calendar.FD, "2026-03-10T08:00:00-04:00", "2026-03-11T09:30:00-04:00"},
		{"FD: 24 hours is later", calendar.FD, "2026-03-10T11:00:00-04:00", "2026-03-11T11:00:00-04:00"},
		{"FD: weekend", calendar.FD, "2026-03-13T18:00:00-04:00", "2026-03-16T09:30:00-04:00"},
		{"FD: Good Friday", calendar.FD, "2026-04-02T15:00:00-04:00", "2026-04-06T09:30:00-04:00"},
		{"FD: Veterans Day, the exchange open", calendar.FD, "2026-11-10T16:05:00-05:00", "2026-11-11T16:05:00-05:00"},
		{"FD: 24 hours across the spring change", calendar.FD, "2026-03-07T22:00:00-05:00", "2026-03-09T09:30:00-04:00"},
		{"FD: 24 hours on the day of 25", calendar.FD, "2026-10-31T23:00:00-04:00", "2026-11-02T09:30:00-05:00"},
		{"FD: Sunday night, 24 hours is later", calendar.FD, "2026-11-01T23:00:00-05:00", "2026-11-02T23:00:00-05:00"},
	} {
		d, err := calendar.Default().Deadline(c.clock, at(t, c.at))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if want := at(t, c.due); !d.DueAt.Equal(want) {
			t.Errorf("%s: due %s, want %s", c.name, d.DueAt.In(calendar.NewYork()).Format(time.RFC3339), c.due)
		}
		if d.DueAt.Location() != time.UTC {
			t.Errorf("%s: due instant is not in UTC", c.name)
		}
		if got := calendar.DateOf(d.DueAt.In(calendar.NewYork())); got != d.DueDate {
			t.Errorf("%s: due date %s but due instant on %s", c.name, d.DueDate, got)
		}
	}
}

func TestNonParty(t *testing.T) {
	for _, c := range []struct{ name, arose, aware, begins, due string }{
		{"no officer aware", "2026-04-06", "", "2026-04-10", "2026-04-15"},
		{"aware on a business day", "2026-04-06", "2026-04-08", "2026-04-08", "2026-04-13"},
		{"aware on a Saturday: includes the first business day thereafter", "2026-04-09", "2026-04-11", "2026-04-11", "2026-04-16"},
		{"aware after the fourth day", "2026-04-06", "2026-04-20", "2026-04-10", "2026-04-15"},
		{"aware before it arose", "2026-04-06", "2026-03-02", "2026-04-06", "2026-04-09"},
	} {
		var aware time.Time
		if c.aware != "" {
			aware = at(t, c.aware+"T12:00:00-04:00")
		}
		d, err := calendar.Default().NonParty(at(t, c.arose+"T12:00:00-04:00"), aware)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if d.Steps[0].Date.String() != c.begins || d.DueDate.String() != c.due {
			t.Errorf("%s: begins %s, due %s, want %s and %s", c.name, d.Steps[0].Date, d.DueDate, c.begins, c.due)
		}
	}
	// Tokyo: the date there is a day later than in New York for both instants.
	d, err := calendar.Default().NonParty(at(t, "2026-04-07T08:00:00+09:00"), at(t, "2026-04-09T08:00:00+09:00"))
	if err != nil || d.DueDate.String() != "2026-04-13" || d.DueDateConservative.String() != "2026-04-13" {
		t.Errorf("Tokyo: due %s, conservative %s, %v; want 2026-04-13 twice", d.DueDate, d.DueDateConservative, err)
	}
	// Each instant has the date of its own zone: the earliest deadline is the one to keep.
	day := calendar.NewDate(2026, time.April, 6).At(0, 0, calendar.NewYork())
	for _, c := range []struct {
		name         string
		arose, aware time.Time
	}{
		{"a day, and awareness in Los Angeles", day, at(t, "2026-04-08T22:00:00-07:00")},
		{"Tokyo, and awareness in Los Angeles", at(t, "2026-04-07T08:00:00+09:00"), at(t, "2026-04-08T22:00:00-07:00")},
	} {
		d, err := calendar.Default().NonParty(c.arose, c.aware)
		if err != nil || d.DueDate.String() != "2026-04-14" || d.DueDateConservative.String() != "2026-04-13" {
			t.Errorf("%s: due %s, conservative %s, %v; want 2026-04-14 and 2026-04-13", c.name, d.DueDate, d.DueDateConservative, err)
		}
	}
}

// TestNonPartyTrigger: the trigger is the instant that the period begins by.
func TestNonPartyTrigger(t *testing.T) {
	arose := at(t, "2026-04-06T12:00:00-04:00")
	for _, c := range []struct{ aware, trigger, begins string }{
		{"2026-04-08T22:00:00-07:00", "2026-04-08T22:00:00-07:00", "period begins: an executive officer became aware"},
		{"2026-04-06T08:00:00-04:00", "2026-04-06T08:00:00-04:00", "period begins: an executive officer became aware"},
		{"2026-04-01T12:00:00-04:00", "2026-04-06T12:00:00-04:00", "period begins: the obligation arose, and an executive officer was aware before"},
		{"2026-04-09T22:00:00-07:00", "2026-04-06T12:00:00-04:00", "period begins: fourth business day after the obligation arose"}, // earlier in its own zone only
		{"2026-04-20T12:00:00-04:00", "2026-04-06T12:00:00-04:00", "period begins: fourth business day after the obligation arose"},
	} {
		aware := at(t, c.aware)
		d, err := calendar.Default().NonParty(arose, aware)
		trigger := at(t, c.trigger)
		local, et := calendar.DateOf(trigger), calendar.DateOf(trigger.In(calendar.NewYork()))
		if err != nil || !d.TriggerTime.Equal(trigger) || d.TriggerDateLocal != local || d.TriggerDateET != et || d.Steps[0].What != c.begins {
			t.Errorf("aware %s: trigger %s (%s, %s), %q, %v; want %s, %q", c.aware, d.TriggerTime, d.TriggerDateET, d.TriggerDateLocal, d.Steps[0].What, err, c.trigger, c.begins)
		}
	}
}

func TestDelay(t *testing.T) {
	determined := at(t, "2026-02-12T18:00:00-05:00")
	for _, c := range []struct {
		granted []int
		expiry  string
		due     string
	}{
		{[]int{30}, "2026-03-21", "2026-03-26"},
		{[]int{30, 30}, "2026-04-20", "2026-04-24"},
		{[]int{30, 30, 60}, "2026-06-19", "2026-06-25"},
		{[]int{10}, "2026-03-01", "2026-03-05"},
	} {
		d, err := calendar.Default().Delay(determined, c.granted...)
		if err != nil {
			t.Fatal(err)
		}
		last := d.Steps[len(d.Steps)-1].Date
		if d.Steps[0].Date.String() != "2026-02-19" || last.String() != c.expiry || d.DueDate.String() != c.due {
			t.Errorf("%v: otherwise due %s, expires %s, due %s; want 2026-02-19, %s, %s",
				c.granted, d.Steps[0].Date, last, d.DueDate, c.expiry, c.due)
		}
		if want := fmt.Sprintf("delay %d of %d days expires", len(c.granted), c.granted[len(c.granted)-1]); d.Steps[len(d.Steps)-1].What != want {
			t.Errorf("%v: the last step is %q, want %q", c.granted, d.Steps[len(d.Steps)-1].What, want)
		}
	}
	if _, err := calendar.Default().Delay(at(t, "2030-12-30T12:00:00-05:00"), 30); err == nil || !strings.Contains(err.Error(), "2030-12-30") {
		t.Errorf("beyond the covered years: %v, want an error with the day", err)
	}
	for _, granted := range [][]int{nil, {0}, {31}, {30, 31}, {30, 30, 61}, {30, 30, 60, 1}} {
		if _, err := calendar.Default().Delay(determined, granted...); err == nil {
			t.Errorf("delays %v: no error", granted)
		}
	}
}

func TestNoDeadline(t *testing.T) {
	cals := calendar.Default()
	for _, clock := range []calendar.Clock{calendar.Voluntary, calendar.Periodic, calendar.Internal, calendar.None} {
		d, err := cals.Deadline(clock, at(t, "2026-04-06T12:00:00-04:00"))
		if err != nil || !d.DueDate.IsZero() || !d.DueAt.IsZero() || !d.DueAtConservative.IsZero() {
			t.Errorf("%s: %+v, %v", clock, d, err)
		}
		if d.TriggerDateET.String() != "2026-04-06" || d.CalendarVersion == "" {
			t.Errorf("%s: trigger date or version missing: %+v", clock, d)
		}
		if _, err := cals.BusinessDaysRemaining(d, d.TriggerTime); err == nil {
			t.Errorf("%s: business days remain of no deadline", clock)
		}
	}
}

func TestDeadlineRefuses(t *testing.T) {
	cals := calendar.Default()
	if _, err := cals.Deadline("O5", at(t, "2026-04-06T12:00:00-04:00")); err == nil || !strings.Contains(err.Error(), "O4, D4") {
		t.Errorf("unknown clock: %v", err)
	}
	if _, err := cals.Deadline(calendar.O4, time.Time{}); err == nil {
		t.Error("no trigger time: no error")
	}
	if _, err := cals.DeadlineOn(calendar.O4, 0); err == nil {
		t.Error("no trigger date: no error")
	}
	if _, err := cals.DeadlineOn(calendar.FD, date(t, "2026-04-06")); err == nil {
		t.Error("Regulation FD from a date: no error")
	}
	d, err := cals.DeadlineOn(calendar.O4, date(t, "2026-11-23"))
	if err != nil || d.DueDate.String() != "2026-11-30" || d.DueDateConservative != d.DueDate {
		t.Errorf("from a date: %+v, %v", d, err)
	}
}

func TestBusinessDaysRemaining(t *testing.T) {
	cals := calendar.Default()
	d, err := cals.Deadline(calendar.O4, at(t, "2026-11-23T18:30:00-05:00"))
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]int{
		"2026-11-23T19:00:00-05:00": 4,
		"2026-11-25T23:59:00-05:00": 2,
		"2026-11-26T04:59:00Z":      2, // still the 25th in New York
		"2026-11-28T12:00:00-05:00": 1,
		"2026-11-30T17:31:00-05:00": 0,
		"2026-12-02T09:00:00-05:00": -2,
	} {
		if got, err := cals.BusinessDaysRemaining(d, at(t, now)); err != nil || got != want {
			t.Errorf("at %s: %d, %v; want %d", now, got, err, want)
		}
	}
}

// TestRemainingUntilTheEarlierDue: where the source's own date gives an earlier
// due date, the days up to that one count.
func TestRemainingUntilTheEarlierDue(t *testing.T) {
	cals := calendar.Default()
	d, err := cals.Deadline(calendar.O4, at(t, "2026-11-17T22:00:00-10:00")) // the 18th in New York
	if err != nil || d.DueDateConservative.String() != "2026-11-23" || d.DueDate.String() != "2026-11-24" {
		t.Fatalf("due %s and %s (%v): the two readings must differ", d.DueDateConservative, d.DueDate, err)
	}
	if got, err := cals.BusinessDaysRemaining(d, at(t, "2026-11-19T12:00:00-05:00")); err != nil || got != 2 {
		t.Errorf("%d business days, %v; want 2", got, err)
	}
}

func TestClocksAndItems(t *testing.T) {
	for _, c := range calendar.Clocks() {
		if !c.Code.Valid() || c.Title == "" || c.Deadline && c.Citation == "" {
			t.Errorf("clock %+v: lacks title or citation", c)
		}
		if _, err := calendar.Default().Deadline(c.Code, at(t, "2026-04-06T12:00:00-04:00")); err != nil {
			t.Errorf("clock %s: %v", c.Code, err)
		}
	}
	if calendar.Clock("").Valid() || calendar.Clock("o4").Valid() {
		t.Error("an unknown code is valid")
	}
	items := 0
	for _, it := range calendar.Items() {
		if !strings.Contains(it.Code, "(") {
			items++
		}
		if it.Title == "" {
			t.Errorf("item %s: no title", it.Code)
		}
	}
	if items != 33 {
		t.Errorf("%d items of Form 8-K instead of 33", items)
	}
	for code, want := range map[string]calendar.Item{
		"1.01":    {Clock: calendar.O4, FourDay: true, SafeHarbour: true},
		"1.05":    {Clock: calendar.D4, FourDay: true, SafeHarbour: true},
		"2.06":    {Clock: calendar.D4, FourDay: true, SafeHarbour: true},
		"3.01":    {Clock: calendar.N4, FourDay: true},
		"4.02":    {Clock: calendar.D4, FourDay: true},
		"4.02(a)": {Clock: calendar.D4, FourDay: true, SafeHarbour: true},
		"4.02(c)": {Clock: calendar.BD2},
		"5.02":    {Clock: calendar.N4, FourDay: true},
		"5.02(e)": {Clock: calendar.O4, FourDay: true, SafeHarbour: true},
		"6.03":    {Clock: calendar.O4, FourDay: true, SafeHarbour: true},
		"7.01":    {Clock: calendar.FD},
		"8.01":    {Clock: calendar.Voluntary},
		"9.01":    {Clock: calendar.CD71},
	} {
		got, ok := calendar.LookupItem(code)
		if !ok || got.Clock != want.Clock || got.FourDay != want.FourDay || got.SafeHarbour != want.SafeHarbour {
			t.Errorf("item %s: %+v, want %+v", code, got, want)
		}
	}
	if _, ok := calendar.LookupItem("1.1"); ok {
		t.Error("item 1.1 exists")
	}
}

func BenchmarkDeadline(b *testing.B) {
	cals := calendar.Default()
	trigger := at(b, "2026-04-07T22:15:00-07:00")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := cals.Deadline(calendar.O4, trigger); err != nil {
			b.Fatal(err)
		}
	}
}
