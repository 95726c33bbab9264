package dialect_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestMutants lists every alteration of some conditions.
func TestMutants(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct {
		text string
		want []string
	}{
		{`is_manual and gross_amount_group >= limit`, []string{
			`deleted gross_amount_group >= limit → (is_manual)`,
			`deleted is_manual → (gross_amount_group >= limit)`,
			`or written for and → is_manual or gross_amount_group >= limit`,
			`> written for >= → is_manual and gross_amount_group > limit`,
			`< written for >= → is_manual and gross_amount_group < limit`,
		}},
		{`not is_manual or (is_estimate ?? false)`, []string{
			`deleted is_estimate ?? false → (not is_manual)`,
			`deleted not is_manual → (is_estimate ?? false)`,
			`and written for or → not is_manual and (is_estimate ?? false)`,
			`deleted not → (is_manual) or (is_estimate ?? false)`,
			`deleted the default of is_estimate → not is_manual or (is_estimate)`,
			`default of is_estimate turned → not is_manual or (is_estimate ?? true)`,
		}},
		{`gross_amount_group + net_income_effect_group - limit > 0`, []string{
			`>= written for > → gross_amount_group + net_income_effect_group - limit >= 0`,
			`<= written for > → gross_amount_group + net_income_effect_group - limit <= 0`,
			`+ written for - → gross_amount_group + net_income_effect_group + limit > 0`,
			`- written for + → gross_amount_group - net_income_effect_group - limit > 0`,
		}},
		{`posted_at + four_hours > cutoff`, []string{
			`>= written for > → posted_at + four_hours >= cutoff`,
			`<= written for > → posted_at + four_hours <= cutoff`,
		}},
		{`country + company_code == "x"`, []string{
			`!= written for == → country + company_code != "x"`,
			`another word for "x" → country + company_code == "x~"`,
		}},
		{`country in ["US", "DE"] and contract.contract_type in types`, []string{
			`deleted contract.contract_type in types → (country in ["US", "DE"])`,
			`deleted country in ["US", "DE"] → (contract.contract_type in types)`,
			`or written for and → country in ["US", "DE"] or contract.contract_type in types`,
			`deleted "US" → country in ["DE"] and contract.contract_type in types`,
			`deleted "DE" → country in ["US"] and contract.contract_type in types`,
		}},
		{`fiscal_period in [1, 2]`, []string{
			`2 written for 1 → fiscal_period in [2, 2]`,
			`0 written for 1 → fiscal_period in [0, 2]`,
			`3 written for 2 → fiscal_period in [1, 3]`,
			`1 written for 2 → fiscal_period in [1, 1]`,
		}},
		{`is_manual ? balanced : is_estimate`, []string{
			`sides of ? exchanged → (is_manual ? is_estimate : balanced)`,
		}},
		{`any(lines, .account == "1" and .amount_group > limit)`, []string{
			`all written for any → all(lines, .account == "1" and .amount_group > limit)`,
			`deleted .amount_group > limit → any(lines, (.account == "1"))`,
			`deleted .account == "1" → any(lines, (.amount_group > limit))`,
			`or written for and → any(lines, .account == "1" or .amount_group > limit)`,
			`!= written for == → any(lines, .account != "1" and .amount_group > limit)`,
			`another word for "1" → any(lines, .account == "1~" and .amount_group > limit)`,
			`>= written for > → any(lines, .account == "1" and .amount_group >= limit)`,
			`<= written for > → any(lines, .account == "1" and .amount_group <= limit)`,
		}},
		{`total(lines, .amount_group, .account == "1") > limit`, []string{
			`>= written for > → total(lines, .amount_group, .account == "1") >= limit`,
			`<= written for > → total(lines, .amount_group, .account == "1") <= limit`,
			`deleted .account == "1" of a total → total(lines, .amount_group) > limit`,
			`!= written for == → total(lines, .amount_group, .account != "1") > limit`,
			`another word for "1" → total(lines, .amount_group, .account == "1~") > limit`,
		}},
		{`attachment_count > 3`, []string{
			`>= written for > → attachment_count >= 3`,
			`<= written for > → attachment_count <= 3`,
			`4 written for 3 → attachment_count > 4`,
			`2 written for 3 → attachment_count > 2`,
		}},
		{`country in ["US"]`, nil},
		{`country startsWith "U"`, nil},
	} {
		var got []string
		for _, m := range compile(t, env, c.text).Mutants() {
			got = append(got, m.What+" → "+m.Text)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.text, diff)
		}
	}
}

// TestParts lists the parts of a condition, each once, however often a let is used.
func TestParts(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "unusual", Program: compile(t, env, "is_manual or not is_recurring")}}
	for text, want := range map[string][]string{
		"unusual or (unusual and balanced)":  {"is_manual", "is_recurring", "balanced"},
		"fiscal_period > 2 and unusual":      {"fiscal_period > 2", "is_manual", "is_recurring"},
		"is_manual ? balanced : is_estimate": {"is_manual", "balanced", "is_estimate"},
		"gross_amount_group + limit":         nil,
	} {
		var got []string
		for _, p := range compile(t, env, text).Parts() {
			got = append(got, p.Text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
}
