package dialect_test

import (
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestConjuncts: what an index makes of a condition. w is a text among words, l a
// limit, f any other part.
func TestConjuncts(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "manual", Program: compile(t, env, "(is_manual ?? false) and not (is_reversal ?? false)")}}
	f := func(text, want string) {
		t.Helper()
		got := ""
		for _, c := range compile(t, env, text).Conjuncts(dialect.NewTerms()) {
			switch {
			case c.Word != nil && c.Word.Absent:
				got += "W"
			case c.Word != nil:
				got += "w"
			case c.Limit != nil && c.Limit.AtMost:
				got += "L"
			case c.Limit != nil:
				got += "l"
			default:
				got += "f"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	f(`country == "US"`, "w")
	f(`"US" == country`, "w")
	f(`country in ["US", "DE"] and (company_code ?? "") == "1"`, "ww")
	f(`(country == "US") ?? false`, "W")
	f(`(country == "US") ?? true`, "w")
	f(`country != "US"`, "f")
	f(`not (country == "US")`, "f")
	f(`not (country == "US" or is_manual)`, "ff")
	f(`country == "US" or is_manual`, "f")
	f(`contract.total_value_group >= limit`, "l")
	f(`limit > contract.total_value_group`, "L")
	f(`not (contract.total_value_group < limit)`, "l")
	f(`contract.total_value_group == limit`, "lL")
	f(`contract.total_value_group != limit`, "f")
	f(`contract.total_value_group > max(limit, share * materiality.revenue_ttm)`, "l")
	f(`attachment_count > 3 and 1 < fiscal_period < 5`, "llL")
	f(`contract.total_value_group > gross_amount_group`, "f")
	f(`materiality.overall > limit`, "f")
	f(`posting_date <= deadline`, "L")
	f(`observed < cutoff`, "f")
	f(`manual and manual and is_top_side`, "fffff")
	f(`any(lines, .account_class == "revenue" and .amount_group > small)`, "fff")
	f(`any(lines, .account_class == "revenue")`, "f")
	f(`all(lines, .account_class == "revenue" and .amount_group > small)`, "f")
	f(`true`, "")
}

// TestTerms: parts have one number only where they have the same value for every
// event.
func TestTerms(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "size", Program: compile(t, env, "gross_amount_group ?? contract.total_value_group")}}
	terms := dialect.NewTerms()
	id := func(text string) int { return compile(t, env, text).ID(terms) }
	same := func(a, b string, want bool) {
		t.Helper()
		if got := id(a) == id(b); got != want {
			t.Errorf("%s and %s have one number: %t", a, b, got)
		}
	}
	same("size > limit", "(gross_amount_group ?? contract.total_value_group)  > limit", true)
	same("size > limit", "size >= limit", false)
	same("size > limit", "size > small", false)
	same("country in types", `country in ["sale", "lease"]`, true)
	same(`country in ["a, b"]`, `country in ["a", "b"]`, false)
	same(`country == "a"`, `company_code == "a"`, false)
	same(`country matches "a"`, `country matches "b"`, false)
	same("attachment_count + 1 > 2", "attachment_count - 1 > 2", false)
	same("attachment_count > 1", "attachment_count > 1", true)
	same(`count(lines, .account == "1") > 1`, `count(lines, .account == "2") > 1`, false)
	same("materiality.overall > limit", "materiality.revenue_ttm > limit", false)
	same("posted_at < cutoff", "posted_at <= cutoff", false)
	same("min(size, limit) > small", "max(size, limit) > small", false)
}
