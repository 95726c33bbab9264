package dialect_test

import (
	"strings"
	"testing"

	"tocsin/rules/diag"
	"tocsin/rules/diag/diagtest"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// remedied compiles an expression with one mistake and returns its message and
// remedy, under the part that it underlines.
func remedied(t *testing.T, env *dialect.Env, expression string) string {
	t.Helper()
	_, mistakes := dialect.Compile(dialect.Source{File: "r.yaml", FileText: expression, Line: 1, Column: 1, Text: expression}, env, dialect.Bool)
	return shown(t, mistakes)
}

func shown(t *testing.T, mistakes diag.List) string {
	t.Helper()
	diagtest.Complete(t, mistakes)
	var all []string
	for _, m := range mistakes {
		runes := []rune(m.Source)
		part := string(runes[m.Column-1 : m.Column-1+m.Width])
		all = append(all, part+" | "+m.Message+" | "+m.Hint)
	}
	return strings.Join(all, "\n")
}

// TestForeignWords: what another language has gets one message, at its place, with
// what to write here.
func TestForeignWords(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct{ expression, want string }{
		{"attachment_count between 1 and 5", "between | \"between\" is not part of the rule language | write attachment_count >= 1 and attachment_count <= 5"},
		{"is_manual and contract.total_value_group BETWEEN limit AND 2 * limit", "BETWEEN | \"BETWEEN\" is not part of the rule language | write x >= low and x <= high"},
		{"len(contract.parties) between 1 and 5 or is_manual", "between | \"between\" is not part of the rule language | write len(contract.parties) >= 1 and len(contract.parties) <= 5"},
		{"attachment_count not between 1 and 5", "between | \"between\" is not part of the rule language | write attachment_count < 1 or attachment_count > 5"},
		{"between 1 and 5", "between | \"between\" is not part of the rule language | write x >= low and x <= high"},
		{`description like "%refund%"`, `like | "like" is not part of the rule language | write contains "refund" in place of like "%refund%"`},
		{`description LIKE 'refund%'`, `LIKE | "LIKE" is not part of the rule language | write startsWith "refund" in place of LIKE 'refund%'`},
		{`description not like "%refund"`, `like | "like" is not part of the rule language | write endsWith "refund" in place of like "%refund"`},
		{`description like "refund"`, `like | "like" is not part of the rule language | write == "refund" in place of like "refund"`},
		{`description not like "refund"`, `like | "like" is not part of the rule language | write != "refund" in place of not like "refund"`},
		{`description like "a%b_c"`, `like | "like" is not part of the rule language | write contains, startsWith or endsWith with a text, or matches with a pattern (RE2)`},
		{`description starts with "a"`, "starts | \"starts\" is not part of the rule language | write startsWith, in one word"},
		{`description ends with "a"`, "ends | \"ends\" is not part of the rule language | write endsWith, in one word"},
		{`description includes "a"`, "includes | \"includes\" is not part of the rule language | write contains"},
		{`country equals "US"`, "equals | \"equals\" is not part of the rule language | write =="},
		{"country is null", "is | \"is\" is not part of the rule language | write missing(country)"},
		{"country is not null", "is | \"is\" is not part of the rule language | write present(country)"},
		{"not (country IS NOT NULL)", "IS | \"IS\" is not part of the rule language | write present(country)"},
		{"is_manual is true", "is | \"is\" is not part of the rule language | write == or !="},
		{`country is not "US"`, "is | \"is\" is not part of the rule language | write == or !="},
		{"if is_manual then balanced", "if | \"if … then\" is not part of the rule language | join conditions with and: is_manual and balanced; a value is written condition ? a : b"},
		{"if is_manual then balanced else incomplete", "if | \"if … then … else\" is not part of the rule language | write is_manual ? balanced : incomplete"},
		{"IF is_manual THEN balanced ELSE incomplete", "IF | \"IF … THEN … ELSE\" is not part of the rule language | write is_manual ? balanced : incomplete"},
		{"case when is_manual then balanced end", "case | \"case … when\" is not part of the rule language | write condition ? a : b"},
		{`country in ("US", "DE")`, `("US", "DE") | a list stands in square brackets | write in ["US", "DE"]`},
		{"country in (US, DE)", `(US, DE) | a list stands in square brackets | write in ["US", "DE"]`},
		{`country not in ("US", "DE") and is_manual`, `("US", "DE") | a list stands in square brackets | write in ["US", "DE"]`},
		{"attachment_count IN (1, 2)", "IN | IN cannot stand here | write in in small letters"},
		{`country in ("US")`, `in | in needs a text and a list of texts, not a text and a text | write x in ["a", "b"], or "a" in a list of texts`},
		{"gross_amount_group > 12% of materiality.revenue_ttm", "12% of | 12% of cannot stand here | write it as a param, share: 12%, and share * x for 12% of x"},
		{"12 % of materiality.revenue_ttm < gross_amount_group", "12 % of | 12 % of cannot stand here | write it as a param, share: 12%, and share * x for 12 % of x"},
		{"gross_amount_group > 12% of (materiality.revenue_ttm)", "12% of | 12% of cannot stand here | write it as a param, share: 12%, and share * x for 12% of x"},
		{"gross_amount_group > 7.5 percent of materiality.revenue_ttm", "7.5 percent | 7.5 percent cannot stand here | write it as a param, share: 7.5%, and share in its place"},
		{"gross_amount_group > share of materiality.revenue_ttm", "of | \"of\" is not part of the rule language | multiply: share * x"},
	} {
		if got := remedied(t, env, c.expression); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.expression, got, c.want)
		}
	}
}

