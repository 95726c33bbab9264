package rules_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"tocsin/rules"
)

// cases is small with other cases.
func cases(entries string) fstest.MapFS {
	fsys := small()
	fsys["cases/A.yaml"] = &fstest.MapFile{Data: []byte(`schema: tocsin.cases/v1
base:
  type: ledger.contract.executed
  data:
    registrant_cik: "0009990001"
    group_currency: USD
    contract: { contract_id: C-1, executed_at: 2026-11-23T18:30:00-05:00, total_value_group: 5_000, ordinary_course: false }
cases:
` + entries)}
	return fsys
}

// TestCases: a case that expects the actual verdict passes, any other fails
// with the difference.
func TestCases(t *testing.T) {
	f := func(entry string, want ...string) {
		t.Helper()
		report := load(t, cases("  - { name: it, "+entry+" }\n")).RunCases()
		if len(report.Results) != 1 {
			t.Fatalf("%d results", len(report.Results))
		}
		got := report.Results[0].Mistakes
		if len(got) != len(want) {
			t.Fatalf("%s: mistakes are\n%v", entry, got)
		}
		for i := range want {
			if !strings.Contains(got[i].Message, want[i]) || got[i].Code != "E410" || got[i].Line == 0 {
				t.Errorf("%s: %v, want %q", entry, got[i], want[i])
			}
		}
	}
	f(`expect: { outcome: match, severity: S2, item: "1.01", key: C-1, due_date: 2026-11-30, trigger_field: contract.executed_at }`)
	f(`expect: { outcome: no_match }`, "the outcome is match, want no_match")
	f(`expect: { outcome: match, severity: S1, item: "1.02", key: C-2, due_date: 2026-12-01, value: 5000 USD, trigger_field: event_time, reason: x }`,
		"the severity is S2, want S1", "the due date is 2026-11-30, want 2026-12-01", "the item is 1.01, want 1.02",
		"the key is C-1, want C-2", "the value is nothing, want 5000 USD", "the trigger is contract.executed_at, want event_time", "the reason is nothing, want x")
	f(`event: { data: { contract: { total_value_group: ~ } } }, expect: { outcome: indeterminate, reason: contract.total_value_group }`)
	f(`event: { time: 2026-11-23T12:00:00Z, data: { contract: ~ } }, expect: { outcome: indeterminate, key: /cases it, trigger_field: event_time }`)
	f(`event: { id: e-7, source: /erp, time: 2026-11-23T12:00:00Z, data: { contract.contract_id: ~ } }, expect: { outcome: match, key: /erp e-7 }`)
	f(`event: { data: { group_currency: EUR } }, expect: { outcome: error, severity: S2, reason: currency }`)
	f(`observed: 2026-12-31T12:00:00-05:00, expect: { outcome: match, severity: S1 }`)
	f(`event: { data: { contract.executed_at: ~ } }, observed: 2026-11-23T12:00:00-05:00, expect: { outcome: match, trigger_field: kafka_timestamp, due_date: 2026-11-30 }`)
	f(`event: { type: ledger.contract.amended }, expect: { outcome: match }`, "does not apply to events of type ledger.contract.amended")
}

// TestProfileOfCase: a case may be judged by a profile that is not in force.
func TestProfileOfCase(t *testing.T) {
	f := func(profile, outcome string) {
		t.Helper()
		fsys := cases("  - { name: it, event: { data: { contract.executed_at: 2025-06-02T12:00:00-04:00 } }, " + profile + "expect: { outcome: " + outcome + " } }\n")
		fsys["rules/A.yaml"].Data = []byte(strings.NewReplacer("params: { limit: USD 1_000 }\n", "", ">= limit", ">= materiality.overall").
			Replace(string(small()["rules/A.yaml"].Data)))
		for _, m := range load(t, fsys).RunCases().Results[0].Mistakes {
			t.Errorf("%s%v", profile, m)
		}
	}
	f("", "indeterminate") // the profile begins in 2026
	f("profile: p, ", "match")
	f("profile: none, ", "indeterminate")
}

// TestGaps: a limit needs a case at it and within a cent on both sides.
func TestGaps(t *testing.T) {
	f := func(values string, want string) {
		t.Helper()
		var entries strings.Builder
		for i, v := range strings.Fields(values) {
			outcome := "match"
			if strings.HasPrefix(v, "9") {
				outcome = "no_match"
			}
			entries.WriteString("  - { name: case " + string(rune('a'+i)) + ", event: { data: { contract.total_value_group: " + v + " } }, expect: { outcome: " + outcome + " } }\n")
		}
		report := load(t, cases(entries.String())).RunCases()
		if n := len(report.Results); report.Passed() != n {
			t.Errorf("%s: %d of %d cases pass: %v", values, report.Passed(), n, report.Mistakes())
		}
		got := ""
		for _, m := range report.Untried() {
			got += m.Message
		}
		if got != want {
			t.Errorf("%s: gaps are %q, want %q", values, got, want)
		}
	}
	const limit = ` the limit of "contract.total_value_group >= limit"`
	f("999.99 1_000 1_000.01", "")
	f("999.995 1_000.00 1_000.000000001", "")
	f("999.98 1_000 1_000.01", "no case just below"+limit)
	f("999.99 1_000.01", "no case exactly at"+limit)
	f("999.99 1_000 1_001", "no case just above"+limit)
	f("9 5_000", "no case just below, exactly at, just above"+limit)
}

// TestNoCases: a rule without cases is a gap of its own, and not one of its
// limits.
func TestNoCases(t *testing.T) {
	fsys := small()
	delete(fsys, "cases/A.yaml")
	report := load(t, fsys).RunCases()
	if all := report.Mistakes(); len(all) != 1 || all[0].Code != "E412" || len(report.Untried()) != 0 {
		t.Errorf("%v", all)
	}
}

// TestShipped: the packs that ship are without a mistake, and every case of
// theirs passes.
func TestShipped(t *testing.T) {
	pack, err := rules.LoadDir("packs/sox409")
	if err != nil {
		t.Fatal(err)
	}
	report := pack.RunCases()
	if err := report.Mistakes().Err(); err != nil {
		t.Error(err)
	}
	if len(report.Results) == 0 || report.Passed() != len(report.Results) {
		t.Errorf("%d of %d cases pass", report.Passed(), len(report.Results))
	}
	bands := 0
	for _, c := range report.Coverage {
		if c.PartsBoth != c.Parts || c.BandsTaken != c.Bands {
			t.Errorf("no gap is reported, and the counts are %+v", c)
		}
		bands += c.Bands
	}
	if len(report.Coverage) == 0 || bands == 0 {
		t.Errorf("%d rules with %d bands are counted", len(report.Coverage), bands)
	}
}
