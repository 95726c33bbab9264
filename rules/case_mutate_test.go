package rules_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules"
	"tocsin/rules/packs"
)

// mutable is a rule with something of everything that can be altered.
func mutable(cases string) fstest.MapFS {
	files := small()
	files["rules/A.yaml"] = &fstest.MapFile{Data: []byte(`id: A
revision: 1
title: A large contract
owner: counsel
item: "1.01"
severity: S2
applies_to: [ledger.contract.executed]
citation: none
params: { limit: USD 1_000, kinds: [supply, lease] }
let:
  usual: contract.ordinary_course ?? false
when: not usual and contract.total_value_group >= limit and contract.contract_type in kinds
bands:
  - { severity: S1, when: contract.total_value_group > 2 * limit }
dedup: contract.contract_id
deadline: { clock: O4, from: contract.executed_at }
runbook: Read it.
`)}
	files["cases/A.yaml"] = &fstest.MapFile{Data: []byte(`schema: tocsin.cases/v1
base:
  type: ledger.contract.executed
  data:
    registrant_cik: "0009990001"
    group_currency: USD
    contract: { contract_id: C-1, executed_at: 2026-11-23T18:30:00-05:00, ordinary_course: false, contract_type: lease }
cases:
` + cases)}
	return files
}

const completeCases = `
  - { name: at, event: { data: { contract.total_value_group: 1_000 } }, expect: { outcome: match, severity: S2 } }
  - { name: below, event: { data: { contract.total_value_group: 999.99 } }, expect: { outcome: no_match } }
  - { name: above, event: { data: { contract.total_value_group: 1_000.01 } }, expect: { outcome: match, severity: S2 } }
  - { name: at twice, event: { data: { contract.total_value_group: 2_000 } }, expect: { outcome: match, severity: S2 } }
  - { name: below twice, event: { data: { contract.total_value_group: 1_999.99 } }, expect: { outcome: match, severity: S2 } }
  - { name: above twice, event: { data: { contract.total_value_group: 2_000.01 } }, expect: { outcome: match, severity: S1 } }
  - { name: usual, event: { data: { contract.total_value_group: 1_000, contract.ordinary_course: true } }, expect: { outcome: no_match } }
  - { name: flag missing, event: { data: { contract.total_value_group: 1_000, contract.ordinary_course: ~ } }, expect: { outcome: match } }
  - { name: supply, event: { data: { contract.total_value_group: 1_000, contract.contract_type: supply } }, expect: { outcome: match } }
  - { name: sale, event: { data: { contract.total_value_group: 1_000, contract.contract_type: sale } }, expect: { outcome: no_match } }
`

// TestMutate: complete cases notice every alteration of a rule, and each case
// that is taken away leaves one unnoticed.
func TestMutate(t *testing.T) {
	survivors := func(cases string) (found []string, mutants *rules.Mutants) {
		t.Helper()
		mutants = load(t, mutable(cases)).Mutate()
		for _, m := range mutants.All {
			if m.Case == "" && m.Why == "" {
				found = append(found, m.What)
			}
		}
		return found, mutants
	}
	found, mutants := survivors(completeCases)
	if len(found) > 0 || len(mutants.Mistakes) > 0 || mutants.Killed() != len(mutants.All) {
		t.Errorf("complete cases leave %q, %v", found, mutants.Mistakes)
	}
	var what []string
	for _, m := range mutants.All {
		what = append(what, m.What)
	}
	want := []string{"param limit: USD 1000.01 written for USD 1_000", "param limit: USD 999.99 written for USD 1_000",
		`param kinds: ["lease"] written for ["supply","lease"]`, `param kinds: ["supply"] written for ["supply","lease"]`,
		"let usual: deleted the default of contract.ordinary_course", "let usual: default of contract.ordinary_course turned",
		"when: deleted contract.contract_type in kinds", "when: deleted not usual and contract.total_value_group >= limit", "when: or written for and",
		"when: deleted contract.total_value_group >= limit", "when: deleted not usual", "when: deleted not", "when: > written for >=", "when: < written for >=",
		"band S1: >= written for >", "band S1: <= written for >", "band S1: 3 written for 2", "band S1: 1 written for 2", "band S1: deleted"}
	slices.Sort(want)
	what = slices.Compact(slices.Sorted(slices.Values(what)))
	if diff := cmp.Diff(want, what); diff != "" {
		t.Errorf("alterations (-want +got)\n%s", diff)
	}
	for _, line := range []string{"usual", "flag missing", "supply", "sale", "at twice"} {
		var fewer []string
		for _, l := range strings.Split(completeCases, "\n") {
			if !strings.Contains(l, "name: "+line+",") {
				fewer = append(fewer, l)
			}
		}
		if found, _ := survivors(strings.Join(fewer, "\n")); len(found) == 0 {
			t.Errorf("without the case %q every alteration is noticed still", line)
		}
	}
}

