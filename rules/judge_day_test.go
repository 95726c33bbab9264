package rules_test

import (
	"testing"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// TestTriggerOnADay: a clock that runs from an instant of which only the day is
// known counts from that date, whichever field has it, and as it counts from a field
// that is a date. At midnight of UTC it would count from the day before in New York.
func TestTriggerOnADay(t *testing.T) {
	executed, when := event.Ledger.Lookup("contract.executed_at"), event.Ledger.Lookup("event_time")
	day := calendar.NewDate(2026, 11, 24)
	f := func(name, field string, ev *event.Event, pack func() *rules.Engine) {
		t.Helper()
		finding := pack().Judge(nil, ev, seen)[0].Finding
		want := day.At(0, 0, calendar.NewYork())
		if !finding.Trigger.Equal(want) || finding.TriggerField != field || finding.Deadline.DueDate.String() != "2026-12-01" || finding.Deadline.TriggerDateET != day ||
			finding.Deadline.DueAt != finding.Deadline.DueAtConservative {
			t.Errorf("%s: %s from %s, due %s, counted from %s", name, finding.Trigger, finding.TriggerField, finding.Deadline.DueDate, finding.Deadline.TriggerDateET)
		}
	}
	small := func() *rules.Engine { return rules.NewEngine(load(t, small())) }
	ev := contract(t, "2000")
	ev.SetDay(executed, day)
	f("the field of the rule", "contract.executed_at", ev, small)

	bare := event.New(ev.Type())
	total, currency := event.Ledger.Lookup("contract.total_value_group"), event.Ledger.Lookup("group_currency")
	bare.SetAmount(total, ev.Amount(total))
	bare.SetText(currency, "USD")
	bare.SetDay(when, day)
	f("the event's own time", "event_time", bare, small)

	f("an expression", "contract.executed_at ?? event_time", ev, func() *rules.Engine {
		fsys := changed(t, "rules/A.yaml", "from: contract.executed_at", "from: \"contract.executed_at ?? event_time\"")
		return rules.NewEngine(load(t, fsys))
	})
}

// TestProfileOnADay: the profile in force on a day is that of the date, from its
// start in New York.
func TestProfileOnADay(t *testing.T) {
	executed := event.Ledger.Lookup("contract.executed_at")
	ev := contractOf(t, "0009990001", "6000000")
	for day, want := range map[calendar.Date]rules.Outcome{calendar.NewDate(2025, 12, 31): rules.Indeterminate, calendar.NewDate(2026, 1, 1): rules.Match} {
		ev.SetDay(executed, day) // the profile begins on 2026-01-01
		if got := rules.NewEngine(load(t, many(1, always))).Judge(nil, ev, seen)[0].Outcome; got != want {
			t.Errorf("%s: %s, want %s", day, got, want)
		}
	}
}
