package dialect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

func TestExplain(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{
		{Name: "floor", Program: compile(t, env, "min(share * materiality.revenue_ttm, tenth * materiality.total_assets)")},
		{Name: "unusual", Program: compile(t, env, "is_manual or not is_recurring")},
	}
	s := ledgerScope(t, "contract.total_value_group=7200000.50", "group_currency=USD", "contract.contract_type=ppe", "is_manual=true", "posting_date=2026-12-02",
		"posted_at=2026-11-23T23:30:00Z", "debt.rate=0.0525", "lines", "amount_group=3", "lines", "amount_group=4")
	for _, c := range []struct {
		text string
		want []dialect.Step
	}{
		{"not (contract.ordinary_course ?? false) and contract.total_value_group >= floor", []dialect.Step{
			{Text: "contract.ordinary_course ?? false", Value: "false"},
			{Text: "contract.ordinary_course", Value: "missing"},
			{Text: "contract.total_value_group >= floor", Value: "7200000.5 USD", Limit: "5000000 USD", Distance: "2200000.5 USD"},
			{Text: "floor = min(share * materiality.revenue_ttm, tenth * materiality.total_assets)", Value: "5000000 USD"},
			{Text: "share", Value: "5%"},
			{Text: "materiality.revenue_ttm", Value: "200000000 USD"},
			{Text: "tenth", Value: "0.1"},
			{Text: "materiality.total_assets", Value: "50000000 USD"},
		}},
		{"unusual and limit < contract.total_value_group", []dialect.Step{
			{Text: "is_manual", Value: "true"},
			{Text: "is_recurring", Value: "missing"},
			{Text: "limit < contract.total_value_group", Value: "7200000.5 USD", Limit: "5000000 USD", Distance: "2200000.5 USD"},
		}},
		{"contract.contract_type in types or country == \"US\"", []dialect.Step{
			{Text: "contract.contract_type in types", Value: "ppe", Limit: "sale, lease"},
			{Text: "country == \"US\"", Value: "missing", Limit: "US"},
		}},
		{"posting_date > deadline and observed - posted_at < four_hours and debt.rate > share", []dialect.Step{
			{Text: "posting_date > deadline", Value: "2026-12-02", Limit: "2026-11-30", Distance: "2 days"},
			{Text: "observed - posted_at < four_hours", Value: "12h30m", Limit: "4h", Distance: "8h30m"},
			{Text: "observed", Value: "2026-11-24T12:00:00Z"},
			{Text: "posted_at", Value: "2026-11-23T23:30:00Z"},
			{Text: "debt.rate > share", Value: "5.25%", Limit: "5%", Distance: "0.25%"},
		}},
		{"(total(lines, .amount_group) > limit) or any(lines, .amount_group > small)", []dialect.Step{
			{Text: "total(lines, .amount_group) > limit", Value: "7 USD", Limit: "5000000 USD", Distance: "-4999993 USD"},
			{Text: "any(lines, .amount_group > small)", Value: "true"},
		}},
		{"observed > cutoff", []dialect.Step{
			{Text: "observed > cutoff", Value: "2026-11-24T12:00:00Z", Limit: "2026-11-23T17:30:00-05:00", Distance: "13h30m"},
		}},
	} {
		if diff := cmp.Diff(c.want, compile(t, env, c.text).Explain(s)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.text, diff)
		}
	}
}

func TestBoundaries(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "large", Program: compile(t, env, "gross_amount_group > limit")}}
	p := compile(t, env, "large or 2 <= attachment_count < 5 or debt.rate == 0.5 or any(lines, .amount_group > limit) or count(lines, .account == \"1\") > 3")
	s := ledgerScope(t, "gross_amount_group=1", "attachment_count=2", "lines=sent")
	type bound struct{ Text, Operator, Value, Limit string }
	var got []bound
	for _, b := range p.Boundaries() {
		value, limit := b.Sides(s)
		got = append(got, bound{b.Text, b.Operator, value.String(), limit.String()})
	}
	want := []bound{
		{"gross_amount_group > limit", ">", "1 USD", "5000000 USD"},
		{"2 <= attachment_count", ">=", "2", "2"},
		{"attachment_count < 5", "<", "2", "5"},
		{"count(lines, .account == \"1\") > 3", ">", "0", "3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
