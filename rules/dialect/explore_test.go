package dialect_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// parts are conditions of every kind that the exploration distinguishes.
var parts = []string{
	"gross_amount_group >= limit", "gross_amount_group < small", "(gross_amount_group ?? 0) > small", "gross_amount_group == limit", "gross_amount_group > net_income_effect_group",
	"gross_amount_group >= floor", "abs(net_income_effect_group) >= limit", "attachment_count in [1, 2]", "attachment_count > 2", "3 > attachment_count", "(attachment_count ?? 2) != 2",
	"country == \"US\"", "country in [\"US\", \"DE\"]", "country != company_code", "(country ?? \"US\") == \"DE\"", "country startsWith \"U\"",
	"is_manual", "(is_manual ?? true)", "is_manual == false", "present(country)", "missing(attachment_count)", "present(is_manual)", "unusual",
	"any(lines, .account == \"1\")", "count(lines, .account == \"1\") > 1", "posting_date > deadline", "(is_manual ? attachment_count > 1 : country == \"US\")", "true",
}

// drawCondition joins parts by and, or and not.
func drawCondition(t *rapid.T, depth int) string {
	switch pick := rapid.IntRange(0, 3).Draw(t, "form"); {
	case depth == 0 || pick == 0:
		return rapid.SampledFrom(parts).Draw(t, "part")
	case pick == 1:
		return "not (" + drawCondition(t, depth-1) + ")"
	default:
		return "(" + drawCondition(t, depth-1) + []string{" and ", " or "}[pick-2] + drawCondition(t, depth-1) + ")"
	}
}

// TestExplore: what a condition is for any event, it is in one of the situations
// that the exploration goes through. So what is in none of them never is.
func TestExplore(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "floor", Program: compile(t, env, "share * materiality.revenue_ttm")}, {Name: "unusual", Program: compile(t, env, "is_manual or not is_recurring")}}
	values := map[string][]string{
		"gross_amount_group": {"0", "0.01", "0.02", "5000000", "5000000.01", "10000000"}, "net_income_effect_group": {"-5000000", "1", "5000000.01"},
		"attachment_count": {"0", "1", "2", "3"}, "country": {"US", "DE", "UK", "FR"}, "company_code": {"US", "X"}, "is_manual": {"true", "false"}, "is_recurring": {"true", "false"},
		"posting_date": {"2026-11-29", "2026-11-30", "2026-12-01"},
	}
	explored := 0
	rapid.Check(t, func(rt *rapid.T) {
		text := drawCondition(rt, rapid.IntRange(0, 3).Draw(rt, "depth"))
		p := compile(t, env, text)
		var seen [4]bool
		if !dialect.Explore([]*dialect.Program{p}, nil, func(results []dialect.Tri) bool {
			seen[results[0]] = true
			return true
		}) {
			return
		}
		explored++
		var fields []string
		for name, of := range values {
			if i := rapid.IntRange(-1, len(of)-1).Draw(rt, name); i >= 0 {
				fields = append(fields, name+"="+of[i])
			}
		}
		slices.Sort(fields)
		fields = append(fields, "lines=none")
		if got := p.Test(ledgerScope(t, fields...)); got <= dialect.True && !seen[got] {
			rt.Fatalf("%s with %s is %s, which no situation is", text, strings.Join(fields, " "), got)
		}
	})
	if explored < 50 {
		t.Errorf("only %d conditions were explored", explored)
	}
}

