package dialect_test

import (
	"strings"
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestEveryKind runs what works on any kind of value over all of them.
func TestEveryKind(t *testing.T) {
	env := environment(t, event.Ledger)
	fields := map[string][2]string{ // two fields of a kind, with their values
		"is_manual=false":                {"balanced=true", "false"},
		"country=FR":                     {"company_code=US", "FR"},
		"contract.parties=a,b":           {"", "a, b"},
		"fiscal_year=2026":               {"fiscal_period=11", "2026"},
		"gross_amount_group=1":           {"net_income_effect_group=-2", "1 USD"},
		"debt.rate=0.05":                 {"contingency.probability=0.5", "5%"},
		"posting_date=2026-11-23":        {"document_date=2026-11-20", "2026-11-23"},
		"posted_at=2026-11-23T10:00:00Z": {"entered_at=2026-11-20T10:00:00Z", "2026-11-23T10:00:00Z"},
	}
	for first, rest := range fields {
		a, _, _ := strings.Cut(first, "=")
		b, _, _ := strings.Cut(rest[0], "=")
		pairs := []string{first, "is_reversal=true"}
		if b == "" {
			b = a
		} else {
			pairs = append(pairs, rest[0])
		}
		env.Lets = []dialect.Let{{Name: "named", Program: compile(t, env, a)}}
		full, empty := ledgerScope(t, pairs...), ledgerScope(t, pairs[1:]...)
		for _, c := range []struct {
			text, want string
			scope      *dialect.Scope
		}{
			{a, rest[1], full}, {a, "missing", empty},
			{"named", rest[1], full}, {"named", "missing", empty},
			{"present(named)", "true", full}, {"present(named)", "false", empty}, {"missing(named)", "true", empty},
			{a + " ?? " + b, rest[1], full},
			{"is_reversal ? " + a + " : " + b, rest[1], full}, {"not is_reversal ? " + b + " : " + a, rest[1], full},
			{"is_estimate ? " + a + " : " + b, "missing", full},
		} {
			v := compile(t, env, c.text).Eval(c.scope)
			if got := v.String(); got != c.want {
				t.Errorf("%s with %s is %s, want %s", c.text, first, got, c.want)
			}
		}
	}
	s := ledgerScope(t, "fiscal_year=2026", "fiscal_period=11", "debt.rate=0.05", "contingency.probability=0.5", "posting_date=2026-11-23", "document_date=2026-11-20",
		"posted_at=2026-11-23T10:00:00Z", "entered_at=2026-11-20T10:00:00Z", "attachment_count=-9", "total_debit_functional=5", "functional_currency=JPY", "lines", "amount_transaction=7")
	for text, want := range map[string]string{
		"min(fiscal_year, fiscal_period)":           "11",
		"max(debt.rate, contingency.probability)":   "50%",
		"min(posting_date, document_date)":          "2026-11-20",
		"max(posted_at, entered_at)":                "2026-11-23T10:00:00Z",
		"max(posted_at, source_changed_at)":         "missing",
		"min(four_hours, week)":                     "4h",
		"ratio(debt.rate, contingency.probability)": "0.1",
		"pct_of(fiscal_period, fiscal_year) < 0.01": "true",
		"ratio(posted_at - entered_at, week) < 1":   "true",
		"abs(attachment_count)":                     "9",
		"abs(entered_at - posted_at)":               "3 days",
		"entered_at - posted_at":                    "-3 days",
		"-debt.rate":                                "-5%",
		"-(posted_at - entered_at)":                 "-3 days",
		"debt.rate - contingency.probability":       "-45%",
		"posted_at - week":                          "2026-11-16T10:00:00Z",
		"four_hours - week":                         "-164h",
		"total_debit_functional":                    "5 JPY",
		"total(lines, .amount_transaction)":         "7 (transaction currency)",
		"limit":                                     "5000000 USD",
		"text(company_code)":                        "missing",
		"posted_at + (most * four_hours)":           "failed",
		"-(-most - 1)":                              "failed",
		"abs(-most - 1) > fiscal_year":              "failed",
		"ratio(huge, small) > debt.rate":            "failed",
		"types":                                     "sale, lease",
		"flag == (fiscal_year > 3)":                 "true",
		"(fiscal_year > 3) != flag":                 "false",
		"0 < posted_at - entered_at":                "true",
		"total_debit_functional >= 0":               "true",
		"fx_rate ?? 1":                              "1",
		"contract.total_value_group ?? limit ?? 0":  "5000000 USD",
	} {
		v := compile(t, env, text).Eval(s)
		if got := v.String(); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}

// TestNumber: a value is a number in its unit where that is exact.
func TestNumber(t *testing.T) {
	env := environment(t, event.Ledger)
	s := ledgerScope(t, "fiscal_year=2026", "debt.rate=0.05", "contingency.probability=0.0000000001", "posting_date=2026-11-23",
		"posted_at=2026-11-23T10:00:00Z", "entered_at=2026-11-20T10:00:00.000001Z", "attachment_count=-9", "is_manual=true", "country=12",
		"gross_amount_group=12345678901234567890123456789.123456789", "total_debit_functional=5", "lines", "amount_transaction=7")
	for text, want := range map[string]string{
		"gross_amount_group":                "12345678901234567890123456789.123456789 USD",
		"total_debit_functional":            "5 functional currency",
		"total(lines, .amount_transaction)": "7 transaction currency",
		"limit":                             "5000000 USD",
		"fiscal_year":                       "2026 ",
		"attachment_count":                  "-9 count",
		"debt.rate":                         "0.05 fraction",
		"-debt.rate":                        "-0.05 fraction",
		"contingency.probability":           "none", // ten decimals
		"four_hours":                        "14400 seconds",
		"posted_at - entered_at":            "259199.999999 seconds",
		"posting_date":                      "none",
		"posted_at":                         "none",
		"is_manual":                         "none",
		"country":                           "none", // a text, though of digits
		"net_income_effect_group":           "none", // missing
		"posted_at + (most * four_hours)":   "none", // failed
	} {
		v := compile(t, env, text).Eval(s)
		got := "none"
		if n, unit, ok := v.Number(); ok {
			got = n.String() + " " + unit
		}
		if got != want {
			t.Errorf("%s is %q, want %q", text, got, want)
		}
	}
}

// TestFunctionReference: every function is documented, and its signature is
// that of a call.
func TestFunctionReference(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range dialect.Functions() {
		if seen[f.Name] || !strings.HasPrefix(f.Signature, f.Name+"(") || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%+v", f)
		}
		seen[f.Name] = true
	}
	if len(seen) < 15 {
		t.Errorf("%d functions", len(seen))
	}
}

// TestZonesAreChecked: a zone that does not exist is a mistake of the rule, and not of
// each event.
func TestZonesAreChecked(t *testing.T) {
	env := environment(t, event.Ledger)
	for f, kind := range map[string]dialect.Kind{"date_of": dialect.Date, "hour_of": dialect.Int, "local_time": dialect.Duration, "day_of_week": dialect.Text} {
		if got := codes(env, f+"(posted_at, \"Europe/Berlin\")", kind); got != "" {
			t.Errorf("%s in Berlin: %s", f, got)
		}
		if got := codes(env, f+"(posted_at, \"Europe/Bern\")", kind); got == "" {
			t.Errorf("%s in a zone that does not exist: no mistake", f)
		}
	}
}
