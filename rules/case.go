package rules

import (
	"path"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// CaseResult is one case of a pack, run.
type CaseResult struct {
	Rule    string
	Name    string
	File    string
	Line    int
	Verdict Verdict
	// Mistakes are the differences from what was expected; none: passed.
	Mistakes diag.List
	// Sentence is the reason of the verdict (Finding.Sentence).
	Sentence string

	differences []difference
}

// difference is an expectation that was not met.
type difference struct {
	want strictyaml.Text
	got  string
}

// CaseReport is the result of a pack's cases.
type CaseReport struct {
	Results []CaseResult // by file, in the order written
	// Gaps are the rules without cases, the limits at which cases are missing, and
	// the parts and bands that no case covers.
	Gaps     diag.List
	Coverage []Coverage // by rule, of those that have a file of cases
}

// Mistakes returns everything that keeps the report from being clean.
func (r *CaseReport) Mistakes() diag.List {
	var all diag.List
	for _, c := range r.Results {
		all = append(all, c.Mistakes...)
	}
	all = append(all, r.Gaps...)
	all.Sort()
	return all
}

// Untried returns the limits at which cases are missing, without the other gaps.
func (r *CaseReport) Untried() diag.List {
	return slices.DeleteFunc(slices.Clone(r.Gaps), func(d *diag.Diagnostic) bool { return d.Code != codeBoundary })
}

// Passed counts the cases that gave what was expected.
func (r *CaseReport) Passed() int {
	n := 0
	for _, c := range r.Results {
		if len(c.Mistakes) == 0 {
			n++
		}
	}
	return n
}

// RunCases judges the event of every case by its rule and compares.
func (p *Pack) RunCases() *CaseReport {
	report := &CaseReport{}
	covered := map[*Rule]bool{}
	for _, file := range p.cases {
		covered[file.rule] = covered[file.rule] || len(file.cases) > 0
		reach, cover := newReach(file.rule), newCover(file.rule)
		for i := range file.cases {
			c := &file.cases[i]
			e := p.engineOf(file.rule, c)
			result := CaseResult{Rule: file.rule.ID, Name: c.name.Value, File: file.src.Name, Line: c.name.Line, Verdict: Verdict{Rule: file.rule}}
			if why, ok := e.Explain(file.rule.ID, c.event, c.observed); ok {
				result.Verdict, result.Sentence = why.Verdict, why.Sentence
				result.Mistakes, result.differences = c.compare(file.src, &why)
			} else {
				result.Mistakes = diag.List{file.src.Mistake(codeCaseFailed, c.name, "write one of "+strings.Join(file.rule.On(), ", "),
					"case %q: the rule does not apply to events of type %s", c.name.Value, c.event.Type().Name)}
			}
			report.Results = append(report.Results, result)
			reach.add(e, c)
			cover.add(e, c)
		}
		report.Gaps = append(append(report.Gaps, reach.gaps(file)...), cover.gaps(file)...)
		report.Coverage = append(report.Coverage, cover.sum())
	}
	for _, r := range p.rules {
		if !covered[r] {
			src := strictyaml.Source{Name: path.Join(p.name, "cases", r.ID+".yaml")}
			report.Gaps = append(report.Gaps, src.FileMistake(codeNoCases, "write the events that it must and must not find", "rule %s has no cases", r.ID))
		}
	}
	return report
}

// engineOf is an engine of one rule, with the profile that the case names.
func (p *Pack) engineOf(r *Rule, c *testCase) *Engine {
	profiles := tabulate(p.profiles)
	profiles.fixed, profiles.profile = c.fixed, c.profile
	return newEngine(p.digest, []*Rule{r}, p.calendars, profiles)
}

// compare compares a verdict with the expectation of the case. The hint of the
// first mistake is how the rule came to its verdict.
func (c *testCase) compare(src *strictyaml.Source, a *Explained) (mistakes diag.List, found []difference) {
	x, v := &c.expect, &a.Verdict
	differ := func(what string, want strictyaml.Text, got string, same bool) {
		switch {
		case !want.Given() || same:
			return
		case want.Value == newOutcome && want == x.Outcome:
			mistakes = append(mistakes, src.Mistake(codeCaseFailed, want, "run tocsin rules test --update, and read what it writes", "case %q: %s is %s; --update writes it here, for you to review", c.name.Value, what, got))
		default:
			mistakes = append(mistakes, src.Mistake(codeCaseFailed, want, "correct the rule, or the expectation", "case %q: %s is %s, want %s", c.name.Value, what, orNone(got), want.Value))
		}
		found = append(found, difference{want, got})
	}
	equal := func(what string, want strictyaml.Text, got string) { differ(what, want, got, want.Value == got) }
	equal("the outcome", x.Outcome, v.Outcome.String())
	if f := v.Finding; f != nil && len(mistakes) == 0 {
		due := "none"
		if !f.Deadline.DueDate.IsZero() {
			due = f.Deadline.DueDate.String()
		}
		equal("the severity", x.Severity, f.Severity.String())
		equal("the due date", x.DueDate, due)
		equal("the item", x.Item, v.Rule.Item)
		equal("the key", x.Key, f.Key)
		equal("the value", x.Value, f.Value)
		equal("the trigger", x.Trigger, f.TriggerField)
		differ("the reason", x.Reason, f.Reason, strings.Contains(f.Reason, x.Reason.Value))
	}
	differ("the explanation", x.Why, a.Sentence, strings.Contains(a.Sentence, x.Why.Value))
	if len(mistakes) > 0 {
		mistakes[0].Hint = a.Sentence
	}
	return mistakes, found
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
