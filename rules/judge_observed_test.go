package rules_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/rules"
	"tocsin/rules/event"
)

// TestKafkaTimestampThatCannotBe: a Kafka timestamp outside 1990 to 2099 counts as
// absent. Without a time of its own the event then has no trigger, no due date and
// no lateness, and the rule that reads observed or a profile cannot decide.
func TestKafkaTimestampThatCannotBe(t *testing.T) {
	sent := func(text string) time.Time {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	judge := func(change func(rule string) string, ev *event.Event, at time.Time) *rules.Verdict {
		fsys := small()
		fsys["rules/A.yaml"].Data = []byte(change(string(fsys["rules/A.yaml"].Data)))
		delete(fsys, "cases/A.yaml")
		return &rules.NewEngine(load(t, fsys)).Judge(nil, ev, at)[0]
	}
	same := func(rule string) string { return rule }
	timeless := func(value string) *event.Event {
		dated := contract(t, value)
		ev := event.New(dated.Type())
		for i := range ev.Schema().Fields {
			if f := &ev.Schema().Fields[i]; dated.Has(f) && f.Kind == event.Text {
				ev.SetText(f, dated.Text(f))
			}
		}
		total := event.Ledger.Lookup("contract.total_value_group")
		ev.SetAmount(total, dated.Amount(total))
		return ev
	}
	for text, plausible := range map[string]bool{
		"1969-12-31T23:59:59Z": false, "1970-01-21T09:00:00Z": false, "1989-12-31T23:59:59Z": false, "1990-01-01T00:00:00Z": true,
		"2026-11-24T15:00:00Z": true, "2099-12-31T23:59:59Z": true, "2100-01-01T00:00:00Z": false,
	} {
		f := judge(same, timeless("2000"), sent(text)).Finding
		if (f.TriggerField == "kafka_timestamp") != plausible || f.Trigger.IsZero() == plausible {
			t.Errorf("%s: trigger %s of %q", text, f.Trigger, f.TriggerField)
		}
		if !plausible && (!f.Deadline.DueAt.IsZero() || f.BusinessDaysLeft != nil || !strings.HasPrefix(f.DeadlineError, "no trigger: ")) {
			t.Errorf("%s: due %s, %q", text, f.Deadline.DueAt, f.DeadlineError)
		}
	}

	far := time.UnixMilli(10_413_792_000_000) // 2300
	f := judge(same, contract(t, "2000"), far).Finding
	if f.Deadline.DueDate.String() != "2026-12-01" || f.Severity != rules.S2 || f.BusinessDaysLeft != nil {
		t.Errorf("with a time of its own: due %s, severity %s, %v business days left", f.Deadline.DueDate, f.Severity, f.BusinessDaysLeft)
	}
	internal := func(rule string) string { return replace(t, rule, "O4", "I") }
	if f := judge(internal, timeless("2000"), far).Finding; f.DeadlineError != "" {
		t.Errorf("a clock that sets no date: %q", f.DeadlineError)
	}
	seen := func(rule string) string {
		return replace(t, rule, "when: ", "when: day_of_week(observed) != \"sunday\" and ")
	}
	if v := judge(seen, contract(t, "2000"), far); v.Outcome != rules.Indeterminate || v.Finding.Reason != "not sent: observed" {
		t.Errorf("a rule that reads observed: %s, %+v", v.Outcome, v.Finding)
	}
	if v := rules.NewEngine(load(t, many(1, always))).Judge(nil, timeless("6000000"), far)[0]; v.Outcome != rules.Indeterminate || v.Finding.Reason != "not sent: materiality profile" {
		t.Errorf("a rule that reads the profile: %s, %+v", v.Outcome, v.Finding)
	}
	ex, _ := rules.NewEngine(load(t, small())).Explain("A", timeless("2000"), far)
	if !ex.Trigger.IsZero() || ex.Verdict.Finding.DeadlineError == "" {
		t.Errorf("explained by the trigger %s", ex.Trigger)
	}
}
