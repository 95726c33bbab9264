package rules

import (
	"testing"
	"testing/fstest"
	"time"

	"tocsin/rules/event"
)

// TestPanic: a rule that panics is in error, and the event's other rules are
// judged. The rule is broken by hand: no expression is known to panic.
func TestPanic(t *testing.T) {
	rule := `revision: 1
title: Exclusive
owner: counsel
item: "1.01"
severity: S4
applies_to: [ledger.contract.executed]
citation: none
when: contract.exclusivity
deadline: { clock: O4, from: contract.executed_at }
runbook: Read it.
`
	pack, mistakes := Load(fstest.MapFS{
		"pack.yaml":    {Data: []byte("schema: tocsin.pack/v1\nid: p\ntitle: P\ngroup_currency: USD\n")},
		"rules/A.yaml": {Data: []byte("id: A\n" + rule)},
		"rules/B.yaml": {Data: []byte("id: B\n" + rule)},
	}, "p", nil)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	pack.rules[0].when = nil
	ev := event.New(event.LookupType("ledger.contract.executed"))
	ev.SetText(event.Ledger.Lookup("event_id"), "7")
	ev.SetText(event.Ledger.Lookup("event_source"), "/erp")
	ev.SetBool(event.Ledger.Lookup("contract.exclusivity"), true)
	got := NewEngine(pack).Judge(nil, ev, time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC))
	if len(got) != 2 || got[0].Outcome != Error || got[1].Outcome != Match {
		t.Fatalf("verdicts %+v", got)
	}
	f := got[0].Finding
	if f.Severity != S2 || f.Key != "/erp 7" || f.Deadline.DueDate.IsZero() || f.Reason == "" || f.CandidateID == got[1].Finding.CandidateID {
		t.Errorf("finding %+v", f)
	}
	pack.rules[0].Severity = S1 // more severe than S2 already
	if f := NewEngine(pack).Judge(nil, ev, time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC))[0].Finding; f.Severity != S1 {
		t.Errorf("severity %s of a rule of severity S1, want S1", f.Severity)
	}
}
