package dialect_test

import (
	"slices"
	"strings"
	"testing"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// TestMeaning holds each expression to its documented value.
func TestMeaning(t *testing.T) {
	env := environment(t, event.Ledger)
	for _, c := range []struct{ text, fields, want string }{
		// Money is compared as a number, whatever way it was written.
		{"gross_amount_group == net_income_effect_group", "gross_amount_group=1.00 net_income_effect_group=1.0", "true"},
		{"gross_amount_group > limit", "gross_amount_group=5000000", "false"},
		{"gross_amount_group >= limit", "gross_amount_group=5000000.000000000", "true"},
		{"gross_amount_group > limit", "gross_amount_group=5000000.000000001", "true"},
		{"gross_amount_group > 0", "gross_amount_group=0.000000001", "true"},
		{"0 < gross_amount_group", "gross_amount_group=0", "false"},
		{"gross_amount_group ?? 0", "", "0 USD"},
		{"gross_amount_group + small", "gross_amount_group=1", "1.01 USD"},
		{"gross_amount_group - net_income_effect_group", "gross_amount_group=1 net_income_effect_group=3", "-2 USD"},
		{"-gross_amount_group", "gross_amount_group=12", "-12 USD"},
		{"abs(net_income_effect_group)", "net_income_effect_group=-7.5", "7.5 USD"},
		{"2 * gross_amount_group", "gross_amount_group=0.000000001", "0.000000002 USD"},
		{"share * materiality.revenue_ttm", "", "10000000 USD"},
		{"(2 - 0.5) * gross_amount_group", "gross_amount_group=10", "15 USD"},
		{"min(share * materiality.revenue_ttm, tenth * materiality.total_assets)", "", "5000000 USD"},
		{"max(gross_amount_group, limit, 0)", "gross_amount_group=3", "5000000 USD"},
		{"gross_amount_group % limit", "gross_amount_group=12000000.01", "2000000.01 USD"},
		{"gross_amount_group % limit == 0", "gross_amount_group=10000000.00", "true"},
		{"gross_amount_group % limit", "gross_amount_group=-7000000", "-2000000 USD"},
		{"gross_amount_group % net_income_effect_group", "gross_amount_group=1 net_income_effect_group=0", "failed"},
		{"gross_amount_group + huge", "gross_amount_group=1", "failed"},
		{"gross_amount_group", "gross_amount_group=5 group_currency=EUR", "5 EUR"},
		// Rates are decimals, never floats.
		{"0.1 + 0.2 == debt.rate", "debt.rate=0.3", "true"},
		{"debt.rate == 12345678901234567.89", "debt.rate=12345678901234568", "false"},
		{"debt.rate > share", "debt.rate=0.050000000000000001", "true"},
		{"debt.covenant_headroom < 0", "debt.covenant_headroom=-0.01", "true"},
		{"debt.rate", "debt.rate=0.0525", "5.25%"},
		{"abs(debt.covenant_headroom)", "debt.covenant_headroom=-0.0001", "0.01%"},
		{"ratio(gross_amount_group, materiality.total_assets)", "gross_amount_group=1000000", "0.02"},
		{"pct_of(gross_amount_group, materiality.total_assets)", "gross_amount_group=1000000", "2%"},
		{"ratio(gross_amount_group, net_income_effect_group)", "gross_amount_group=1 net_income_effect_group=0", "missing"},
		{"ratio(gross_amount_group, net_income_effect_group)", "gross_amount_group=1 net_income_effect_group=-3", "-0.333333333333333333"},
		{"fx_rate > 3", "fx_rate=3.5", "true"},
		// Integers never wrap.
		{"most + attachment_count < 0", "attachment_count=1", "failed"},
		{"attachment_count * most > 0", "attachment_count=2", "failed"},
		{"attachment_count % 0", "attachment_count=2", "failed"},
		{"attachment_count % 3", "attachment_count=5", "2"},
		{"1 < attachment_count < 5", "attachment_count=5", "false"},
		{"1 < attachment_count < 5", "attachment_count=4", "true"},
		{"attachment_count in [1, 2, 3]", "attachment_count=3", "true"},
		{"attachment_count not in [1, 2, 3]", "attachment_count=3", "false"},
		{"fiscal_period == 1_000", "fiscal_period=1000", "true"},
		{"-attachment_count", "attachment_count=3", "-3"},
		// Text.
		{"contract.contract_type in types", "contract.contract_type=lease", "true"},
		{"contract.contract_type in [\"sale\", \"lease\"]", "contract.contract_type=ppe", "false"},
		{`country in ["a","b","c","d","e","f","g","h","i","j"]`, "country=j", "true"},
		{`country in ["a","b","c","d","e","f","g","h","i","j"]`, "country=k", "false"},
		{"\"ACME\" in contract.parties", "contract.parties=X,ACME", "true"},
		{"contract.contract_type == word", "contract.contract_type=sale", "true"},
		{"contract.contract_id matches pattern", "contract.contract_id=CT-12", "true"},
		{"contract.contract_id not matches \"^X\"", "contract.contract_id=CT-12", "true"},
		{"contract.contract_id contains \"T\" and contract.contract_id endsWith \"2\"", "contract.contract_id=CT-12", "true"},
		{"lower(company_code) startsWith \"us\"", "company_code=US01", "true"},
		{"company_code | lower()", "company_code=US01", "us01"},
		{"company_code + \"/\" + text(fiscal_year) + \"/\" + text(posting_date)", "company_code=1 fiscal_year=2026 posting_date=2026-01-31", "1/2026/2026-01-31"},
		{"len(company_code)", "company_code=äöü", "3"},
		{"len(contract.parties)", "contract.parties=a,b", "2"},
		{"company_code == \"\"", "company_code=", "true"},
		// Time.
		{"days_between(posting_date, document_date)", "posting_date=2026-11-25 document_date=2026-11-23", "-2 days"},
		{"days_between(document_date, posting_date) > week", "posting_date=2026-11-30 document_date=2026-11-23", "false"},
		{"days_between(document_date, posting_date) > week", "posting_date=2026-12-01 document_date=2026-11-23", "true"},
		{"days_between(entered_at, posted_at)", "entered_at=2026-11-23T12:00:00Z posted_at=2026-11-25T11:59:59Z", "1 days"},
		{"business_days_between(document_date, posting_date)", "document_date=2026-11-25 posting_date=2026-11-30", "2 business days"},
		{"business_days_between(entered_at, posted_at)", "entered_at=2026-11-24T04:00:00Z posted_at=2026-11-24T06:00:00Z", "1 business days"},
		{"business_days_between(document_date, posting_date)", "document_date=1990-01-01 posting_date=2026-11-30", "failed"},
		{"date_of(posted_at)", "posted_at=2026-11-23T23:30:00-05:00", "2026-11-23"},
		{"date_of(posted_at, \"UTC\")", "posted_at=2026-11-23T23:30:00-05:00", "2026-11-24"},
		{"date_of(posted_at, \"America/New_York\") == posting_date", "posted_at=2026-11-24T04:30:00Z posting_date=2026-11-23", "true"},
		{"hour_of(posted_at)", "posted_at=2026-11-23T23:30:00-05:00", "23"},
		{"local_time(posted_at)", "posted_at=2026-11-23T22:30:00-05:00", "22h30m"},
		{"local_time(posted_at, \"Europe/Berlin\")", "posted_at=2026-11-23T22:30:00-05:00", "4h30m"},
		{"local_time(posted_at, \"America/New_York\")", "posted_at=2026-03-08T12:00:00Z", "8h"}, // an hour was left out that night
		{"local_time(posted_at) > four_hours", "posted_at=2026-11-23T04:00:00.000001-05:00", "true"},
		{"local_time(posted_at) > four_hours", "", "missing"},
		// The close: 1 and 2 March 2026 are a Sunday and a Monday.
		{"in_close_window(posting_date, many)", "posting_date=2026-03-01", "true"},
		{"in_close_window(posting_date, many)", "posting_date=2026-03-04", "true"},
		{"in_close_window(posting_date, many)", "posting_date=2026-03-05", "false"},
		{"in_close_window(posting_date, 5)", "posting_date=2026-03-07", "false"},
		{"in_close_window(posting_date, 6)", "posting_date=2026-03-07", "true"},
		{"in_close_window(posted_at, many)", "posted_at=2026-03-05T04:30:00Z", "true"},
		{"in_close_window(posting_date, many)", "posting_date=2026-02-27", "false"},
		{"in_close_window(posting_date, many)", "", "missing"},
		{"in_close_window(posting_date, many)", "posting_date=2999-03-01", "failed"},
		{"day_of_week(posting_date)", "posting_date=2026-11-23", "monday"},
		{"day_of_week(posted_at) in [\"saturday\", \"sunday\"]", "posted_at=2026-11-22T23:30:00-05:00", "true"},
		{"posting_date > deadline", "posting_date=2026-12-01", "true"},
		{"posted_at > cutoff", "posted_at=2026-11-23T22:30:00Z", "false"},
		{"posted_at - entered_at > four_hours", "entered_at=2026-11-23T12:00:00Z posted_at=2026-11-23T16:00:00.000001Z", "true"},
		{"posted_at + four_hours", "posted_at=2026-11-23T12:00:00-05:00", "2026-11-23T16:00:00-05:00"},
		{"observed - posted_at", "posted_at=2026-11-24T07:15:30Z", "4h44m30s"},
		{"2 * four_hours", "", "8h"},
		{"week", "", "7 days"},
		// Lists.
		{"any(lines, .account == \"1\" and .amount_group > limit)", "lines account=1 amount_group=6000000 lines account=2 amount_group=1", "true"},
		{"all(lines, .debit_credit == \"D\")", "lines debit_credit=D lines debit_credit=C", "false"},
		{"count(lines, .debit_credit == \"D\") == 1", "lines debit_credit=D lines debit_credit=C", "true"},
		{"any(lines, .account == \"1\")", "lines account=2 lines line_number=1", "missing"},
		{"any(lines, .account == \"1\")", "lines line_number=1 lines account=1", "true"},
		{"all(lines, .account == \"1\")", "lines line_number=1 lines account=2", "false"},
		{"any(lines, true)", "lines=none", "false"},
		{"all(lines, false)", "lines=none", "true"},
		{"any(lines, true)", "", "missing"},
		{"any(contract.parties, # startsWith \"AC\")", "contract.parties=X,ACME", "true"},
		{"total(lines, .amount_group)", "lines amount_group=0.1 lines amount_group=0.2", "0.3 USD"},
		{"total(lines, .amount_group, .debit_credit == \"D\")", "lines amount_group=1 debit_credit=D lines amount_group=2 debit_credit=C lines debit_credit=C", "1 USD"},
		{"total(lines, .amount_group)", "lines amount_group=1 lines account=1", "missing"},
		{"total(lines, .amount_group)", "lines=none", "0 USD"},
		{"total(lines, .amount_group, .debit_credit == \"D\") == total(lines, .amount_group, .debit_credit == \"C\")", "lines amount_group=1 debit_credit=D lines amount_group=1 debit_credit=C", "true"},
		{"ratio(total(lines, .amount_group), materiality.overall)", "lines amount_group=500000", "0.2"},
		{"any(lines, .amount_group > materiality.overall and is_manual)", "is_manual=true lines amount_group=3000000", "true"},
		{"any(lines, missing(.account))", "lines account=1 lines line_number=2", "true"},
		// Missing.
		{"country != \"x\"", "", "missing"},
		{"not (country startsWith \"a\")", "", "missing"},
		{"is_manual", "", "missing"},
		{"present(country)", "", "false"},
		{"missing(country)", "", "true"},
		{"present(country) and country == \"US\"", "", "false"},
		{"contract.ordinary_course ?? false", "", "false"},
		{"(contract.ordinary_course ?? false) == false", "", "true"},
		{"country ?? company_code ?? \"none\"", "", "none"},
		{"is_manual ? 1 : 2", "", "missing"},
		{"is_manual ? 1 : 2", "is_manual=false", "2"},
		{"is_manual ? gross_amount_group : 0", "is_manual=false", "0 USD"},
		// Constants meet amounts of an event in their currency.
		{"gross_amount_group > limit", "gross_amount_group=6000000 group_currency=USD", "true"},
		{"gross_amount_group > limit", "gross_amount_group=6000000 group_currency=EUR", "failed"},
		{"total_debit_functional > euros", "total_debit_functional=101 functional_currency=EUR", "true"},
		{"total_debit_functional > euros", "total_debit_functional=101 functional_currency=USD", "missing"},
		{"total_debit_functional > euros", "total_debit_functional=101", "missing"},
		{"gross_amount_group > materiality.overall", "gross_amount_group=101 group_currency=EUR", "missing"},
	} {
		p := compile(t, env, c.text)
		v := p.Eval(ledgerScope(t, strings.Fields(c.fields)...))
		if got := v.String(); got != c.want {
			t.Errorf("%s with %s is %s, want %s", c.text, c.fields, got, c.want)
		}
	}
}

// TestSystemUnits covers durations that an event counts in seconds.
func TestSystemUnits(t *testing.T) {
	env := environment(t, event.System)
	r := event.NewRecord(event.System)
	setFields(t, &r, "duration_seconds=14401", "rto_target_seconds=14400", "incident.data_classes=pii,pci")
	s := &dialect.Scope{Event: &r}
	for _, c := range []struct{ text, want string }{
		{"duration_seconds > four_hours", "true"},
		{"duration_seconds > rto_target_seconds", "true"},
		{"duration_seconds > 14401", "false"},
		{"2 * rto_target_seconds", "28800 seconds"},
		{"1 + duration_seconds", "14402 seconds"},
		{`"pii" in incident.data_classes`, "true"},
		{`any(incident.data_classes, # in ["restricted", "phi"])`, "false"},
		{"observed", "missing"},
	} {
		v := compile(t, env, c.text).Eval(s)
		if v.String() != c.want {
			t.Errorf("%s is %s, want %s", c.text, &v, c.want)
		}
	}
}

// TestMissing holds the report of what is missing to what left the result
// unknown.
func TestMissing(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "floor", Program: compile(t, env, "share * materiality.revenue_ttm")},
		{Name: "manual", Program: compile(t, env, "is_manual and not is_recurring")}}
	for _, c := range []struct{ text, fields, want string }{
		{"gross_amount_group > floor", "", "gross_amount_group materiality profile"},
		{"(is_estimate and balanced) or country == \"x\"", "balanced=false", "country"},
		{"(is_estimate ?? false) or country == \"x\"", "", "country"},
		{"present(is_estimate) or country == \"x\"", "", "country"},
		{"manual", "is_recurring=false", "is_manual"},
		{"not manual", "is_recurring=false", "is_manual"},
		{"any(lines, .account == \"1\")", "lines account=2 lines line_number=2", "lines.account"},
		{"country == \"x\" and country != \"y\"", "", "country"},
		{"total_debit_functional > euros", "total_debit_functional=1", "functional_currency"},
		{"ratio(attachment_count, lines_expected) > 2", "attachment_count=1 lines_expected=0", "a base of ratio that is not 0"},
	} {
		p := compile(t, env, c.text)
		s := ledgerScope(t, strings.Fields(c.fields)...)
		s.Materiality = nil
		if got := p.Test(s); got != dialect.Unknown {
			t.Errorf("%s is %s, want unknown", c.text, got)
		}
		if got := strings.Join(p.Missing(s), " "); got != c.want {
			t.Errorf("%s lacks %s, want %s", c.text, got, c.want)
		}
	}
}

