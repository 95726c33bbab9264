package rules

import (
	"path"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

const casesSchema = "tocsin.cases/v1"

// newOutcome stands for an outcome that the author has not written yet.
const newOutcome = "new"

// caseFile is the cases of one rule, read and decoded.
type caseFile struct {
	rule    *Rule
	ruleSrc *strictyaml.Source
	src     *strictyaml.Source
	cases   []testCase
	// survivors explain the alterations of the rule that no case can notice.
	survivors []survivorEntry
}

// testCase is an event with the verdict that the rule must give on it.
type testCase struct {
	name     strictyaml.Text
	event    *event.Event
	observed time.Time
	fixed    bool     // profile is in force, whatever registrant and day
	profile  *Profile // nil with fixed: none
	expect   expectFile
}

type casesFile struct {
	Schema strictyaml.Text `yaml:"schema,required"`
	Base   caseEvent       `yaml:"base"`
	Cases  []caseEntry     `yaml:"cases,required"`
	// Survivors are alterations of the rule that change no verdict, each with the
	// reason: see Mutate.
	Survivors []survivorEntry `yaml:"survivors"`
}

type survivorEntry struct {
	What strictyaml.Text `yaml:"what,required"`
	Why  strictyaml.Text `yaml:"why,required"`
}

// caseEvent is an event or a part of one. Attributes are named as those of
// CloudEvents. Template names a part that stands in cases/templates.yaml.
type caseEvent struct {
	Template strictyaml.Text `yaml:"template"`
	Type     strictyaml.Text `yaml:"type"`
	ID       strictyaml.Text `yaml:"id"`
	Source   strictyaml.Text `yaml:"source"`
	Subject  strictyaml.Text `yaml:"subject"`
	Time     strictyaml.Text `yaml:"time"`
	Data     strictyaml.Tree `yaml:"data"`
}

type caseEntry struct {
	Name     strictyaml.Text `yaml:"name,required"`
	Event    caseEvent       `yaml:"event"`
	Observed strictyaml.Text `yaml:"observed"`
	Profile  strictyaml.Text `yaml:"profile"`
	Expect   expectFile      `yaml:"expect,required"`
}

type expectFile struct {
	Outcome  strictyaml.Text `yaml:"outcome,required"`
	Severity strictyaml.Text `yaml:"severity"`
	DueDate  strictyaml.Text `yaml:"due_date"`
	Item     strictyaml.Text `yaml:"item"`
	Key      strictyaml.Text `yaml:"key"`
	Value    strictyaml.Text `yaml:"value"`
	Trigger  strictyaml.Text `yaml:"trigger_field"`
	Reason   strictyaml.Text `yaml:"reason"`
	Why      strictyaml.Text `yaml:"why"`
}

// loadCases reads every file of cases. It reads the cases of a rule with mistakes
// as far as is possible without the rule.
func (p *Pack) loadCases(t *tree) (mistakes diag.List) {
	templates, mistakes := loadTemplates(t)
	reported := map[diag.Diagnostic]bool{} // a mistake in a base or template would come with each case
	var stems []string
	for _, file := range t.under("rules") {
		stems = append(stems, strings.TrimSuffix(path.Base(file), ".yaml"))
	}
	for _, file := range t.under("cases") {
		src, stem := t.source(file), strings.TrimSuffix(path.Base(file), ".yaml")
		if file == templatesFileName {
			continue
		}
		if _, ok := t.files["rules/"+stem+".yaml"]; !ok {
			hint := "name the file for a rule's id"
			if near := diag.Nearest(stem, stems); near != "" {
				hint = "did you mean " + near + "?"
			}
			mistakes = append(mistakes, src.FileMistake(codeCaseRule, hint, "the pack has no rule %s", stem))
		}
		l := &caseLoader{pack: p, templates: templates, cases: &caseFile{rule: p.rule(stem), ruleSrc: t.source("rules/" + stem + ".yaml"), src: src}}
		l.load()
		for _, m := range l.mistakes {
			if !reported[*m] {
				reported[*m] = true
				mistakes = append(mistakes, m)
			}
		}
		p.cases = append(p.cases, l.cases)
	}
	return mistakes
}

func (p *Pack) rule(id string) *Rule {
	for _, r := range p.rules {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// caseLoader reads one file of cases and collects what is wrong with it.
type caseLoader struct {
	pack      *Pack
	templates *templates
	cases     *caseFile
	mistakes  diag.List
	// strayed: a key of the file or of the templates is like none known, and may
	// stand for what events lack.
	strayed bool
}

func (l *caseLoader) report(code string, at strictyaml.Text, hint, format string, args ...any) {
	l.reportIn(l.cases.src, code, at, hint, format, args...)
}

// reportIn reports a mistake that stands in the file of cases or in the
// templates.
func (l *caseLoader) reportIn(src *strictyaml.Source, code string, at strictyaml.Text, hint, format string, args ...any) {
	l.mistakes = append(l.mistakes, src.Mistake(code, at, hint, format, args...))
}

func (l *caseLoader) load() {
	var file casesFile
	l.mistakes = strictyaml.Decode(l.cases.src, &file, strictyaml.Options{})
	malformed := len(l.mistakes)
	l.strayed = l.templates.strayed || strayed(l.mistakes)
	l.mistakes = append(l.mistakes, checkSchema(l.cases.src, file.Schema, casesSchema)...)
	l.cases.survivors = file.Survivors
	names := map[string]bool{}
	for _, entry := range file.Cases {
		if names[entry.Name.Value] {
			l.report(codeDuplicate, entry.Name, "give one of the two another name", "two cases have this name")
		}
		names[entry.Name.Value] = true
		l.entry(&file.Base, &entry)
	}
	l.mistakes = withoutAbsent(l.mistakes, malformed)
}

func (l *caseLoader) entry(base *caseEvent, entry *caseEntry) {
	before := len(l.mistakes)
	c := testCase{name: entry.Name, expect: entry.Expect}
	l.expectation(&entry.Expect)
	l.profile(&c, entry.Profile)
	c.event = l.event(base, entry)
	l.observe(&c, entry.Observed)
	if len(l.mistakes) == before {
		l.cases.cases = append(l.cases.cases, c)
	}
}

func (l *caseLoader) expectation(x *expectFile) {
	if _, ok := outcomes[x.Outcome.Value]; (!ok || x.Outcome.Value == "") && x.Outcome.Value != Error.String() && x.Outcome.Value != newOutcome {
		l.report(codeCaseExpect, x.Outcome, "write match, no_match, indeterminate, error, or new", "unknown outcome %q", x.Outcome.Value)
	}
	if _, ok := severities[x.Severity.Value]; !ok && x.Severity.Given() {
		l.report(codeCaseExpect, x.Severity, "write S1, S2, S3 or S4", "unknown severity %q", x.Severity.Value)
	}
	if _, err := calendar.ParseDate(x.DueDate.Value); err != nil && x.DueDate.Given() && x.DueDate.Value != "none" {
		l.report(codeCaseExpect, x.DueDate, "write it as 2026-11-30, or none", "due_date is not a date")
	}
	for _, at := range []strictyaml.Text{x.Severity, x.DueDate, x.Item, x.Key, x.Value, x.Trigger, x.Reason} {
		if x.Outcome.Value == NoMatch.String() && at.Given() {
			l.report(codeCaseExpect, at, "take it away", "a verdict of no_match has nothing but an outcome and a why")
		}
	}
}

func (l *caseLoader) profile(c *testCase, id strictyaml.Text) {
	if !id.Given() {
		return
	}
	c.fixed = true
	if id.Value == "none" {
		return
	}
	for _, p := range l.pack.profiles {
		if p.ID == id.Value && (c.profile == nil || p.Version > c.profile.Version) {
			c.profile = p
		}
	}
	if c.profile == nil {
		l.report(codeCaseExpect, id, "write the id of a profile of the pack, or none", "the pack has no profile %s", id.Value)
	}
}

// observe sets when Kafka received the event: when it happened, unless the case
// states it.
func (l *caseLoader) observe(c *testCase, at strictyaml.Text) {
	if at.Given() {
		t, err := time.Parse(time.RFC3339, at.Value)
		if err != nil {
			l.report(codeCaseTime, at, "write it as 2026-11-23T18:30:00-05:00", "observed is not an instant")
		}
		c.observed = t
		return
	}
	if c.event == nil || l.cases.rule == nil {
		return
	}
	trigger := l.cases.rule.trigger(&dialect.Scope{Event: &c.event.Record})
	if trigger.at.IsZero() && !l.strayed {
		l.report(codeCaseTime, c.name, "add time: to the event, or observed: to the case", "the case has no time at which the event happened or was seen")
	}
	c.observed = trigger.at
}
