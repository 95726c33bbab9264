package rules_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// contract is an event of small's type and registrant.
func contract(t testing.TB, value string) *event.Event {
	t.Helper()
	return contractOf(t, "0009990001", value)
}

// contractOf is an event of small's type; "" names no registrant.
func contractOf(t testing.TB, registrant, value string) *event.Event {
	t.Helper()
	ev := event.New(event.LookupType("ledger.contract.executed"))
	a, err := money.Parse(value)
	if err != nil {
		t.Fatal(err)
	}
	ev.SetText(event.Ledger.Lookup("event_id"), "1")
	ev.SetText(event.Ledger.Lookup("event_source"), "/erp")
	if registrant != "" {
		ev.SetText(event.Ledger.Lookup("registrant_cik"), registrant)
	}
	ev.SetText(event.Ledger.Lookup("group_currency"), "USD")
	ev.SetText(event.Ledger.Lookup("contract.contract_id"), "C-1")
	ev.SetInstant(event.Ledger.Lookup("contract.executed_at"), seen.UnixMicro(), -5*3600)
	ev.SetAmount(event.Ledger.Lookup("contract.total_value_group"), a)
	return ev
}

// many is small with n rules for the event's type, each with another
// threshold, that read the profile.
func many(n int, types func(i int) string) fstest.MapFS {
	fsys := small()
	delete(fsys, "rules/A.yaml")
	delete(fsys, "cases/A.yaml")
	for i := range n {
		id := fmt.Sprintf("R-%04d", i)
		fsys["rules/"+id+".yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `id: %s
revision: 1
title: A large contract
owner: counsel
item: "1.01"
severity: S2
applies_to: [%s]
citation: none
params: { limit: USD %d000000 }
when: not (contract.ordinary_course ?? false) and contract.total_value_group >= max(limit, materiality.overall)
dedup: contract.contract_id
deadline: { clock: O4, from: contract.executed_at }
runbook: Read it.
`, id, types(i), i+1)}
	}
	return fsys
}

func always(int) string { return "ledger.contract.executed" }

// TestNothingAllocated: judging an event that no rule finds costs no memory.
func TestNothingAllocated(t *testing.T) {
	engine := rules.NewEngine(load(t, many(50, always)))
	ev := contract(t, "12.50")
	dst := make([]rules.Verdict, 0, 64)
	if n := testing.AllocsPerRun(200, func() { dst = engine.Judge(dst[:0], ev, seen) }); n != 0 && !raced {
		t.Errorf("%g allocations", n)
	}
	if len(dst) != 50 {
		t.Fatalf("%d verdicts of 50 rules", len(dst))
	}
	for i, v := range dst {
		if v.Candidate() || v.Outcome != rules.NoMatch {
			t.Fatalf("rule %s: %s", v.Rule.ID, v.Outcome)
		}
		if i > 0 && dst[i-1].Rule.ID >= v.Rule.ID {
			t.Fatal("verdicts are not in the order of rule ids")
		}
	}
}

// TestSameEverywhere: the same event gives the same verdicts in goroutines
// that judge others at the same time.
func TestSameEverywhere(t *testing.T) {
	engine := rules.NewEngine(load(t, many(20, always)))
	want := engine.Judge(nil, contract(t, "5500000"), seen)
	matches := 0
	for _, v := range want {
		if v.Outcome == rules.Match {
			matches++
		}
	}
	if matches != 5 {
		t.Fatalf("%d of 20 rules match, want 5", matches)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				_ = engine.Judge(nil, contract(t, "19000000"), seen.AddDate(0, 0, 5))
				got := engine.Judge(nil, contract(t, "5500000"), seen)
				for i := range got {
					if diff := cmp.Diff(show("", &want[i]), show("", &got[i])); diff != "" {
						t.Errorf("-want +got\n%s", diff)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestFindingOutlivesEvent: an event's texts alias fetched bytes, which are
// gone when the finding is stored.
func TestFindingOutlivesEvent(t *testing.T) {
	value := []byte(`{"specversion":"1.0","id":"1","source":"/erp","type":"ledger.contract.executed","data":{"registrant_cik":"0009990001",` +
		`"group_currency":"USD","contract":{"contract_id":"C-1","executed_at":"2026-11-24T10:00:00-05:00","total_value_group":"2000"}}}`)
	var ev event.Event
	if failure := event.NewDecoder(event.Limits{}).Decode(&ev, value, nil); failure != nil {
		t.Fatal(failure)
	}
	verdicts := rules.NewEngine(load(t, small())).Judge(nil, &ev, seen)
	before := fmt.Sprintf("%+v", show("", &verdicts[0]))
	for i := range value {
		value[i] = 'X'
	}
	if after := fmt.Sprintf("%+v", show("", &verdicts[0])); before != after {
		t.Errorf("%s\nbecame\n%s", before, after)
	}
}

// TestEscalation: an event that comes late is raised by a level for each
// business day beyond the first, if its clock runs at all.
func TestEscalation(t *testing.T) {
	f := func(severity, clock string, observed string, want rules.Severity) {
		t.Helper()
		fsys := small()
		rule := replace(t, string(fsys["rules/A.yaml"].Data), "S2", severity)
		fsys["rules/A.yaml"].Data = []byte(replace(t, rule, "O4", clock))
		at, err := time.Parse(time.RFC3339, observed)
		if err != nil {
			t.Fatal(err)
		}
		// Triggered on Tuesday 2026-11-24, 10:00 in New York; Thursday is closed.
		got := rules.NewEngine(load(t, fsys)).Judge(nil, contract(t, "2000"), at)[0].Finding
		if got.Severity != want {
			t.Errorf("%s, clock %s, seen %s: %s, want %s", severity, clock, observed, got.Severity, want)
		}
	}
	f("S4", "O4", "2026-11-24T10:00:01-05:00", rules.S4)
	f("S4", "O4", "2026-11-25T23:59:59-05:00", rules.S4)
	f("S4", "O4", "2026-11-26T12:00:00-05:00", rules.S4)
	f("S4", "O4", "2026-11-27T12:00:00-05:00", rules.S3)
	f("S4", "O4", "2026-11-29T12:00:00-05:00", rules.S3)
	f("S4", "O4", "2026-11-30T12:00:00-05:00", rules.S2)
	f("S4", "O4", "2026-12-31T12:00:00-05:00", rules.S1)
	f("S1", "O4", "2026-12-31T12:00:00-05:00", rules.S1)
	f("S4", "O4", "2026-11-20T12:00:00-05:00", rules.S4)
	f("S4", "O4", "2031-01-02T12:00:00-05:00", rules.S1)
	f("S4", "I", "2026-12-31T12:00:00-05:00", rules.S4)
}

// honolulu is small's event, triggered on Tuesday at 22:00 in Honolulu, which is
// Wednesday in New York: the two dates of one trigger have different due dates.
func honolulu(t testing.TB) *event.Event {
	t.Helper()
	ev := contract(t, "2000")
	ev.SetInstant(event.Ledger.Lookup("contract.executed_at"), time.Date(2026, 11, 18, 8, 0, 0, 0, time.UTC).UnixMicro(), -10*3600)
	return ev
}

// TestConservativeDaysLeft: the business days that remain are those up to the
// earlier due date.
func TestConservativeDaysLeft(t *testing.T) {
	observed := time.Date(2026, 11, 19, 12, 0, 0, 0, calendar.NewYork())
	f := rules.NewEngine(load(t, small())).Judge(nil, honolulu(t), observed)[0].Finding
	if got := f.Deadline.DueDateConservative.String() + " " + f.Deadline.DueDate.String(); got != "2026-11-23 2026-11-24" {
		t.Fatalf("due %s: the two readings must differ", got)
	}
	if f.BusinessDaysLeft == nil {
		t.Error("no business days left are stated")
	} else if *f.BusinessDaysLeft != 2 {
		t.Errorf("%d business days left on 2026-11-19 until 2026-11-23, want 2", *f.BusinessDaysLeft)
	}
}

// TestEscalationByNewYork: the days of delay are counted between two dates in
// New York, whatever the date of the trigger at its source.
func TestEscalationByNewYork(t *testing.T) {
	engine := rules.NewEngine(load(t, small()))
	for observed, want := range map[time.Time]rules.Severity{
		time.Date(2026, 11, 19, 12, 0, 0, 0, calendar.NewYork()): rules.S2, // one business day after the 18th, two after the 17th
		time.Date(2026, 11, 20, 12, 0, 0, 0, calendar.NewYork()): rules.S1,
	} {
		if got := engine.Judge(nil, honolulu(t), observed)[0].Finding.Severity; got != want {
			t.Errorf("seen %s: %s, want %s", observed, got, want)
		}
	}
}

// TestErrorSeverity: a rule that cannot be computed is S2, or the rule's own
// severity where that is higher; its bands do not count.
func TestErrorSeverity(t *testing.T) {
	f := func(severity string, want rules.Severity) {
		t.Helper()
		fsys := small()
		rule := replace(t, string(fsys["rules/A.yaml"].Data), "S2", severity)
		fsys["rules/A.yaml"].Data = []byte(replace(t, rule, "dedup:", "bands: [{ severity: S4, when: 'true' }]\ndedup:"))
		delete(fsys, "cases/A.yaml")
		ev := contract(t, "2000")
		ev.SetText(event.Ledger.Lookup("group_currency"), "EUR") // the pack's is USD
		v := rules.NewEngine(load(t, fsys)).Judge(nil, ev, seen)[0]
		if v.Outcome != rules.Error || v.Finding.Severity != want {
			t.Errorf("a rule of severity %s: %s of severity %s, want error of %s", severity, v.Outcome, v.Finding.Severity, want)
		}
	}
	f("S1", rules.S1)
	f("S2", rules.S2)
	f("S3", rules.S2)
	f("S4", rules.S2)
}

// TestProfileByRegistrant: an event is judged by the profile of its own
// registrant. One that names none takes the pack's only registrant, and with
// two in the pack it takes none.
func TestProfileByRegistrant(t *testing.T) {
	one := many(1, always) // its limit is the larger of 1,000,000 and overall
	one["profiles/p.yaml"].Data = []byte(replace(t, string(one["profiles/p.yaml"].Data), "overall: 3", "overall: 5_000_000"))
	two := many(1, always)
	two["profiles/p.yaml"] = one["profiles/p.yaml"]
	other := replace(t, replace(t, string(one["profiles/p.yaml"].Data), "id: p", "id: q"), "0009990001", "0009990002")
	two["profiles/q.yaml"] = &fstest.MapFile{Data: []byte(replace(t, other, "overall: 5_000_000", "overall: 7_000_000"))}
	f := func(fsys fstest.MapFS, registrant string, want rules.Outcome, profile string) {
		t.Helper()
		v := rules.NewEngine(load(t, fsys)).Judge(nil, contractOf(t, registrant, "6000000"), seen)[0]
		if v.Outcome != want || v.Finding != nil && v.Finding.Profile != profile {
			t.Errorf("registrant %q of %d profiles: %+v, want %s by %q", registrant, len(fsys)-2, show("", &v), want, profile)
		}
	}
	f(one, "0009990001", rules.Match, "p@1")
	f(one, "", rules.Match, "p@1")
	f(one, "0009990009", rules.Indeterminate, "")
	f(two, "0009990001", rules.Match, "p@1")
	f(two, "0009990002", rules.NoMatch, "")
	f(two, "0009990009", rules.Indeterminate, "")
	f(two, "", rules.Indeterminate, "")
}

// TestDeadlineBeyondCalendar: a deadline that cannot be counted is said, and
// the candidate is raised all the same.
func TestDeadlineBeyondCalendar(t *testing.T) {
	ev := contract(t, "2000")
	ev.SetInstant(event.Ledger.Lookup("contract.executed_at"), time.Date(2031, 1, 2, 12, 0, 0, 0, calendar.NewYork()).UnixMicro(), -5*3600)
	v := rules.NewEngine(load(t, small())).Judge(nil, ev, seen)[0]
	if v.Outcome != rules.Match || v.Finding.DeadlineError == "" || !v.Finding.Deadline.DueAt.IsZero() {
		t.Errorf("%+v", show("", &v))
	}
}

// TestCandidateID pins the form of the id: it is stored and sent, so a change
// would raise every matter a second time.
func TestCandidateID(t *testing.T) {
	engine := rules.NewEngine(load(t, small()))
	id := func(change func(*event.Event)) string {
		ev := contract(t, "2000")
		change(ev)
		return engine.Judge(nil, ev, seen)[0].Finding.CandidateID
	}
	base := id(func(*event.Event) {})
	if want := "zj5t2wcz54mjgvj7n6dhyhzv4a"; base != want {
		t.Errorf("the id is %s, want %s", base, want)
	}
	if got := id(func(e *event.Event) { e.SetText(event.Ledger.Lookup("event_id"), "2") }); got != base {
		t.Error("the same matter in another event has another id")
	}
	if got := id(func(e *event.Event) { e.SetText(event.Ledger.Lookup("contract.contract_id"), "C-2") }); got == base {
		t.Error("another matter has the same id")
	}
	if got := id(func(e *event.Event) { e.SetText(event.Ledger.Lookup("registrant_cik"), "0009990002") }); got == base {
		t.Error("another registrant's matter has the same id")
	}
	if got := id(func(e *event.Event) { e.SetText(event.Ledger.Lookup("group_currency"), "EUR") }); got == base {
		t.Error("a matter that could not be judged swallows the one that can")
	}
}

func BenchmarkJudge(b *testing.B) {
	types := event.Types()
	spread := func(i int) string {
		for ; types[i%len(types)].Schema != event.Ledger; i += 7 {
			// System events have no contract.
		}
		return types[i%len(types)].Name
	}
	for _, bench := range []struct {
		name  string
		n     int
		types func(int) string
	}{{"50 rules for the type", 50, always}, {"1000 rules for the type", 1000, always}, {"1000 rules over all types", 1000, spread}} {
		b.Run(bench.name, func(b *testing.B) {
			engine := rules.NewEngine(load(b, many(bench.n, bench.types)))
			ev := contract(b, "12.50")
			dst := engine.Judge(nil, ev, seen)
			b.ReportAllocs()
			for b.Loop() {
				dst = engine.Judge(dst[:0], ev, seen)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(max(len(dst), 1)), "ns/verdict")
		})
	}
}
