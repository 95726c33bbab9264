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
}

// CaseReport is what a pack's cases came to.
type CaseReport struct {
	Results []CaseResult // by file, in the order written
	// Gaps are the rules without cases, the limits at which cases are missing, and
	// the parts and bands that no case looks at.
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
			if verdicts := e.Judge(nil, c.event, c.observed); len(verdicts) == 1 {
				result.Verdict = verdicts[0]
				result.Mistakes = c.differences(file.src, &verdicts[0])
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

// engineOf judges by one rule, and by the profile that the case names.
func (p *Pack) engineOf(r *Rule, c *testCase) *Engine {
	profiles := tabulate(p.profiles)
	profiles.fixed, profiles.profile = c.fixed, c.profile
	return newEngine(p.digest, []*Rule{r}, p.calendars, profiles)
}

// differences compares a verdict with what the case expects.
func (c *testCase) differences(src *strictyaml.Source, v *Verdict) (mistakes diag.List) {
	differ := func(what string, want strictyaml.Text, got string) {
		if want.Given() && want.Value != got {
			mistakes = append(mistakes, src.Mistake(codeCaseFailed, want, "", "case %q: %s is %s, want %s", c.name.Value, what, orNone(got), want.Value))
		}
	}
	x := &c.expect
	differ("the outcome", x.Outcome, v.Outcome.String())
	if v.Finding == nil || len(mistakes) > 0 {
		return mistakes
	}
	f := v.Finding
	differ("the severity", x.Severity, f.Severity.String())
	due := "none"
	if !f.Deadline.DueDate.IsZero() {
		due = f.Deadline.DueDate.String()
	}
	differ("the due date", x.DueDate, due)
	differ("the item", x.Item, v.Rule.Item)
	differ("the key", x.Key, f.Key)
	differ("the value", x.Value, f.Value)
	differ("the trigger", x.Trigger, f.TriggerField)
	if x.Reason.Given() && !strings.Contains(f.Reason, x.Reason.Value) {
		differ("the reason", x.Reason, f.Reason)
	}
	return mistakes
}

func orNone(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
