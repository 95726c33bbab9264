package dialect_test

import (
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// usual are ten conditions of the shapes that packs have.
var usual = []string{
	"not (contract.ordinary_course ?? false) and contract.total_value_group >= min(share * materiality.revenue_ttm, tenth * materiality.total_assets)",
	"contract.contract_type == \"ppe\" and contract.total_value_group > limit",
	"ledger_role == \"leading\" and is_manual and gross_amount_group >= materiality.overall",
	"debt.principal_group >= tenth * materiality.total_assets",
	"country in [\"CU\", \"IR\", \"KP\", \"SY\"]",
	"is_reversal and posted_to_prior_period and gross_amount_group > limit",
	"journal_source == \"Manual\" and (created_by == approved_by or missing(approved_by))",
	"posting_date < deadline and fiscal_period in [13, 14, 15, 16]",
	"is_top_side and present(auto_reverse_date) and net_income_effect_group > 0",
	"any(lines, .account_class == \"revenue\" and .amount_group > limit)",
}

func usualScope(t testing.TB) *dialect.Scope {
	return ledgerScope(t, "contract.ordinary_course=false", "contract.total_value_group=1200000", "group_currency=USD", "contract.contract_type=sale",
		"ledger_role=leading", "is_manual=true", "gross_amount_group=1200000", "debt.principal_group=1000", "country=US", "is_reversal=true",
		"posted_to_prior_period=true", "journal_source=Manual", "created_by=a", "approved_by=b", "posting_date=2026-11-23", "fiscal_period=11",
		"is_top_side=true", "auto_reverse_date=2026-12-01", "net_income_effect_group=-5", "lines", "account_class=revenue", "amount_group=5", "lines", "account_class=asset", "amount_group=5")
}

func TestTestDoesNotAllocate(t *testing.T) {
	env := environment(t, event.Ledger)
	s := usualScope(t)
	s.Event.SetInstant(event.Ledger.Lookup("posted_at"), 1_800_000_000_000_000, -5*3600)
	for _, text := range append(usual,
		"is_manual and country == \"US\" and contract.total_value_group > limit and fiscal_period == 13 and country in types",
		"ratio(gross_amount_group, materiality.total_assets) > share and pct_of(gross_amount_group, limit) > 0.5",
		"hour_of(posted_at) > 20 or day_of_week(posted_at, \"America/New_York\") == \"sunday\" or date_of(posted_at) > deadline",
		"business_days_between(posting_date, posted_at) > 4 or observed - posted_at > four_hours",
		"total(lines, .amount_group, .account_class == \"asset\") > limit or count(lines, .amount_group > small) > 3",
		"incomplete or is_estimate or batch_id == \"x\" or document_date > deadline",
	) {
		p := compile(t, env, text)
		if n := testing.AllocsPerRun(100, func() { p.Test(s) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
	}
}

func BenchmarkTenRules(b *testing.B) {
	env := environment(b, event.Ledger)
	s := usualScope(b)
	var programs []*dialect.Program
	for _, text := range usual {
		programs = append(programs, compile(b, env, text))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range programs {
			if p.Test(s) == dialect.Failed {
				b.Fatal("failed")
			}
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	env := environment(b, event.Ledger)
	for b.Loop() {
		compile(b, env, usual[0])
	}
}

func BenchmarkExplain(b *testing.B) {
	p := compile(b, environment(b, event.Ledger), usual[0])
	s := usualScope(b)
	b.ReportAllocs()
	for b.Loop() {
		p.Explain(s)
	}
}