// TestConstantsInExpressions: a constant that belongs into params gets the param
// that its author would write.
func TestConstantsInExpressions(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Params["plain"], _ = dialect.ParseConst(dialect.Source{Text: "1_000"})
	env.Params["decimal"], _ = dialect.ParseConst(dialect.Source{Text: "1000.50"})
	env.Params["quoted"] = dialect.TextConst("2026-01-31")
	amount := func(part, digits string) string {
		return part + " | " + part + " cannot stand here | write it as a param, limit: " + digits + ", and limit in its place"
	}
	day := func(part, date string) string {
		return part + " | " + part + " cannot stand here | write it as a param, day: " + date + ", and day in its place"
	}
	either := func(part string) string {
		return part + " | " + part + " cannot stand here | write the date as a param, year first, as day: 2026-01-31, and day in its place"
	}
	for _, c := range []struct{ expression, want string }{
		{"gross_amount_group > $1000", amount("$1000", "USD 1000")},
		{"gross_amount_group > $1,000 and is_manual", amount("$1,000", "USD 1_000")},
		{"gross_amount_group > $ 1,000,000.50", amount("$ 1,000,000.50", "USD 1_000_000.50")},
		{"gross_amount_group > US$1000", amount("US$1000", "USD 1000")},
		{"gross_amount_group > 1000$", amount("1000$", "USD 1000")},
		{"contract.total_value_group > €1.000,50", amount("€1.000,50", "EUR 1_000.50")},
		{"contract.total_value_group > £5", amount("£5", "GBP 5")},
		{"gross_amount_group > USD 5,000,000", amount("USD 5,000,000", "USD 5_000_000")},
		{"gross_amount_group > 5.000.000 USD", amount("5.000.000 USD", "USD 5_000_000")},
		{"gross_amount_group > USD 5 million and is_manual", amount("USD 5 million", "USD 5_000_000")},
		{"gross_amount_group > $5m", amount("$5m", "USD 5_000_000")},
		{"gross_amount_group > 1.5 million USD", amount("1.5 million USD", "USD 1_500_000")},
		{"posted_at - entered_at > 5m", "5m | 5m cannot stand here | write it as a param, longest: 5m, and longest in its place"},
		{"attachment_count > 5k", "5k | 5k cannot stand here | write 5_000; " + "groups of three digits may have _ between them, and a decimal mark is a point"},
		{"attachment_count > 1,000", "1,000 | 1,000 cannot stand here | write 1_000; " + "groups of three digits may have _ between them, and a decimal mark is a point"},
		{"posting_date > 2026-11-23", day("2026-11-23", "2026-11-23")},
		{"posting_date > 2026-09-08 and incomplet", day("2026-09-08", "2026-09-08") + "\nincomplet | unknown field \"incomplet\" | did you mean incomplete?"},
		{"posting_date > 2026-1-5", day("2026-1-5", "2026-01-05")},
		{"posting_date > 2026/11/23", day("2026/11/23", "2026-11-23")},
		{"posting_date > 2026.11.23", day("2026.11.23", "2026-11-23")},
		{"posting_date > 11/23/2026", day("11/23/2026", "2026-11-23")},
		{"posting_date > 23.11.2026", day("23.11.2026", "2026-11-23")},
		{"posting_date > 23-11-2026", day("23-11-2026", "2026-11-23")},
		{"posting_date > 11/12/2026 and is_manual", either("11/12/2026")},
		{"posting_date > 2026-02-30", either("2026-02-30")},
		{"posted_at > 2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z | 2026-11-23T10:00:00Z cannot stand here | write it as a param, moment: 2026-11-23T10:00:00Z, and moment in its place"},
		{"posted_at > 2026-11-23 10:00", "2026-11-23 10:00 | 2026-11-23 10:00 cannot stand here | write date, time and offset as a param, as moment: 2026-01-31T17:30:00-05:00, and moment in its place"},
		{"gross_amount_group > plain", "plain | the param plain is a number without a currency, next to an amount in group currency | write plain: USD 1_000 under params"},
		{"gross_amount_group > -plain", "-plain | the number -plain next to an amount needs a currency | write it as a param with its currency, limit: USD -1000"},
		{"gross_amount_group > decimal", "decimal | the param decimal is a number without a currency, next to an amount in group currency | write decimal: USD 1000.50 under params, or multiply a base: decimal * materiality.revenue_ttm"},
		{"gross_amount_group > share", "share | a percentage next to an amount in group currency | take the percentage of a base first: share * materiality.revenue_ttm"},
		{"posted_at - entered_at > plain", "plain | the param plain is a number next to a duration, and has no unit of time | write plain: 1_000 days under params, or h, min or s"},
		{"debt.rate > plain", "plain | a percentage is a fraction here, so 1000 would be 100000% | write plain: 1_000% under params"},
		{"posting_date > quoted", "quoted | a text cannot go together with a date in > | write quoted without quotes under params: quoted: 2026-01-31"},
	} {
		if got := remedied(t, env, c.expression); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.expression, got, c.want)
		}
	}
}

