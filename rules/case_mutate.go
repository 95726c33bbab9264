package rules

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/dialect"
	"tocsin/rules/strictyaml"
)

// Mutant is a rule with one alteration: a threshold moved by a step, a comparison
// turned, a clause deleted. At least one case of the rule must fail under it, or
// the cases would not notice a mistake of that kind.
type Mutant struct {
	Rule   string `json:"rule"`
	What   string `json:"what"` // what was altered, where: "when: > written for >="
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Case is the first case that fails under the altered rule; empty: none fails,
	// and the mutant survives.
	Case string `json:"case,omitempty"`
	// Why is the reason that the file of cases gives for a mutant that survives.
	Why string `json:"why,omitempty"`
}

// Mutants are a pack's mutants, and the mistakes among them.
type Mutants struct {
	All []Mutant // by rule, in the order of the file
	// Mistakes are the mutants that survive without a reason, and the reasons
	// given for mutants that do not survive.
	Mistakes diag.List
}

// Killed counts the mutants that a case notices.
func (m *Mutants) Killed() int {
	return m.count(func(m *Mutant) bool { return m.Case != "" })
}

// Explained counts the mutants that survive with a reason.
func (m *Mutants) Explained() int {
	return m.count(func(m *Mutant) bool { return m.Case == "" && m.Why != "" })
}

func (m *Mutants) count(is func(*Mutant) bool) (n int) {
	for i := range m.All {
		if is(&m.All[i]) {
			n++
		}
	}
	return n
}

// Mutate alters the pack's rules in every way that Mutant names, one at a time,
// and runs the rule's cases on each. It leaves out alterations that are no valid
// rule, or that are equivalent to the rule.
func (p *Pack) Mutate() *Mutants {
	out := &Mutants{}
	for _, file := range p.cases {
		l := &ruleLoader{src: file.ruleSrc}
		l.mistakes = strictyaml.Decode(file.ruleSrc, &l.file, strictyaml.Options{})
		l.build(file.rule.ID, p)
		survived := map[string]bool{}
		for _, m := range l.mutations() {
			altered := p.alter(file, m)
			if altered == nil || altered.same(file.rule) {
				continue
			}
			mutant := Mutant{Rule: file.rule.ID, What: m.what, File: file.ruleSrc.Name, Line: m.at.Line, Column: m.at.Column, Case: p.fails(file, altered)}
			if mutant.Case == "" {
				survived[m.what] = true
				if mutant.Why = file.reason(m.what); mutant.Why == "" {
					out.Mistakes = append(out.Mistakes, file.ruleSrc.Mistake(codeSurvivor, m.at, "add a case to "+file.src.Name+" that distinguishes them, or write there under survivors: why no case can",
						"no case notices: %s", m.what))
				}
			}
			out.All = append(out.All, mutant)
		}
		for _, s := range file.survivors {
			if !survived[s.What.Value] {
				out.Mistakes = append(out.Mistakes, file.src.Mistake(codeSurvivor, s.What, "take it away", "a reason is given for an alteration that a case notices, or that there is none of"))
			}
		}
	}
	return out
}

func (f *caseFile) reason(what string) string {
	for _, s := range f.survivors {
		if s.What.Value == what {
			return s.Why.Value
		}
	}
	return ""
}

// mutation is an alteration of a rule's file.
type mutation struct {
	what string
	at   strictyaml.Text
	edit func(*ruleFile)
}

// alter returns the altered rule, or nil when it is none.
func (p *Pack) alter(file *caseFile, m mutation) *Rule {
	l := &ruleLoader{src: file.ruleSrc}
	l.mistakes = strictyaml.Decode(file.ruleSrc, &l.file, strictyaml.Options{})
	m.edit(&l.file)
	l.build(file.rule.ID, p)
	for _, mistake := range l.mistakes {
		if mistake.Code != codeUnused { // a deleted clause may leave a param without effect
			return nil
		}
	}
	return l.rule
}

// same reports whether no event distinguishes two rules.
func (r *Rule) same(o *Rule) bool {
	if r.Severity != o.Severity || r.OnMissing != o.OnMissing || !slices.Equal(r.requires, o.requires) {
		return false
	}
	return r.canon() == o.canon() || dialect.Equivalent(r.conditions(), o.conditions(), r.On())
}

// fails returns the name of the first case that an altered rule fails, or "".
func (p *Pack) fails(file *caseFile, r *Rule) string {
	for i := range file.cases {
		c := &file.cases[i]
		why, ok := p.engineOf(r, c).Explain(r.ID, c.event, c.observed)
		if !ok {
			return c.name.Value
		}
		if mistakes, _ := c.compare(file.src, &why); len(mistakes) > 0 {
			return c.name.Value
		}
	}
	return ""
}

// mutations lists what can be altered.
func (l *ruleLoader) mutations() (all []mutation) {
	expression := func(where string, p *dialect.Program, set func(*ruleFile, string)) {
		for _, m := range p.Mutants() {
			all = append(all, mutation{where + ": " + m.What, strictyaml.Text{Line: m.Line, Column: m.Column}, func(f *ruleFile) { set(f, m.Text) }})
		}
	}
	for i, param := range l.file.Params {
		c := l.env.Params[param.Key.Value]
		for _, text := range c.Altered() {
			all = append(all, mutation{fmt.Sprintf("param %s: %s written for %s", param.Key.Value, text, strings.TrimSpace(param.Value.Value)), param.Value.Text,
				func(f *ruleFile) { f.Params[i].Value.Text = strictyaml.Text{Value: text, Line: 1, Column: 1} }})
		}
	}
	for i := range l.env.Lets {
		expression("let "+l.env.Lets[i].Name, l.env.Lets[i].Program, func(f *ruleFile, text string) { f.Let[i].Value.Value = text })
	}
	expression("when", l.rule.when, func(f *ruleFile, text string) { f.When.Value = text })
	for i, b := range l.rule.bands {
		where := fmt.Sprintf("band %s", b.severity)
		at := l.file.Bands[i].When
		expression(where, b.when, func(f *ruleFile, text string) { f.Bands[i].When.Value = text })
		all = append(all, mutation{where + ": deleted", at, func(f *ruleFile) { f.Bands = slices.Delete(f.Bands, i, i+1) }})
	}
	for i, at := range l.file.Requires {
		all = append(all, mutation{"requires: deleted " + at.Value, at, func(f *ruleFile) { f.Requires = slices.Delete(f.Requires, i, i+1) }})
	}
	return all
}
