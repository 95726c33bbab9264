package dialect_test

import (
	"strings"
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestTraps goes through the traps of expr one by one: each is refused, or has
// the value that the language documents. expr's answer stands beside it.
func TestTraps(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct{ trap, text, fields, want string }{
		{"1.00 and 1.0 are not equal", "gross_amount_group == net_income_effect_group", "gross_amount_group=1.00 net_income_effect_group=1.0", "true"},
		{"an amount is not in a list of its equals", "gross_amount_group in [limit]", "", "E204"},
		{"a plain number meets an amount", "gross_amount_group >= 5", "", "E206"},
		{"a sum of amounts fails when it runs", "sum(lines, .amount_group) > limit", "", "E202"},
		{"the sum that is exact instead", "total(lines, .amount_group)", "lines amount_group=0.1 lines amount_group=0.2", "0.3 USD"},
		{"a fold over amounts", "reduce(lines, #acc + .amount_group, 0) > limit", "", "E202"},
		{"0.1 + 0.2 is not 0.3", "debt.rate == 0.1 + 0.2", "debt.rate=0.3", "true"},
		{"17 digits become 16", "12345678901234567.89 == debt.rate", "debt.rate=12345678901234568", "false"},
		{"integers wrap", "most + attachment_count < 0", "attachment_count=1", "failed"},
		{"n / 0 is more than 1", "attachment_count / 0 > 1", "", "E215"},
		{"the quotient by zero instead", "ratio(attachment_count, lines_expected) > 1", "attachment_count=1 lines_expected=0", "missing"},
		{"n % 0 stops the program", "attachment_count % 0 == 1", "attachment_count=1", "failed"},
		{"a missing number stops the program", "debt.rate > 1.0", "", "missing"},
		{"a name that does not exist", "debt.zz > 1", "", "E201"},
		{"what is missing differs from everything", "country != \"x\"", "", "missing"},
		{"and begins with nothing", "not (country startsWith \"a\")", "", "missing"},
		{"a value of no type is false", "country", "", "missing"},
		{"a chain of comparisons", "1 < attachment_count < 5", "attachment_count=4", "true"},
		{"?? beside a comparison", "country ?? 0 > 1", "", "E200"},
		{"predicates in predicates take minutes", "any(lines, any(lines, any(lines, .account == \"x\")))", "", "E211"},
		{"a range of two million", "len(1..2000000) > 1", "", "E210"},
		{"a builtin that was switched off", "filter(lines, .account == \"x\")", "", "E202"},
		{"the environment itself", "$env.country == \"x\"", "", "E210"},
		{"a pattern from the event", "country matches company_code", "", "E212"},
		{"the clock", "now() > posted_at", "", "E202"},
	} {
		if got := codes(env, c.text, dialect.Any); got != "" || strings.HasPrefix(c.want, "E") {
			if got != c.want {
				t.Errorf("%s: %s: %q, want %q", c.trap, c.text, got, c.want)
			}
			continue
		}
		v := compile(t, env, c.text).Eval(ledgerScope(t, strings.Fields(c.fields)...))
		if got := v.String(); got != c.want {
			t.Errorf("%s: %s with %s is %s, want %s", c.trap, c.text, c.fields, got, c.want)
		}
	}
}

// TestRefused lists what must not compile, with its code. The first group are
// the traps of expr itself.
func TestRefused(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "big_line", Program: compile(t, env, "any(lines, .amount_group > limit)")}, {Name: "broken"}}
	for _, c := range []struct{ text, want string }{
		{"gross_amount_group in [limit]", "E204"},
		{"gross_amount_group >= 5", "E206"},
		{"5 <= gross_amount_group", "E206"},
		{"gross_amount_group >= 5.0", "E206"},
		{"sum(lines, .amount_group) > limit", "E202"},
		{"reduce(lines, #acc + .amount_group, 0) > limit", "E202"},
		{"attachment_count / 0 > 1", "E215"},
		{"gross_amount_group / 2 > limit", "E215"},
		{"debt.zz > 1", "E201"},
		{"country == nil", "E210"},
		{"country ?? 0 > 1", "E200"},
		{"any(lines, any(lines, any(lines, .account == \"x\")))", "E211"},
		{"any(lines, total(lines, .amount_group) > limit)", "E211"},
		{"total(lines, .amount_group, count(lines, true) > 1) > limit", "E211"},
		{"any(lines, big_line)", "E211"},
		{"len(1..2000000) > 1", "E210"},
		{"attachment_count in 1..3", "E210"},
		{"1 in 1..3", "E210"},
		{"sum([1, 2]) > attachment_count", "E202 E210"},
		{"now() > posted_at", "E202"},
		{"$env.country == \"x\"", "E210"},
		{"$env[\"country\"] == \"x\"", "E210"},
		{"country matches company_code", "E212"},
		{"country matches \"(?=x)\"", "E212"},
		{"filter(lines, .account == \"x\")", "E202"},
		{"map(lines, .account)", "E202"},
		{"sort(contract.parties)", "E202"},
		{"sortBy(lines, .account)", "E202"},
		{"lines | filter(.account == \"x\")", "E202"},
		{"lines | total(.amount_group)", "E200"},
		{"let x = 1; attachment_count > x", "E210"},
		{"is_manual; is_manual", "E210"},
		{"country[0] == \"x\"", "E210"},
		{"country[0:1] == \"x\"", "E210"},
		{"contract?.contract_id == \"x\"", "E210"},
		{"contract[\"contract_id\"] == \"x\"", "E210"},
		{"lines[0].account == \"x\"", "E210"},
		{"country.lower() == \"x\"", "E210"},
		{"{\"a\": 1}", "E210"},
		{"[1, 2]", "E210"},
		{"b\"x\" == country", "E210"},
		{"if is_manual { true } else { false }", "E210"},
		{"#", "E200"},
		{".account == \"x\"", "E200"},
		{"any(lines, # == \"x\")", "E217"},
		{"any(lines, #index == 1)", "E210"},
		{"any(contract.parties, .account == \"x\")", "E217"},
		{"attachment_count ** 2 > 1", "E210"},
		{"+attachment_count > 1", "E210"},
		{"::country", "E200"},

		// Units and currencies.
		{"gross_amount_group > total_debit_functional", "E205"},
		{"min(gross_amount_group, total_debit_functional) > limit", "E205"},
		{"gross_amount_group > euros", "E205"},
		{"limit > euros", "E205"},
		{"gross_amount_group + share > limit", "E207"},
		{"gross_amount_group > share", "E207"},
		{"debt.rate > 5", "E207"},
		{"equity.shares > attachment_count", "E207"},
		{"gross_amount_group * gross_amount_group > limit", "E204"},
		{"share * share > debt.rate", "E204"},
		{"attachment_count > four_hours", "E207"},
		{"posted_at - entered_at > 14400", "E207"},
		{"business_days_between(document_date, posting_date) > week", "E207"},
		{"posted_at > posting_date", "E204"},
		{"created_by == company_code", "E207"},
		{"company_code == created_by", "E207"},
		{"created_by == posted_by and created_by != \"batch\" and lower(created_by) == lower(posted_by) and (approved_by ?? \"\") == created_by", ""},
		{"posting_date > \"2026-01-01\"", "E204"},
		{"posting_date - document_date > week", "E204"},
		{"gross_amount_group == \"5\"", "E204"},
		{"country == 5", "E204"},
		{"fiscal_year == \"2026\"", "E204"},
		{"country > \"A\"", "E204"},
		{"is_manual > false", "E204"},
		{"lines == lines", "E204"},
		{"not contract.contract_type == word", "E204"},
		{"country and is_manual", "E204"},
		{"is_manual ? 1 : \"a\"", "E204"},
		{"country ? 1 : 2", "E204"},
		{"is_manual ?? 0", "E204"},
		{"contract.parties contains \"x\"", "E204"},
		{"attachment_count contains \"x\"", "E204"},
		{"country in attachment_count", "E204"},
		{"country in [attachment_count]", "E204"},
		{"country in [1]", "E204"},
		{"country in []", "E216"},
		{"-country == \"x\"", "E204"},
		{"country - country == \"x\"", "E204"},
		{"share % 2 > 1", "E204"},

		// Words, names, numbers, constants.
		{"contract.contract_type == \"leese\"", "E209"},
		{"\"leese\" == contract.contract_type", "E209"},
		{"contract.contract_type in [\"sale\", \"leese\", \"x\"]", "E209 E209"},
		{"contract.contract_type in wrong_types", "E209"},
		{"contract.contract_type ?? \"x\"", "E209"},
		{"day_of_week(posting_date) == \"Sunday\"", "E209"},
		{"contract == \"x\"", "E201"},
		{"materiality.revenue > limit", "E201"},
		{"any(lines, .acount == \"x\")", "E201"},
		{"any(lines, .country == \"x\")", "E201"},
		{"attachment_count > 9223372036854775808", "E213"},
		{"attachment_count > 0x10", "E213"},
		{"attachment_count > 1_00_000", "E213"},
		{"debt.rate > 1e-3", "E213"},
		{"debt.rate > 0.0000000000000000001", "E213"},
		{"debt.rate > .5", "E213"},
		{"1 < 2", "E216"},
		{"word == \"sale\"", "E216"},
		{"5 ?? 6", "E216"},
		{"frobnicate(country)", "E202"},
		{"ratio(gross_amount_group)", "E203"},
		{"ratio(country, country)", "E203 E203"},
		{"min(attachment_count)", "E203"},
		{"count(lines)", "E203"},
		{"any(country, # == \"x\")", "E203"},
		{"any(lines, .account)", "E203"},
		{"total(lines)", "E203"},
		{"total(lines, .account)", "E203"},
		{"total(lines, 5)", "E203"},
		{"total(lines, .amount_group, .account)", "E203"},
		{"total(lines, , true)", "E200"},
		{"total(lines, .amount_group).x", "E210"},
		{"total(lines, .amount_group)(1)", "E210"},
		{"present(1)", "E203"},
		{"present(country == \"x\")", "E203"},
		{"date_of(posted_at, country)", "E203"},
		{"date_of(posted_at, \"Mars/Olympus\")", "E203"},
		{"date_of(posted_at, \"Local\")", "E203"},
		{"day_of_week(posting_date, \"UTC\")", "E203"},
		{"lines", "E208"},

		// All at once.
		{"contry == \"x\" and gross_amount_group > 5 and is_manual > true", "E201 E206 E204"},
		{"ratio(gros, 5) > nofield and frob(x1)", "E201 E201 E202 E201"},
		{"", "E200"}, {"   ", "E200"}, {"(", "E200"}, {"is_manual and", "E200"}, {"is_manual )", "E200"}, {"is_manual = true", "E200"},
		{"country == \"x", "E200"}, {"country == “x”", "E200"}, {"5% * materiality.revenue_ttm", "E200"}, {"gross_amount_group > USD 5", "E200"},
		{"is_manual AND balanced", "E200"}, {"attachment_count <> 5", "E200"}, {"attachment_count ≥ 5", "E200"}, {"total(lines, .x", "E200"},
		{"\xff == country", "E200"},
		{strings.Repeat("(", 4000) + "1", "E200"},
		{"is_manual" + strings.Repeat(" and is_manual", 400), "E214"},
		{"attachment_count > 1" + strings.Repeat("+1", 300), "E214"},
	} {
		if got := codes(env, c.text, dialect.Any); got != c.want {
			t.Errorf("%.80s: %q, want %q", c.text, got, c.want)
		}
	}
}

