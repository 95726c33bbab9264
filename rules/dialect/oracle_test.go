package dialect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"pgregory.net/rapid"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// machine is the environment of expr's own virtual machine, with the same
// values as the event.
type machine struct {
	Country   string `expr:"country"`
	Company   string `expr:"company_code"`
	Lines     int    `expr:"attachment_count"`
	Expected  int    `expr:"lines_expected"`
	Manual    bool   `expr:"is_manual"`
	Recurring bool   `expr:"is_recurring"`
	Postings  []row  `expr:"lines"`
}

type row struct {
	Number  int    `expr:"line_number"`
	Account string `expr:"account"`
}

var words = []string{"", "a", "b", "ab", "ba", "US", "us", "äb"}

// grammar draws expressions of the part of expr that means the same in both.
type grammar struct {
	t      *rapid.T
	inLine bool
}

func (g grammar) pick(label string, choices ...string) string {
	return rapid.SampledFrom(choices).Draw(g.t, label)
}

func (g grammar) condition(depth int) string {
	if depth == 0 {
		return g.pick("bool", "is_manual", "is_recurring")
	}
	switch rapid.IntRange(0, 9).Draw(g.t, "condition") {
	case 0:
		return g.pick("not", "not ", "!") + "(" + g.condition(depth-1) + ")"
	case 1, 2:
		return "(" + g.condition(depth-1) + " " + g.pick("logic", "and", "or", "&&", "||") + " " + g.condition(depth-1) + ")"
	case 3:
		return "(" + g.number(depth-1) + g.pick("order", " < ", " <= ", " > ", " >= ", " == ", " != ") + g.number(depth-1) + ")"
	case 4:
		return "(" + g.text(depth-1) + g.pick("equal", " == ", " != ", " contains ", " startsWith ", " endsWith ", " not contains ") + g.text(depth-1) + ")"
	case 5:
		return "(" + g.text(depth-1) + g.pick("in", " in ", " not in ") + `["a", "ab", "US"])`
	case 6:
		return "(" + g.number(depth-1) + g.pick("in", " in ", " not in ") + "[1, 2, 7])"
	case 7:
		return "(" + g.condition(depth-1) + " ? " + g.condition(depth-1) + " : " + g.condition(depth-1) + ")"
	case 8:
		if g.inLine {
			return `(.account == "a")`
		}
		inner := grammar{g.t, true}
		return g.pick("quantifier", "any", "all") + "(lines, " + inner.condition(depth-1) + ")"
	default:
		return "(" + g.number(depth-1) + g.pick("chain", " < ", " <= ") + g.number(depth-1) + g.pick("chain", " < ", " <= ") + g.number(depth-1) + ")"
	}
}

func (g grammar) number(depth int) string {
	if depth == 0 {
		if g.inLine {
			return ".line_number"
		}
		return g.pick("int", "attachment_count", "lines_expected", "1", "7", "1_000")
	}
	switch rapid.IntRange(0, 5).Draw(g.t, "number") {
	case 0, 1:
		return "(" + g.number(depth-1) + g.pick("arith", " + ", " - ", " * ") + g.number(depth-1) + ")"
	case 2:
		return "-(" + g.number(depth-1) + ")"
	case 3:
		return "abs(" + g.number(depth-1) + ")"
	case 4:
		return g.pick("extreme", "min", "max") + "(" + g.number(depth-1) + ", " + g.number(depth-1) + ")"
	default:
		return "len(" + g.text(depth-1) + ")"
	}
}

func (g grammar) text(depth int) string {
	if depth == 0 {
		if g.inLine {
			return ".account"
		}
		return g.pick("text", "country", "company_code", `"a"`, `"US"`, `'b'`)
	}
	switch rapid.IntRange(0, 2).Draw(g.t, "text form") {
	case 0:
		return "lower(" + g.text(depth-1) + ")"
	case 1:
		return "(" + g.text(depth-1) + " + " + g.text(depth-1) + ")"
	default:
		return g.text(0)
	}
}

