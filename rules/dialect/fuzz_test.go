package dialect_test

import (
	"strings"
	"testing"
	"time"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// FuzzCompile: no text makes the compiler panic or hang, a mistake has a place
// in the file, and what compiles can be evaluated and explained over an empty
// and a full event.
func FuzzCompile(f *testing.F) {
	for _, text := range usual {
		f.Add(text)
	}
	for _, text := range []string{"total(lines, .amount_group, .debit_credit == \"D\") > limit", "a ?? b", "1 < (1 < attachment_count < 5 ? 1 : 2) < 5",
		"any(contract.parties, # == 'x')", "x[1:2]", "lines | total(.x)", "total(total(lines,.x),.y)", "((((", "\"\\u{110000}\"", "// c\nis_manual", "is_manual /* x */ and balanced",
		"attachment_count not between 1 and 5", "country in (US, 'DE')", "IF is_manual THEN balanced ELSE x", "description like '%a%'", "country is not null",
		"12% of x > 3", "a > US$1,000", "posting_date > 11/23/2026", "x > 2026-11-23T10:00:00Z"} {
		f.Add(text)
	}
	env := environment(f, event.Ledger)
	env.Lets = []dialect.Let{{Name: "floor", Program: compile(f, env, "share * materiality.revenue_ttm")}}
	empty, full := ledgerScope(f), usualScope(f)
	f.Fuzz(func(t *testing.T, text string) {
		began := time.Now()
		file := "id: x\nwhen: " + text
		src := dialect.Source{File: "f", FileText: file, Line: 2, Column: 7, Text: text}
		p, mistakes := dialect.Compile(src, env, dialect.Any)
		if (p == nil) != (len(mistakes) > 0) {
			t.Fatalf("a program and mistakes, or neither: %v", mistakes)
		}
		for _, m := range mistakes {
			if m.Line < 2 || m.Column < 1 || m.Width < 1 || m.Line > 2+strings.Count(text, "\n") {
				t.Fatalf("place %d:%d+%d", m.Line, m.Column, m.Width)
			}
			if !strings.HasPrefix(m.Code, "E2") || m.Message == "" || m.Hint == "" {
				t.Fatalf("%+v", m)
			}
		}
		if p != nil {
			for _, s := range []*dialect.Scope{empty, full} {
				v := p.Eval(s)
				p.Explain(s)
				p.Reason(s)
				switch {
				case v.Missing && len(p.Missing(s)) == 0:
					t.Fatal("unknown, and nothing is missing")
				case v.Failed && p.Err(s) == "":
					t.Fatal("failed, and no reason")
				}
				for _, b := range p.Boundaries() {
					b.Sides(s)
				}
				for _, part := range p.Parts() {
					part.Test(s)
				}
			}
			if p.Type().Kind == dialect.Bool {
				dialect.Explore([]*dialect.Program{p}, nil, func(results []dialect.Tri) bool { return results[0] <= dialect.Failed })
				if !dialect.Equivalent([]*dialect.Program{p}, []*dialect.Program{p}, nil) && p.Cost() < 10 {
					t.Fatal("not equivalent to itself")
				}
			}
			for i, m := range p.Mutants() {
				if i == 3 {
					break // each is compiled like any other text
				}
				dialect.Compile(dialect.Source{Text: m.Text, Line: 2, Column: 7}, env, dialect.Any)
			}
		}
		if took := time.Since(began); took > time.Minute {
			t.Fatalf("took %s", took)
		}
	})
}

// FuzzParseConst: no text makes it panic, and what it accepts it can write.
func FuzzParseConst(f *testing.F) {
	for _, text := range params {
		f.Add(text)
	}
	for _, text := range []string{"$1,000", "5 million", "1.000,5 EUR", "31.12.2026", "1,5%", "8:00", "2026-1-31"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, mistakes := dialect.ParseConst(dialect.Source{Text: text, Line: 1, Column: 1})
		if mistakes == nil {
			_ = c.String()
		} else if mistakes[0].Hint == "" {
			t.Fatalf("%v has no remedy", mistakes)
		}
	})
}
