package dialect_test

import (
	"strings"
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestDayWithoutATime: a date where an instant is expected has no time of day. What
// needs one is unknown, whatever hour midnight would give; what needs the date
// alone has it; and a comparison is decided where every time of day gives the
// same.
func TestDayWithoutATime(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct{ text, fields, want string }{
		{"entered_at", "entered_at=2026-11-23", "2026-11-23"},
		{"present(entered_at)", "entered_at=2026-11-23", "true"},
		{"hour_of(entered_at)", "entered_at=2026-11-23", "missing"},
		{"hour_of(entered_at, \"UTC\") < 5", "entered_at=2026-11-23", "missing"},
		{"local_time(entered_at) < four_hours", "entered_at=2026-11-23", "missing"},
		{"hour_of(entered_at ?? posted_at)", "entered_at=2026-11-23 posted_at=2026-11-23T12:00:00Z", "missing"},
		{"hour_of(entered_at) ?? 12", "entered_at=2026-11-23", "12"},
		{"date_of(entered_at)", "entered_at=2026-11-23", "2026-11-23"},
		{"date_of(entered_at, \"America/New_York\")", "entered_at=2026-11-23", "2026-11-23"},
		{"day_of_week(entered_at)", "entered_at=2026-11-23", "monday"},
		{"day_of_week(entered_at, \"Asia/Tokyo\")", "entered_at=2026-11-23", "monday"},
		{"business_days_between(entered_at, posted_at)", "entered_at=2026-11-23 posted_at=2026-11-24T23:00:00-05:00", "1 business days"},
		{"in_close_window(entered_at, many)", "entered_at=2026-03-04", "true"},
		{"in_close_window(entered_at, many)", "entered_at=2026-03-05", "false"},
		{"days_between(entered_at, posted_at)", "entered_at=2026-11-23 posted_at=2026-11-25", "2 days"},
		{"days_between(entered_at, posted_at)", "entered_at=2026-11-23 posted_at=2026-11-25T00:00:00Z", "missing"},
		{"posted_at - entered_at", "entered_at=2026-11-23 posted_at=2026-11-25T00:00:00Z", "missing"},
		{"posted_at - entered_at", "entered_at=2026-11-23 posted_at=2026-11-25", "missing"},
		{"entered_at + week", "entered_at=2026-11-23", "2026-11-30"},
		{"entered_at - week", "entered_at=2026-11-23", "2026-11-16"},
		{"entered_at + four_hours", "entered_at=2026-11-23", "missing"},
		{"hour_of(entered_at + week)", "entered_at=2026-11-23", "missing"},
		// Two days, and a day beside an instant, which may be in any zone.
		{"entered_at < posted_at", "entered_at=2026-11-23 posted_at=2026-11-24", "true"},
		{"entered_at == posted_at", "entered_at=2026-11-23 posted_at=2026-11-24", "false"},
		{"entered_at <= posted_at", "entered_at=2026-11-23 posted_at=2026-11-23", "missing"},
		{"entered_at == posted_at", "entered_at=2026-11-23 posted_at=2026-11-23", "missing"},
		{"entered_at != posted_at", "entered_at=2026-11-23 posted_at=2026-11-23T00:00:00Z", "missing"},
		{"entered_at < posted_at", "entered_at=2026-11-23 posted_at=2026-11-24T12:00:00Z", "true"},
		{"entered_at < posted_at", "entered_at=2026-11-23 posted_at=2026-11-24T11:59:59.999999Z", "missing"},
		{"entered_at > posted_at", "entered_at=2026-11-23 posted_at=2026-11-22T10:00:00Z", "missing"},
		{"entered_at > posted_at", "entered_at=2026-11-23 posted_at=2026-11-22T09:59:59.999999Z", "true"},
		{"posted_at < entered_at", "entered_at=2026-11-23 posted_at=2026-11-22T09:59:59.999999Z", "true"},
		{"entered_at > cutoff", "entered_at=2026-11-23", "missing"},
		{"entered_at > cutoff", "entered_at=2026-11-26", "true"},
		{"min(entered_at, posted_at)", "entered_at=2026-11-23 posted_at=2026-11-25", "2026-11-23"},
		{"max(entered_at, posted_at)", "entered_at=2026-11-23 posted_at=2026-11-25T12:00:00Z", "2026-11-25T12:00:00Z"},
		{"min(entered_at, posted_at)", "entered_at=2026-11-23 posted_at=2026-11-23T12:00:00Z", "missing"},
	} {
		v := compile(t, env, c.text).Eval(ledgerScope(t, strings.Fields(c.fields)...))
		if got := v.String(); got != c.want {
			t.Errorf("%s with %s is %s, want %s", c.text, c.fields, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"hour_of(entered_at) < 5": "the time of day of entered_at", "posted_at - entered_at > four_hours": "the time of day of entered_at",
		"entered_at <= posted_at": "the time of day of entered_at", "posted_at >= entered_at": "the time of day of entered_at",
		"hour_of(entered_at ?? posted_at) < 5": "a time of day", "entered_at + four_hours > cutoff": "the time of day of entered_at",
		"max(posted_at, entered_at) > cutoff": "the time of day of entered_at", "days_between(entered_at, posted_at) > 3": "the time of day of entered_at",
	} {
		s := ledgerScope(t, "entered_at=2026-11-23", "posted_at=2026-11-23T12:00:00Z")
		p := compile(t, env, text)
		if got := p.Test(s); got != dialect.Unknown {
			t.Errorf("%s is %s, want unknown", text, got)
		}
		if got := strings.Join(p.Missing(s), " "); got != want {
			t.Errorf("%s lacks %s, want %s", text, got, want)
		}
	}
}