// TestAgainstExpr holds the compiled closures to expr's virtual machine for
// values that are not missing.
func TestAgainstExpr(t *testing.T) {
	env := environment(t, event.Ledger)
	compared := 0
	rapid.Check(t, func(rt *rapid.T) {
		text := grammar{t: rt}.condition(rapid.IntRange(1, 4).Draw(rt, "depth"))
		small, word := rapid.IntRange(-9, 9), rapid.SampledFrom(words)
		m := machine{Country: word.Draw(rt, "country"), Company: word.Draw(rt, "company"), Lines: small.Draw(rt, "count"),
			Expected: small.Draw(rt, "expected"), Manual: rapid.Bool().Draw(rt, "manual"), Recurring: rapid.Bool().Draw(rt, "recurring")}
		for range rapid.IntRange(0, 3).Draw(rt, "lines") {
			m.Postings = append(m.Postings, row{small.Draw(rt, "number"), word.Draw(rt, "account")})
		}
		p, mistakes := dialect.Compile(dialect.Source{Text: text, Line: 1, Column: 1}, env, dialect.Bool)
		for _, mistake := range mistakes {
			switch mistake.Code {
			case dialect.CodeConstant, dialect.CodeTooLarge, dialect.CodeUnit: // refused here alone, on purpose
				return
			}
		}
		if mistakes != nil {
			rt.Fatalf("%s\n%v", text, mistakes)
		}
		theirs, err := expr.Compile(text, expr.Env(machine{}), expr.AsBool())
		if err != nil {
			rt.Fatalf("%s: expr: %v", text, err)
		}
		want, err := expr.Run(theirs, m)
		if err != nil {
			rt.Fatalf("%s: expr: %v", text, err)
		}
		compared++
		if got := p.Test(m.scope(t)); got.String() != fmt.Sprint(want) {
			rt.Fatalf("%s with %+v is %s, expr gives %v", text, m, got, want)
		}
	})
	if compared < 20 {
		t.Errorf("only %d expressions were compared", compared)
	}
}

func (m machine) scope(t *testing.T) *dialect.Scope {
	e := event.NewRecord(event.Ledger)
	setFields(t, &e, "country="+m.Country, "company_code="+m.Company, fmt.Sprintf("attachment_count=%d", m.Lines),
		fmt.Sprintf("lines_expected=%d", m.Expected), fmt.Sprintf("is_manual=%t", m.Manual), fmt.Sprintf("is_recurring=%t", m.Recurring), "lines=sent")
	for _, r := range m.Postings {
		setFields(t, &e, "lines", fmt.Sprintf("line_number=%d", r.Number), "account="+r.Account)
	}
	return &dialect.Scope{Event: &e}
}

// TestExtents: the text of each step is itself an expression with the step's
// value.
func TestExtents(t *testing.T) {
	env := environment(t, event.Ledger)
	rapid.Check(t, func(rt *rapid.T) {
		text := grammar{t: rt}.condition(rapid.IntRange(1, 4).Draw(rt, "depth"))
		p, mistakes := dialect.Compile(dialect.Source{Text: text, Line: 1, Column: 1}, env, dialect.Bool)
		if mistakes != nil {
			return
		}
		s := machine{Country: "US", Company: "a", Lines: 3, Expected: 4, Manual: true}.scope(t)
		for _, step := range p.Explain(s) {
			part, mistakes := dialect.Compile(dialect.Source{Text: step.Text, Line: 1, Column: 1}, env, dialect.Any)
			if mistakes != nil {
				rt.Fatalf("%s: step %q\n%v", text, step.Text, mistakes)
			}
			if !strings.Contains(strings.Join(strings.Fields(text), " "), step.Text) {
				rt.Fatalf("%s: step %q is not in it", text, step.Text)
			}
			if again := part.Explain(s); again[0].Value != step.Value {
				rt.Fatalf("%s: step %q is %s alone, %s inside", text, step.Text, again[0].Value, step.Value)
			}
		}
	})
}