// TestParamsAsPeopleWriteThem: the remedy is the author's own value, in the form
// that params have.
func TestParamsAsPeopleWriteThem(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"USD 1,000", "write USD 1_000"},
		{"USD 1,000,000.50", "write USD 1_000_000.50"},
		{"USD 612.000,00", "write USD 612_000.00"},
		{"USD 1_00_000", "write USD 100_000"},
		{"USD 5 000", "write USD 5_000"},
		{"$1,000", "write USD 1_000"},
		{"€ 5", "write EUR 5"},
		{"1,000 USD", "write USD 1_000"},
		{"USD 5 million", "write USD 5_000_000"},
		{"$1.5bn", "write USD 1_500_000_000"},
		{"5 million", "write the digits: 5_000_000, or USD 5_000_000"},
		{"1.5 million", "write 1_500_000; groups of three digits may have _ between them, and a decimal mark is a point"},
		{"500 USD", "write USD 500"},
		{"1,000", "write 1_000; groups of three digits may have _ between them, and a decimal mark is a point"},
		{"11/23/2026", "write year, month and day: 2026-11-23"},
		{"31.12.2026", "write year, month and day: 2026-12-31"},
		{"03/02/2026", "write year, month and day: 2026-01-31"},
		{"2026-1-5", "write year, month and day: 2026-01-05"},
		{"2026-01-31T17:30", "write date, time and offset: 2026-01-31T17:30:00-05:00"},
		{"5 percent", "write 5%"},
		{"1,5%", "write 1.5%"},
	} {
		_, mistakes := dialect.ParseConst(dialect.Source{File: "r.yaml", FileText: c.text, Line: 1, Column: 1, Text: c.text})
		if len(mistakes) != 1 || mistakes[0].Hint != c.want {
			t.Errorf("%s: %s, want = %s", c.text, shown(t, mistakes), c.want)
		}
	}
}

// TestUnknownGroupCurrency: where the pack does not name its currency, which is
// reported there, no amount is to blame.
func TestUnknownGroupCurrency(t *testing.T) {
	env := environment(t, event.Ledger)
	env.GroupCurrency = ""
	if got := remedied(t, env, "gross_amount_group > limit and contract.total_value_group > euros"); got != "" {
		t.Error(got)
	}
	if got := remedied(t, env, "limit > euros and is_manual"); !strings.Contains(got, "mixed currencies") {
		t.Errorf("two currencies: %q", got)
	}
}
