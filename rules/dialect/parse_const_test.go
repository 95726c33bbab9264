package dialect_test

import (
	"testing"

	"tocsin/rules/dialect"
)

func TestParseConst(t *testing.T) {
	for _, c := range []struct {
		text, want string
		kind       dialect.Kind
	}{
		{"USD 1_000_000.00", "1000000 USD", dialect.Money},
		{"EUR -5.5", "-5.5 EUR", dialect.Money},
		{"USD5", "5 USD", dialect.Money},
		{"5%", "5%", dialect.Rate}, {"7.25 %", "7.25%", dialect.Rate}, {"-1%", "-1%", dialect.Rate}, {"0.000000000000001%", "0.000000000000001%", dialect.Rate},
		{"0.75", "0.75", dialect.Rate}, {"-0.5", "-0.5", dialect.Rate}, {"1.0", "1", dialect.Rate},
		{"120", "120", dialect.Int}, {"-3", "-3", dialect.Int}, {"1_000", "1000", dialect.Int}, {"0", "0", dialect.Int},
		{"5 days", "5 days", dialect.Duration}, {"1 day", "1 day", dialect.Duration}, {"4h", "4h", dialect.Duration}, {"90 min", "1h30m", dialect.Duration},
		{"30s", "30s", dialect.Duration}, {"2 weeks", "14 days", dialect.Duration},
		{"2026-01-31", "2026-01-31", dialect.Date},
		{"2026-01-31T17:30:00-05:00", "2026-01-31T17:30:00-05:00", dialect.Instant},
		{"true", "true", dialect.Bool}, {"false", "false", dialect.Bool},
		{`"a \"text\""`, `a "text"`, dialect.Text}, {"'5%'", "5%", dialect.Text},
		{`["a", "b"]`, "a, b", dialect.Texts},
	} {
		got, mistakes := dialect.ParseConst(dialect.Source{Text: c.text})
		if mistakes != nil || got.String() != c.want || got.Value.Type.Kind != c.kind {
			t.Errorf("%s is %q, %s (%v), want %q, %s", c.text, got, got.Value.Type.Kind, mistakes, c.want, c.kind)
		}
	}
	for _, text := range []string{"", "USD", "usd 5", "5 USD", "US$ 5", "USD 1e6", "USD 1,000", "USD 1.0000000001", "1e6", "0x10", "007", ".5", "5.", "1__0", "5 parsecs",
		"5%%", "%", "2026-02-30", "2026-01-31T17:30", "[a]", "[1]", `"x`, "9223372036854775808", "999999999999999999 days", "USD 100000000000000000000000000000",
		"0.0000000000000000001", "0.00000000000000001%", "nil", "-", "- 5", "+5", "1_00"} {
		if got, mistakes := dialect.ParseConst(dialect.Source{Text: text}); mistakes == nil {
			t.Errorf("%q is read as %s", text, got)
		} else if mistakes[0].Code != dialect.CodeConst {
			t.Errorf("%q: %v", text, mistakes)
		}
	}
	quoted := dialect.Source{FileText: `code: "5%"`, Line: 1, Column: 8, Text: "5%"}
	if got, _ := dialect.ParseConst(quoted); got.Value.Type.Kind != dialect.Text {
		t.Errorf("a scalar in quotes is %s, want a text", got.Value.Type.Kind)
	}
	list := dialect.Source{FileText: `types: '["a", "b"]'`, Line: 1, Column: 9, Text: `["a", "b"]`}
	if got, _ := dialect.ParseConst(list); got.Value.Type.Kind != dialect.Texts {
		t.Errorf("a list in quotes is %s, want a list of texts", got.Value.Type.Kind)
	}
}
