package rules

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// ruleFile is a rule as it is written; doc.go explains each key.
type ruleFile struct {
	ID          strictyaml.Text                  `yaml:"id,required"`
	Revision    strictyaml.Whole                 `yaml:"revision,required"`
	Title       strictyaml.Text                  `yaml:"title,required"`
	Description string                           `yaml:"description"`
	Owner       strictyaml.Text                  `yaml:"owner,required"`
	Item        strictyaml.Text                  `yaml:"item,required"`
	Severity    strictyaml.Text                  `yaml:"severity,required"`
	AppliesTo   []strictyaml.Text                `yaml:"applies_to,required"`
	Citation    strictyaml.Text                  `yaml:"citation,required"`
	Params      strictyaml.Map[strictyaml.Const] `yaml:"params"`
	Let         strictyaml.Map[strictyaml.Text]  `yaml:"let"`
	Requires    []strictyaml.Text                `yaml:"requires"`
	OnMissing   strictyaml.Text                  `yaml:"on_missing"`
	When        strictyaml.Text                  `yaml:"when,required"`
	Bands       []bandFile                       `yaml:"bands"`
	Value       strictyaml.Text                  `yaml:"value"`
	Dedup       strictyaml.Text                  `yaml:"dedup"`
	Deadline    deadlineFile                     `yaml:"deadline,required"`
	Runbook     strictyaml.Text                  `yaml:"runbook,required"`
}

type bandFile struct {
	Severity strictyaml.Text `yaml:"severity,required"`
	When     strictyaml.Text `yaml:"when,required"`
}

type deadlineFile struct {
	Clock strictyaml.Text `yaml:"clock,required"`
	From  strictyaml.Text `yaml:"from"`
	Basis strictyaml.Text `yaml:"basis"`
}

// ruleLoader reads one rule and collects what is wrong with it.
type ruleLoader struct {
	src      *strictyaml.Source
	file     ruleFile
	rule     *Rule
	env      *dialect.Env // what the names in its expressions mean
	mistakes diag.List
	strayed  bool // a key of the file is like none known, and may hold params
}

// loadRule reads a rule of a pack whose currency and calendars are known.
// id is returned even when the rule has mistakes.
func loadRule(src *strictyaml.Source, stem string, p *Pack) (*Rule, strictyaml.Text, diag.List) {
	l := &ruleLoader{src: src}
	l.mistakes = strictyaml.Decode(src, &l.file, strictyaml.Options{})
	l.strayed = strayed(l.mistakes)
	l.build(stem, p)
	if len(l.mistakes) > 0 {
		return nil, l.file.ID, l.mistakes
	}
	return l.rule, l.file.ID, nil
}

// build makes the rule from its file.
func (l *ruleLoader) build(stem string, p *Pack) {
	l.rule = &Rule{ID: l.file.ID.Value, Revision: l.file.Revision.N, Title: l.file.Title.Value, Description: l.file.Description,
		Owner: l.file.Owner.Value, Item: l.file.Item.Value, Citation: l.file.Citation.Value, Runbook: l.file.Runbook.Value}
	// Check the rest after mistakes of the YAML too, so that the author sees
	// everything at once.
	l.identity(stem)
	l.texts()
	l.words()
	l.clock(p.calendars)
	if l.types() {
		l.fields()
		l.expressions(p)
	}
}

// report adds a mistake at a scalar. It skips a scalar that is missing, because
// the decoder has reported that.
func (l *ruleLoader) report(code string, at strictyaml.Text, hint, format string, args ...any) {
	if at.Given() {
		l.mistakes = append(l.mistakes, l.src.Mistake(code, at, hint, format, args...))
	}
}

func (l *ruleLoader) identity(stem string) {
	id := l.file.ID
	switch {
	case !idForm.MatchString(id.Value):
		l.report(codeID, id, "use letters, digits, and . _ - within", "the id is malformed")
	case id.Value != stem:
		l.report(codeID, id, fmt.Sprintf("name the file %s.yaml", id.Value), "the id is %s and the file's name is %s", id.Value, stem)
	}
	if l.rule.Revision < 1 {
		l.report(codeEmpty, l.file.Revision.Text, "count revisions from 1: revision: 1", "revision is less than 1")
	}
}

func (l *ruleLoader) texts() {
	for _, t := range []struct {
		name string
		text strictyaml.Text
	}{{"title", l.file.Title}, {"owner", l.file.Owner}, {"citation", l.file.Citation}, {"runbook", l.file.Runbook}} {
		if strings.TrimSpace(t.text.Value) == "" {
			l.report(codeEmpty, t.text, "write it: the reader of an alert needs it", "%s is empty", t.name)
		}
	}
}

// severities and outcomes are the words of a rule file.
var (
	severities = map[string]Severity{"S1": S1, "S2": S2, "S3": S3, "S4": S4}
	outcomes   = map[string]Outcome{"indeterminate": Indeterminate, "match": Match, "no_match": NoMatch, "": Indeterminate}
)