// TestBrokenParts: what stands on a let or a param with a mistake has no
// mistake of its own, and no program.
func TestBrokenParts(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "broken"}}
	env.Params["bad"] = dialect.Const{Text: "5 parsecs"}
	for _, text := range []string{"broken and is_manual", "gross_amount_group > bad", "attachment_count in [bad]", "any(lines, .amount_group > bad)"} {
		p, mistakes := dialect.Compile(dialect.Source{Text: text, Line: 1, Column: 1}, env, dialect.Bool)
		if p != nil || mistakes != nil {
			t.Errorf("%s: %v, %v", text, p, mistakes)
		}
	}
}

func TestWanted(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct {
		text string
		want dialect.Kind
		code string
	}{
		{"is_manual", dialect.Bool, ""}, {"country", dialect.Bool, "E208"}, {"country", dialect.Text, ""}, {"fiscal_year", dialect.Text, "E208"},
		{"text(fiscal_year)", dialect.Text, ""}, {"posted_at", dialect.Moment, ""}, {"posting_date", dialect.Moment, ""}, {"country", dialect.Moment, "E208"},
		{"gross_amount_group", dialect.Any, ""}, {"lines", dialect.Any, "E208"}, {"posted_at", dialect.Instant, ""}, {"posting_date", dialect.Instant, "E208"},
	} {
		if got := codes(env, c.text, c.want); got != c.code {
			t.Errorf("%s as %s: %q, want %q", c.text, c.want, got, c.code)
		}
	}
}

// TestCost: sharing in chained comparisons and in lets must not hide an
// exponential cost.
func TestCost(t *testing.T) {
	env := environment(t, event.Ledger)
	chain := "attachment_count"
	for range 40 {
		chain = "(1 < " + chain + " < 5 ? 1 : 2)"
	}
	if got := codes(env, chain+" > 1", dialect.Bool); got != "E214" {
		t.Errorf("a chain of chains: %q, want E214", got)
	}
	last := compile(t, env, "any(lines, .amount_group > limit) or is_manual")
	for i := range 40 {
		name := "l" + strings.Repeat("x", i)
		env.Lets = append(env.Lets, dialect.Let{Name: name, Program: last})
		p, mistakes := dialect.Compile(dialect.Source{Text: name + " and not " + name}, env, dialect.Bool)
		if mistakes != nil {
			if mistakes[0].Code != "E214" {
				t.Error(mistakes)
			}
			return
		}
		last = p
	}
	t.Error("lets that double 40 times compile")
}