// TestExplored holds what the exploration finds of single conditions.
func TestExplored(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct{ text, want string }{
		{"attachment_count > 3 and attachment_count < 4", "false"},
		{"attachment_count >= 3 and attachment_count < 4", "true false"},
		{"gross_amount_group > limit and gross_amount_group < limit", "false"},
		{"gross_amount_group > small and not (gross_amount_group > 0)", "false"},
		{"attachment_count in [1, 18, 18, 10] and attachment_count > 18", "false"},
		{"country == \"US\" and country == \"DE\"", "false"},
		{"country != \"US\" or country != \"DE\"", "true"},
		{"present(country) and missing(country)", "false"},
		{"(country ?? \"US\") == \"US\" and country == \"DE\"", "false unknown"}, // not sent: the second is unknown
		{"gross_amount_group > net_income_effect_group and net_income_effect_group >= gross_amount_group", "false unknown"},
		{"event_type == \"ledger.contract.amended\"", "false"},
		{"event_type in [\"ledger.contract.executed\", \"ledger.contract.amended\"]", "true"},
	} {
		var seen [4]bool
		dialect.Explore([]*dialect.Program{compile(t, env, c.text)}, []string{"ledger.contract.executed"}, func(results []dialect.Tri) bool {
			seen[results[0]] = true
			return true
		})
		var got []string
		for _, r := range []dialect.Tri{dialect.True, dialect.False, dialect.Unknown} {
			if seen[r] {
				got = append(got, fmt.Sprint(r))
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestEquivalent: two ways to write one condition are told from two conditions,
// also where they differ only in what a missing field does.
func TestEquivalent(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"gross_amount_group >= limit", "not (gross_amount_group < limit)", true},
		{"is_manual and country == \"US\"", "country == \"US\" and is_manual", true},
		{"(fiscal_period ?? 0) == 2", "(fiscal_period ?? 1) == 2", true},
		{"(fiscal_period ?? 0) == 2", "(fiscal_period ?? 2) == 2", false},
		{"gross_amount_group >= limit", "gross_amount_group > limit", false},
		{"is_manual", "is_manual ?? false", false},
		{"present(is_manual) and is_manual", "is_manual", false},
		{"present(is_manual) and is_manual", "is_manual ?? false", true},
		{"is_manual or not is_manual", "true", false},
		{"country in [\"US\", \"DE\"]", "country == \"US\" or country == \"DE\"", true},
		{"(country ?? \"US\") in [\"US\", \"DE\"]", "country in [\"US\", \"DE\"]", false},
		{"country in contract.parties", "company_code in contract.parties", false},
		{"is_manual or country in contract.parties", "is_manual or country in contract.parties and not (country in contract.parties)", false},
		{"is_manual and country in contract.parties", "is_manual and country in contract.parties", true},
		{"\"ACME\" in contract.parties", "\"OTHER\" in contract.parties", false},
	} {
		a, b := compile(t, env, c.a), compile(t, env, c.b)
		if got := dialect.Equivalent([]*dialect.Program{a}, []*dialect.Program{b}, nil); got != c.want {
			t.Errorf("%s and %s: equivalent %t, want %t", c.a, c.b, got, c.want)
		}
	}
}

// TestCanon: the texts of two conditions are equal only if their form is. Rules whose
// texts are equal are reported as one rule written twice.
func TestCanon(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct {
		a, b  string
		equal bool
	}{
		{"is_manual and country == \"US\"", "country == \"US\" and is_manual", true},
		{"is_manual or country == \"US\"", "country == \"US\" or is_manual", true},
		{"is_manual or country == \"US\"", "country == \"US\" and is_manual", false},
		{"gross_amount_group >= limit", "limit <= gross_amount_group", true},
		{"gross_amount_group >= limit", "gross_amount_group <= limit", false},
		{"fiscal_period > 2", "2 < fiscal_period", true},
		{"fiscal_period > 2", "fiscal_period > 3", false},
		{"country in [\"US\", \"DE\"]", "country in [\"US\", \"FR\"]", false},
		{"country in [\"US\", \"DE\"]", "country in [\"US\"]", false},
		{"fiscal_period in [1, 2]", "fiscal_period in [1, 3]", false},
		{"country matches \"^U\"", "country matches \"^V\"", false},
		{"any(lines, .account_class == \"asset\")", "any(lines, .account == \"4\")", false},
		{"any(lines, .account_class == \"asset\")", "all(lines, .account_class == \"asset\")", false},
		{"any(lines, is_manual)", "any(lines, not is_manual)", false},
	} {
		if a, b := compile(t, env, c.a).Canon(), compile(t, env, c.b).Canon(); (a == b) != c.equal {
			t.Errorf("%s and %s: %s and %s, want them equal: %t", c.a, c.b, a, b, c.equal)
		}
	}
}
