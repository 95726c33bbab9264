package dialect_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// materiality is a profile's schema, as package rules has it in small.
var materiality = event.NewSchema("materiality", []event.Field{
	{Name: "group_currency", Kind: event.Text},
	{Name: "revenue_ttm", Kind: event.Amount, Unit: event.Group},
	{Name: "total_assets", Kind: event.Amount, Unit: event.Group},
	{Name: "overall", Kind: event.Amount, Unit: event.Group},
})

// params are constants as a rule's author writes them.
var params = map[string]string{
	"share": "5%", "tenth": "0.1", "limit": "USD 5_000_000.00", "small": "USD 0.01", "euros": "EUR 100", "huge": "USD 99999999999999999999999999999",
	"deadline": "2026-11-30", "cutoff": "2026-11-23T17:30:00-05:00", "four_hours": "4h", "week": "7 days", "most": "9223372036854775807",
	"types": `["sale", "lease"]`, "wrong_types": `["sale", "leese"]`, "word": `"sale"`, "pattern": `"^CT-[0-9]+$"`, "many": "3", "flag": "true",
}

func environment(t testing.TB, schema *event.Schema) *dialect.Env {
	t.Helper()
	env := &dialect.Env{Event: schema, Materiality: materiality, Params: map[string]dialect.Const{}, GroupCurrency: "USD"}
	for name, text := range params {
		c, mistakes := dialect.ParseConst(dialect.Source{File: "params", Line: 1, Column: 1, Text: text})
		if mistakes != nil {
			t.Fatal(mistakes)
		}
		env.Params[name] = c
	}
	return env
}

// compile compiles an expression that has no mistakes.
func compile(t testing.TB, env *dialect.Env, text string) *dialect.Program {
	t.Helper()
	p, mistakes := dialect.Compile(dialect.Source{File: "rule", Line: 1, Column: 1, Text: text}, env, dialect.Any)
	if mistakes != nil {
		t.Fatalf("%s\n%v", text, mistakes)
	}
	return p
}

// codes compiles an expression and returns the codes of its mistakes.
func codes(env *dialect.Env, text string, want dialect.Kind) string {
	_, mistakes := dialect.Compile(dialect.Source{File: "rule", Line: 1, Column: 1, Text: text}, env, want)
	var all []string
	for _, m := range mistakes {
		all = append(all, m.Code)
	}
	return strings.Join(all, " ")
}

// setFields sets "name=value" pairs; a name "lines" begins a new line.
func setFields(t testing.TB, r *event.Record, fields ...string) {
	t.Helper()
	target := r
	for _, pair := range fields {
		name, value, _ := strings.Cut(pair, "=")
		if name == "lines" && value == "" {
			target = r.AddRecord(r.Schema().Lookup("lines"))
			continue
		}
		f := target.Schema().Lookup(name)
		if f == nil {
			t.Fatalf("no field %q", name)
		}
		setField(t, target, f, value)
	}
}

func setField(t testing.TB, r *event.Record, f *event.Field, value string) {
	t.Helper()
	fatal := func(err error) {
		if err != nil {
			t.Fatal(f.Name, err)
		}
	}
	switch f.Kind {
	case event.Text:
		r.SetText(f, value)
	case event.Texts:
		r.SetTexts(f, strings.FieldsFunc(value, func(c rune) bool { return c == ',' }))
	case event.Bool:
		r.SetBool(f, value == "true")
	case event.Int:
		c, mistakes := dialect.ParseConst(dialect.Source{Text: value})
		fatal(mistakes.Err())
		r.SetInt(f, c.Value.Int)
	case event.Amount:
		a, err := money.Parse(value)
		fatal(err)
		r.SetAmount(f, a)
	case event.Rate:
		a, err := money.ParseRate(value)
		fatal(err)
		r.SetRate(f, a)
	case event.Date:
		d, err := calendar.ParseDate(value)
		fatal(err)
		r.SetDate(f, d)
	case event.Instant:
		if d, err := calendar.ParseDate(value); err == nil {
			r.SetDay(f, d)
			return
		}
		at, err := time.Parse(time.RFC3339Nano, value)
		fatal(err)
		_, offset := at.Zone()
		r.SetInstant(f, at.UnixMicro(), offset)
	case event.Records:
		r.SetEmpty(f)
	}
}

// ledgerScope is an event of the ledger with the usual profile.
func ledgerScope(t testing.TB, fields ...string) *dialect.Scope {
	t.Helper()
	e, profile := event.NewRecord(event.Ledger), event.NewRecord(materiality)
	setFields(t, &e, fields...)
	setFields(t, &profile, "group_currency=USD", "revenue_ttm=200000000", "total_assets=50000000", "overall=2500000")
	observed := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	return &dialect.Scope{Event: &e, Materiality: &profile, Observed: observed}
}
