package dialect_test

import (
	"strings"
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestLineCurrency: a line's amount is in the line's own currency, or, where the
// line names none, in the event's. Amounts in two currencies never meet: what
// would add or compare them is unknown.
func TestLineCurrency(t *testing.T) {
	env := environment(t, event.Ledger)
	const (
		mixed  = "lines debit_credit=D currency=EUR amount_transaction=5000000 lines debit_credit=C currency=EUR amount_transaction=3000000 lines debit_credit=C currency=JPY amount_transaction=2000000"
		alike  = "lines currency=EUR amount_transaction=4 lines currency=EUR amount_transaction=6"
		header = "transaction_currency=EUR lines amount_transaction=400 lines currency=EUR amount_transaction=600"
		odd    = "transaction_currency=EUR lines amount_transaction=400 lines currency=JPY amount_transaction=600"
		none   = "lines amount_transaction=4 lines amount_transaction=6"
	)
	for _, c := range []struct{ text, fields, want string }{
		{"total(lines, .amount_transaction)", mixed, "missing"},
		{"total(lines, .amount_transaction)", alike, "10 EUR"},
		{"total(lines, .amount_transaction)", header, "1000 EUR"},
		{"total(lines, .amount_transaction)", odd, "missing"},
		{"total(lines, .amount_transaction)", none, "10 (transaction currency)"},
		{"total(lines, .amount_transaction)", "transaction_currency=EUR lines=none", "0 EUR"},
		{"total(lines, .amount_transaction, .currency == \"EUR\")", mixed, "8000000 EUR"},
		{"total(lines, .amount_transaction, .currency == \"EUR\" and .debit_credit == \"D\") - total(lines, .amount_transaction, .currency == \"EUR\" and .debit_credit == \"C\")", mixed, "2000000 EUR"},
		{"total(lines, .amount_transaction, .currency == \"EUR\") + total(lines, .amount_transaction, .currency == \"JPY\")", mixed, "missing"},
		{"total(lines, .amount_transaction, .currency == \"EUR\") > total(lines, .amount_transaction, .currency == \"JPY\")", mixed, "missing"},
		{"max(total(lines, .amount_transaction, .currency == \"EUR\"), total(lines, .amount_transaction, .currency == \"JPY\"))", mixed, "missing"},
		{"ratio(total(lines, .amount_transaction, .currency == \"EUR\"), total(lines, .amount_transaction, .currency == \"JPY\"))", mixed, "missing"},
		{"ratio(total(lines, .amount_transaction, .debit_credit == \"D\"), total(lines, .amount_transaction, .currency == \"EUR\"))", mixed, "0.625"},
		{"total(lines, .amount_transaction, .currency == \"EUR\") % euros", mixed, "0 EUR"},
		{"total(lines, .amount_transaction, .currency == \"EUR\") > euros", mixed, "true"},
		{"euros < total(lines, .amount_transaction, .currency == \"EUR\")", mixed, "true"},
		{"total(lines, .amount_transaction, .currency == \"JPY\") > euros", mixed, "missing"},
		{"total(lines, .amount_transaction, .currency == \"JPY\") > 0", mixed, "true"},
		{"0 < total(lines, .amount_transaction)", mixed, "missing"},
		{"2 * total(lines, .amount_transaction, .currency == \"JPY\")", mixed, "4000000 JPY"},
		{"-total(lines, .amount_transaction, .currency == \"JPY\")", mixed, "-2000000 JPY"},
		{"any(lines, .amount_transaction > euros)", mixed, "true"},
		{"any(lines, .currency == \"EUR\" and .amount_transaction > 5_000_000 * euros)", mixed, "false"},
		{"all(lines, .amount_transaction > euros)", mixed, "missing"},
		{"count(lines, .currency != \"EUR\")", mixed, "1"},
		{"any(lines, .amount_transaction >= euros)", none, "missing"},
		{"any(lines, .amount_transaction >= euros)", odd, "true"},
		{"all(lines, .amount_transaction >= euros)", odd, "missing"},
		{"total(lines, .amount_transaction) >= euros", header, "true"},
		{"total(lines, .amount_transaction) >= euros", none, "missing"},
		{"total(lines, .amount_transaction, .debit_credit == \"D\") == total(lines, .amount_transaction, .debit_credit == \"C\")", "lines debit_credit=D amount_transaction=7 lines debit_credit=C amount_transaction=7", "true"},
		{"(total(lines, .amount_transaction) ?? euros) > 0", mixed, "true"},
	} {
		v := compile(t, env, c.text).Eval(ledgerScope(t, strings.Fields(c.fields)...))
		if got := v.String(); got != c.want {
			t.Errorf("%s with %s is %s, want %s", c.text, c.fields, got, c.want)
		}
	}
	for text, want := range map[string]string{
		"total(lines, .amount_transaction) > 0":                               "one currency in lines.amount_transaction",
		"total(lines, .amount_transaction, .currency == \"JPY\") > euros":     "an amount in EUR",
		"any(lines, .currency == \"JPY\" and .amount_transaction > euros)":    "an amount in EUR",
		"all(lines, .currency == \"EUR\" or .amount_transaction * 1 > euros)": "an amount in EUR",
	} {
		s := ledgerScope(t, strings.Fields(mixed)...)
		p := compile(t, env, text)
		if got := p.Test(s); got != dialect.Unknown {
			t.Errorf("%s is %s, want unknown", text, got)
		}
		if got := strings.Join(p.Missing(s), " "); got != want {
			t.Errorf("%s lacks %s, want %s", text, got, want)
		}
	}
}
