package rules_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"tocsin/rules"
)

// TestDerivedMateriality checks the derivation against values worked out by
// hand from its formula.
func TestDerivedMateriality(t *testing.T) {
	f := func(name, income, revenue, assets string, signChanged bool, overall, performance, trivial string) {
		t.Helper()
		fsys := small()
		fsys["profiles/p.yaml"] = &fstest.MapFile{Data: fmt.Appendf(nil, `schema: tocsin.profile/v1
id: p
version: 1
registrant_cik: "0009990001"
effective_from: 2026-01-01
group_currency: USD
basis: { pretax_income_ttm: %s, revenue_ttm: %s, total_assets: USD %s }
method: derived
sign_changed: %t
prepared_by: ann
approved_by: [bob, cy]
sources: []
`, income, revenue, assets, signChanged)}
		p := load(t, fsys).Profiles()[0]
		for _, x := range []struct{ field, want string }{{"overall", overall}, {"performance", performance}, {"clearly_trivial", trivial}} {
			if got, ok := p.Amount(x.field); !ok || got.String() != x.want {
				t.Errorf("%s: %s is %s, want %s", name, x.field, got, x.want)
			}
		}
	}
	f("5 % of income", "400_000_000", "5_000_000_000", "8_000_000_000", false, "20000000", "15000000", "1000000")
	f("income exactly 0.5 % of revenue, raised to 0.25 % of it", "25_000_000", "5_000_000_000", "8_000_000_000", false, "12500000", "9375000", "625000")
	f("income just less than 0.5 % of revenue", "24_999_999.99", "5_000_000_000", "8_000_000_000", false, "25000000", "18750000", "1250000")
	f("break-even, assets count for more", "1", "1_000_000", "100_000_000", false, "250000", "187500", "12500")
	f("a loss", "-400_000_000", "5_000_000_000", "8_000_000_000", false, "25000000", "18750000", "1250000")
	f("the sign changed", "400_000_000", "5_000_000_000", "8_000_000_000", true, "25000000", "18750000", "1250000")
	f("no more than 1 % of assets", "400_000_000", "5_000_000_000", "1_000_000_000", false, "10000000", "7500000", "500000")
	f("no revenue", "0", "0", "1_000_000", false, "2500", "1875", "125")
}

// TestNoAmount: a base that is not stated is absent, not zero.
func TestNoAmount(t *testing.T) {
	p := load(t, small()).Profiles()[0]
	for _, name := range []string{"revenue_ttm", "group_currency", "nonsense"} {
		if a, ok := p.Amount(name); ok {
			t.Errorf("%s is %s", name, a)
		}
	}
	if p.Ref() != "p@1" {
		t.Errorf("the profile is called %s", p.Ref())
	}
	if rules.Materiality.Lookup("overall") == nil {
		t.Error("materiality.overall is no name")
	}
}
