package rules_test

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// withProfile is small with a profile whose body follows the approvals.
func withProfile(body string) fstest.MapFS {
	files := small()
	files["profiles/p.yaml"] = &fstest.MapFile{Data: []byte(`schema: tocsin.profile/v1
id: p
version: 3
registrant_cik: "0009990001"
effective_from: 2026-01-01
effective_to: 2026-12-31
group_currency: USD
prepared_by: ann
approved_by: [bob, cy]
sources: [10-K 2025]
` + body)}
	return files
}

// TestFigures: each number states the document it was taken from, or how it
// follows from others.
func TestFigures(t *testing.T) {
	p := load(t, withProfile(`basis:
  pretax_income_ttm: { amount: 10_000_000, source: 10-Q Q3 2026, restated_in: 10-K/A 2025 }
  revenue_ttm: 5_000_000_000
  total_assets: { amount: 2_000_000_000, source: 10-Q Q3 2026 }
method: derived
components:
  - { company_code: DE01, overall: 5_000_000, performance: 3_000_000 }
`)).Profiles()[0]
	type figure struct{ Name, Amount, How string }
	var got []figure
	for _, f := range p.Figures("DE01") {
		got = append(got, figure{f.Name, f.Amount.String(), f.How})
	}
	want := []figure{
		{"pretax_income_ttm", "10000000", "10-Q Q3 2026, restated in 10-K/A 2025"},
		{"revenue_ttm", "5000000000", "10-K 2025"},
		{"total_assets", "2000000000", "10-Q Q3 2026"},
		{"overall", "20000000", "pretax_income_ttm is near break-even, less than 0.5% of revenue_ttm: the larger of 0.5% of revenue_ttm, 25000000 USD, and 0.25% of total_assets, 5000000 USD; lowered to 1% of total_assets"},
		{"performance", "15000000", "75% of overall"},
		{"clearly_trivial", "1000000", "5% of overall"},
		{"component_overall", "5000000", "given for the component DE01"},
		{"component_performance", "3000000", "given for the component DE01"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if n := len(p.Figures("")); n != 6 {
		t.Errorf("the group has %d figures, want 6", n)
	}
}

// TestProfileAt: one profile is in force on a day, or the answer states which there
// are.
func TestProfileAt(t *testing.T) {
	pack := load(t, withProfile("basis: {}\nmethod: given\noverall: 3\nperformance: 2\nclearly_trivial: 1\n"))
	f := func(registrant, day, want string) {
		t.Helper()
		on, err := calendar.ParseDate(day)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if p, err := pack.ProfileAt(registrant, on); err != nil {
			got = err.Error()
		} else {
			got = p.Ref()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s on %s: %q, want %q", registrant, day, got, want)
		}
	}
	f("0009990001", "2026-01-01", "p@3")
	f("0009990001", "2026-12-31", "p@3")
	f("0009990001", "2027-01-01", "p@3 from 2026-01-01 to 2026-12-31")
	f("0009990001", "2025-12-31", "no materiality profile of the registrant 0009990001 is in force on 2025-12-31")
	f("0000000001", "2026-01-01", "the pack has no materiality profile of the registrant 0000000001")
}

// TestProfileMistakes: a base without origin of its restatement, a component above
// its group, and the like.
func TestProfileMistakes(t *testing.T) {
	f := func(body, want string) {
		t.Helper()
		pack, mistakes := rules.Load(withProfile(body), "small", nil)
		if pack != nil || !strings.Contains(mistakes.Error(), want) {
			t.Errorf("%s\n%v, want %q", body, mistakes, want)
		}
	}
	const given = "method: given\noverall: 3\nperformance: 2\nclearly_trivial: 1\n"
	f("basis: { revenue_ttm: { source: 10-K } }\n"+given, "revenue_ttm has no amount")
	f("basis: { revenue_ttm: { amount: 1, restated_in: 10-K/A } }\n"+given, "was restated, and its first document is not named")
	f("basis: { revenue_ttm: { amount: 1, page: 7 } }\n"+given, "a base has no page")
	f("basis: { revenue_ttm: { amount: [1] } }\n"+given, "amount of a base is a text")
	f("basis: { component_overall: 1 }\n"+given, "unknown base")
	f("basis: {}\ncomponents: [{ company_code: A, overall: 4, performance: 1 }]\n"+given, "above the group's")
	f("basis: {}\ncomponents: [{ company_code: A, overall: 2, performance: 2.01 }]\n"+given, "performance is above overall")
	f("basis: {}\ncomponents: [{ company_code: A, overall: 2, performance: 1 }, { company_code: A, overall: 2, performance: 1 }]\n"+given, "stands twice")
	f("basis: {}\ncomponents: [{ company_code: A, overall: x, performance: 1 }]\n"+given, "overall ")
}

// TestComponentMateriality: an event of a component is held against the
// component's own threshold, and one of no component lacks it.
func TestComponentMateriality(t *testing.T) {
	files := withProfile("basis: {}\nmethod: given\noverall: 3_000\nperformance: 2_000\nclearly_trivial: 100\ncomponents: [{ company_code: DE01, overall: 1_000, performance: 500 }]\n")
	files["rules/A.yaml"].Data = []byte(strings.Replace(strings.Replace(string(files["rules/A.yaml"].Data), "params: { limit: USD 1_000 }\n", "", 1), ">= limit", ">= materiality.component_overall", 1))
	e := rules.NewEngine(load(t, files))
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	judgeWith := func(company string, estimate bool, headroom string) rules.Verdict {
		t.Helper()
		ev := event.New(event.LookupType("ledger.contract.executed"))
		field := ev.Schema().Lookup
		ev.SetText(field("registrant_cik"), "0009990001")
		if company != "" {
			ev.SetText(field("company_code"), company)
		}
		ev.SetAmount(field("contract.total_value_group"), parsedAmount(t, "1000"))
		ev.SetInstant(field("event_time"), at.UnixMicro(), 0)
		ev.SetBool(field("is_estimate"), estimate)
		if headroom != "" {
			r, err := money.ParseRate(headroom)
			if err != nil {
				t.Fatal(err)
			}
			ev.SetRate(field("debt.covenant_headroom"), r)
		}
		return e.Judge(nil, ev, at)[0]
	}
	judge := func(company string, estimate bool) rules.Verdict {
		t.Helper()
		return judgeWith(company, estimate, "")
	}
	if v := judge("DE01", true); v.Outcome != rules.Match {
		t.Errorf("a component's: %s", v.Outcome)
	} else if list := v.Finding.Checklist; len(list) != 11 || list[0].Answer != "no" || list[1].Answer != "open" || v.Finding.Reasoning().SAB99 == nil {
		t.Errorf("the checklist of an estimate: %+v", list)
	}
	if v := judge("DE01", false); v.Finding.Checklist[0].Answer != "yes" {
		t.Errorf("the checklist of no estimate: %+v", v.Finding.Checklist)
	}
	for headroom, want := range map[string]string{"": "open", "0.1": "open", "0": "open", "-0.000001": "yes"} {
		if list := judgeWith("DE01", false, headroom).Finding.Checklist; list[6].Answer != want {
			t.Errorf("a covenant's headroom of %q: %s %q, want %q", headroom, list[6].Text, list[6].Answer, want)
		}
	}
	for _, company := range []string{"", "US01"} {
		if v := judge(company, false); v.Outcome != rules.Indeterminate {
			t.Errorf("of %q: %s", company, v.Outcome)
		}
	}
}

func parsedAmount(t *testing.T, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
