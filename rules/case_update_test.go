package rules_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// TestUpdated: what an update writes passes, and what passed stays to the letter.
func TestUpdated(t *testing.T) {
	files := cases(`  - { name: fine, expect: { outcome: match, severity: S2 } } # stays
  - { name: wrong, expect: { outcome: no_match } }
  - name: several
    expect:
      outcome: match
      severity: "S1"
      item: '1.02'
      due_date: 2026-12-01
      key: a, b
      why: is small
  - { name: not said, event: { data: { contract.contract_id: "C: 7" } }, expect: { outcome: new } }
  - { name: not said either, event: { data: { contract.total_value_group: 1 } }, expect: { outcome: new } }
  - { name: half said, expect: { outcome: new, severity: S2 } }
`)
	before, err := fs.ReadFile(files, "cases/A.yaml")
	if err != nil {
		t.Fatal(err)
	}
	report := load(t, files).RunCases()
	if got := report.Passed(); got != 1 {
		t.Errorf("%d cases pass before, want 1", got)
	}
	after := report.Updated("small/cases/A.yaml", string(before))
	want := string(cases(`  - { name: fine, expect: { outcome: match, severity: S2 } } # stays
  - { name: wrong, expect: { outcome: match } }
  - name: several
    expect:
      outcome: match
      severity: S2
      item: "1.01"
      due_date: 2026-11-30
      key: C-1
      why: "A fired: contract.total_value_group is 5,000 USD, 4,000 USD more than limit (1,000 USD). It would not have fired had contract.total_value_group been 999.99 USD (4,000.01 USD less)."
  - { name: not said, event: { data: { contract.contract_id: "C: 7" } }, expect: { outcome: match, severity: S2, due_date: 2026-11-30, item: "1.01", key: "C: 7" } }
  - { name: not said either, event: { data: { contract.total_value_group: 1 } }, expect: { outcome: no_match } }
  - { name: half said, expect: { outcome: match, severity: S2 } }
`)["cases/A.yaml"].Data)
	if diff := cmp.Diff(want, after); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	files["cases/A.yaml"] = &fstest.MapFile{Data: []byte(after)}
	if again := load(t, files).RunCases(); again.Passed() != len(again.Results) {
		t.Errorf("after the update: %v", again.Mistakes())
	}
}

// TestTemplates: a case begins with the event of a template, then its base, then
// its own members.
func TestTemplates(t *testing.T) {
	files := small()
	files["cases/templates.yaml"] = &fstest.MapFile{Data: []byte(`schema: tocsin.templates/v1
templates:
  contract:
    type: ledger.contract.executed
    time: 2026-11-23T18:30:00-05:00
    data:
      registrant_cik: "0009990001"
      group_currency: USD
      contract: { contract_id: C-1, total_value_group: 5_000 }
  other:
    type: ledger.contract.amended
`)}
	files["cases/A.yaml"] = &fstest.MapFile{Data: []byte(`schema: tocsin.cases/v1
base:
  template: contract
  data: { contract.total_value_group: 999 }
cases:
  - { name: of the base, expect: { outcome: no_match, why: 1 USD less than limit } }
  - { name: its own, event: { data: { contract.total_value_group: 1_000 } }, expect: { outcome: match, key: C-1, why: exactly limit } }
  - { name: another, event: { template: other, data: { contract.total_value_group: 1 } }, observed: 2026-11-23T18:30:00-05:00, expect: { outcome: match } }
`)}
	report := load(t, files).RunCases()
	if len(report.Results) != 3 || report.Passed() != 2 || len(report.Results[2].Mistakes) == 0 {
		t.Errorf("%v", report.Mistakes())
	}
}