func TestErr(t *testing.T) {
	env := environment(t, event.Ledger)
	for text, want := range map[string]string{
		"attachment_count + most > 1":                              "overflow in attachment_count + most",
		"is_manual and (attachment_count % 0 == 1)":                "remainder of a division by zero in attachment_count % 0",
		"attachment_count + most > 1 or attachment_count % 0 == 1": "overflow in attachment_count + most", // the first
		"gross_amount_group > limit":                               "currency: the event's group_currency is not the pack's",
		"(is_estimate or attachment_count * most > 3) ?? true":     "overflow in attachment_count * most",
	} {
		s := ledgerScope(t, "attachment_count=2", "is_manual=true", "gross_amount_group=1", "group_currency=EUR")
		p := compile(t, env, text)
		if got := p.Test(s); got != dialect.Failed {
			t.Errorf("%s is %s, want failed", text, got)
		}
		if got := p.Err(s); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestReads(t *testing.T) {
	env := environment(t, event.Ledger)
	env.Lets = []dialect.Let{{Name: "floor", Program: compile(t, env, "share * materiality.revenue_ttm")}}
	p := compile(t, env, "gross_amount_group > floor and any(lines, .account == word) and observed > cutoff and fiscal_period in [many] and not flag")
	if got, want := p.Reads(), []string{"gross_amount_group", "materiality.revenue_ttm", "lines", "lines.account", "observed", "fiscal_period"}; !slices.Equal(got, want) {
		t.Errorf("reads %q, want %q", got, want)
	}
	if got, want := p.Uses(), []string{"floor", "word", "cutoff", "many", "flag"}; !slices.Equal(got, want) {
		t.Errorf("uses %q, want %q", got, want)
	}
	if got := len(p.Fields()); got != 3 {
		t.Errorf("%d fields of the event, want gross_amount_group, lines and fiscal_period", got)
	}
}