func (l *ruleLoader) severity(at strictyaml.Text) Severity {
	s, ok := severities[at.Value]
	if !ok {
		hint := "write S1 (now), S2 (the same business day), S3 (the next business day) or S4 (in the digest)"
		if upper := strings.ToUpper(at.Value); severities[upper] != 0 {
			hint = "write " + upper
		}
		l.report(codeWord, at, hint, "unknown severity %q", at.Value)
	}
	return s
}

func (l *ruleLoader) words() {
	l.rule.Severity = l.severity(l.file.Severity)
	missing, ok := outcomes[l.file.OnMissing.Value]
	if !ok {
		l.report(codeWord, l.file.OnMissing, "write indeterminate, match or no_match", "unknown on_missing %q", l.file.OnMissing.Value)
	}
	l.rule.OnMissing = missing
}

// types resolves applies_to and reports whether a schema is known.
func (l *ruleLoader) types() bool {
	var names []string
	for _, t := range event.Types() {
		names = append(names, t.Name)
	}
	if l.file.AppliesTo != nil && len(l.file.AppliesTo) == 0 {
		l.report(codeEmpty, l.file.ID, "name the event types that the rule judges", "applies_to is empty")
	}
	for _, at := range l.file.AppliesTo {
		t := event.LookupType(at.Value)
		switch {
		case t == nil:
			hint := "write one of the types in rules/event/README.md"
			if near := diag.Nearest(at.Value, names); near != "" {
				hint = "did you mean " + near + "?"
			}
			l.report(codeType, at, hint, "unknown event type %q", at.Value)
			continue
		case slices.Contains(l.rule.AppliesTo, t):
			l.report(codeDuplicate, at, "keep one", "%s stands twice", at.Value)
			continue
		case l.rule.schema != nil && l.rule.schema != t.Schema:
			l.report(codeMixed, at, "write a rule for each: they have different fields", "%s is a %s, the types before it are not",
				at.Value, strings.ReplaceAll(t.Schema.Name, "_", " "))
			continue
		}
		l.rule.schema = t.Schema
		l.rule.AppliesTo = append(l.rule.AppliesTo, t)
	}
	return l.rule.schema != nil
}

// clock checks item, clock and basis.
func (l *ruleLoader) clock(cal *calendar.Calendars) {
	item, known := calendar.LookupItem(l.file.Item.Value)
	if !known && l.file.Item.Value != "P" && l.file.Item.Value != "I" {
		l.report(codeItem, l.file.Item, `write an item of Form 8-K such as "1.01" or "5.02(b)", P (periodic report) or I (internal)`, "unknown item %q", l.file.Item.Value)
	}
	d := l.file.Deadline
	info, ok := cal.Clock(calendar.Clock(d.Clock.Value))
	if !ok {
		var codes []string
		for _, c := range cal.Clocks() {
			codes = append(codes, string(c.Code))
		}
		l.report(codeClock, d.Clock, "write one of "+strings.Join(codes, ", "), "unknown clock %q", d.Clock.Value)
		return
	}
	if known && info.Deadline && info.Code != item.Clock && !slices.Contains(item.Also, info.Code) {
		allowed := []string{string(item.Clock)}
		for _, c := range item.Also {
			allowed = append(allowed, string(c))
		}
		l.report(codeClock, d.Clock, "write "+strings.Join(allowed, " or ")+"; a precursor has I, P, V or NONE", "clock %s is none of item %s", info.Code, item.Code)
	}
	l.rule.Clock, l.rule.Basis = info.Code, info.Basis
	if d.Basis.Given() {
		bases := []calendar.Basis{calendar.Occurrence, calendar.Determination, calendar.Notice, calendar.Awareness, calendar.Filing}
		if l.rule.Basis = calendar.Basis(d.Basis.Value); !slices.Contains(bases, l.rule.Basis) {
			l.report(codeClock, d.Basis, "write occurrence, determination, notice, awareness or filing", "unknown basis %q", d.Basis.Value)
		}
	}
}

// fields resolves requires and the fields that the engine reads.
func (l *ruleLoader) fields() {
	r := l.rule
	r.eventTime, r.eventID = r.schema.Lookup("event_time"), r.schema.Lookup("event_id")
	r.eventSource, r.registrant = r.schema.Lookup("event_source"), r.schema.Lookup("registrant_cik")
	r.company = r.schema.Lookup("company_code") // nil for a system event
	for _, at := range l.file.Requires {
		f := r.schema.Lookup(at.Value)
		if f == nil {
			l.report(codeField, at, nearField(r.schema, at.Value), "a %s has no field %q", strings.ReplaceAll(r.schema.Name, "_", " "), at.Value)
			continue
		}
		r.requires = append(r.requires, f)
	}
}

func nearField(s *event.Schema, name string) string {
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = s.Fields[i].Name
	}
	if near := diag.Nearest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	return "write one of the fields in rules/event/README.md; tocsin schema fields lists them"
}