// TestCoverage: a part that no case has true, or none not true, and a band that no
// case gets, are gaps.
func TestCoverage(t *testing.T) {
	f := func(cases string, want ...string) {
		t.Helper()
		var got []string
		for _, m := range load(t, mutable(cases)).RunCases().Gaps {
			if m.Code == "E413" {
				got = append(got, m.Message)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
	f(completeCases)
	f("  - { name: at, event: { data: { contract.total_value_group: 1_000 } }, expect: { outcome: match, severity: S2 } }\n",
		"in no case is this true: contract.ordinary_course ?? false", "in no case is this not true: contract.total_value_group >= limit",
		"in no case is this not true: contract.contract_type in kinds", "in no case is this true: contract.total_value_group > 2 * limit", "no case gets the severity S1 of this band")
	f("  - { name: large, event: { data: { contract.total_value_group: 5_000, contract.ordinary_course: true, contract.contract_type: sale } }, expect: { outcome: no_match } }\n",
		"in no case is this not true: contract.ordinary_course ?? false", "in no case is this not true: contract.total_value_group >= limit",
		"in no case is this true: contract.contract_type in kinds", "in no case is this not true: contract.total_value_group > 2 * limit", "no case gets the severity S1 of this band")
}

// TestEquivalentMutants: an alteration that changes no verdict is no mutant.
func TestEquivalentMutants(t *testing.T) {
	files := mutable(completeCases)
	rule := string(files["rules/A.yaml"].Data)
	files["rules/A.yaml"].Data = []byte(strings.Replace(rule, "when: not usual", "when: not ((fiscal_period ?? 0) == 13) and not usual", 1))
	for _, m := range load(t, files).Mutate().All {
		if strings.Contains(m.What, "written for 0") {
			t.Errorf("a default of 1 and one of 0 are no 13, yet %s", m.What)
		}
	}
}

// TestSurvivors: a reason makes a survivor explained, and a reason for what does
// not survive is a mistake.
func TestSurvivors(t *testing.T) {
	without := strings.Replace(completeCases, "  - { name: supply,", "  - { name: lease again,", 1)
	without = strings.Replace(without, "contract.contract_type: supply", "contract.contract_type: lease", 1)
	const reason = "survivors:\n  - { what: 'param kinds: [\"lease\"] written for [\"supply\",\"lease\"]', why: no contract of supply is left }\n"
	f := func(cases, want string) {
		t.Helper()
		m := load(t, mutable(cases)).Mutate()
		if got := m.Mistakes.Error(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("mistakes %q, want %q", got, want)
		}
	}
	f(without, `no case notices: param kinds: ["lease"]`)
	f(without+reason, "")
	f(completeCases+reason, "a reason is given for an alteration that a case notices")
}

// TestShippedMutants: the cases of the shipped packs notice every alteration of
// their rules.
func TestShippedMutants(t *testing.T) {
	for _, name := range packs.Names() {
		pack, err := rules.LoadDir("packs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		m := pack.Mutate()
		t.Logf("%s: %d mutants, %d noticed by a case, %d explained", name, len(m.All), m.Killed(), m.Explained())
		if len(m.Mistakes) > 0 {
			t.Error(m.Mistakes)
		}
	}
}
