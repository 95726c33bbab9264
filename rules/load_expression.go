package rules

import (
	"regexp"
	"slices"
	"strings"

	"tocsin/rules/diag"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// nameForm is the form of the names of params and lets.
var nameForm = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// expressions compiles everything that is written in the dialect.
func (l *ruleLoader) expressions(p *Pack) {
	r := l.rule
	env := &dialect.Env{Event: r.schema, Materiality: Materiality, Params: map[string]dialect.Const{}, GroupCurrency: p.GroupCurrency, Calendars: p.calendars, Strayed: l.strayed}
	l.env = env
	l.params(env)
	if p.chart != nil {
		env.Subtype = p.chart.subtype
	}
	l.lets(env)
	r.when = l.compile(env, l.file.When, dialect.Bool)
	for _, b := range l.file.Bands {
		r.bands = append(r.bands, band{l.severity(b.Severity), l.compile(env, b.When, dialect.Bool)})
	}
	r.value = l.compile(env, l.file.Value, dialect.Any)
	r.dedup = l.compile(env, l.file.Dedup, dialect.Text)
	l.from(env)
	l.unused()
	for _, program := range []*dialect.Program{r.when, r.value, r.dedup, r.from} {
		r.readsProfile(program)
	}
	for _, b := range r.bands {
		r.readsProfile(b.when)
	}
}

func (r *Rule) readsProfile(p *dialect.Program) {
	if p != nil {
		r.materiality = r.materiality || slices.ContainsFunc(p.Reads(), ofProfile)
	}
}

func (l *ruleLoader) compile(env *dialect.Env, text strictyaml.Text, want dialect.Kind) *dialect.Program {
	if !text.Given() {
		return nil
	}
	p, mistakes := dialect.Compile(l.source(text), env, want)
	l.mistakes = append(l.mistakes, mistakes...)
	return p
}

func (l *ruleLoader) source(text strictyaml.Text) dialect.Source {
	return dialect.Source{File: l.src.Name, FileText: l.src.Text, Line: text.Line, Column: text.Column, Indent: text.Indent, Text: text.Value}
}

func (l *ruleLoader) params(env *dialect.Env) {
	for _, p := range l.file.Params {
		var c dialect.Const
		if p.Value.Given() { // else the decoder has reported it
			var mistakes diag.List
			c, mistakes = dialect.ParseConst(l.source(p.Value.Text))
			l.mistakes = append(l.mistakes, mistakes...)
		}
		l.rule.Params = append(l.rule.Params, Param{p.Key.Value, strings.TrimSpace(p.Value.Value)})
		if l.free(p.Key) {
			env.Params[p.Key.Value] = c // one with a mistake too: its users are not to blame
		}
	}
}

// lets compiles the named expressions, each of which sees those before it.
func (l *ruleLoader) lets(env *dialect.Env) {
	for _, let := range l.file.Let {
		if _, ok := env.Params[let.Key.Value]; ok {
			l.report(codeName, let.Key, "rename one of the two", "%s is a param too", let.Key.Value)
			continue
		}
		p := l.compile(env, let.Value, dialect.Any)
		if p != nil {
			l.rule.lets = append(l.rule.lets, Param{let.Key.Value, p.Text()})
		}
		if l.free(let.Key) {
			env.Lets = append(env.Lets, dialect.Let{Name: let.Key.Value, Program: p})
		}
	}
}

// free reports whether a name may be given.
func (l *ruleLoader) free(name strictyaml.Text) bool {
	switch {
	case !nameForm.MatchString(name.Value):
		l.report(codeName, name, "use lower-case letters, digits and _", "the name %q is malformed", name.Value)
	case name.Value == "materiality" || name.Value == "observed" || l.fieldBegins(name.Value):
		l.report(codeName, name, "rename it", "%s is the name of a field", name.Value)
	default:
		return true
	}
	return false
}

// fieldBegins reports whether a field has the name, or has it as its first part.
func (l *ruleLoader) fieldBegins(name string) bool {
	for i := range l.rule.schema.Fields {
		if first, _, _ := strings.Cut(l.rule.schema.Fields[i].Name, "."); first == name {
			return true
		}
	}
	return false
}

// from compiles the trigger, an instant or a date.
func (l *ruleLoader) from(env *dialect.Env) {
	text := l.file.Deadline.From
	if !text.Given() {
		return
	}
	r := l.rule
	r.fromText = text.Value
	if f := r.schema.Lookup(text.Value); f != nil && (f.Kind == event.Instant || f.Kind == event.Date) {
		r.fromField = f
		return
	}
	r.from = l.compile(env, text, dialect.Moment)
}

// expressionTexts are all the expressions of the rule, in source order.
func (l *ruleLoader) expressionTexts() []strictyaml.Text {
	var all []strictyaml.Text
	for _, let := range l.file.Let {
		all = append(all, let.Value)
	}
	all = append(all, l.file.When)
	for _, b := range l.file.Bands {
		all = append(all, b.When)
	}
	return append(all, l.file.Value, l.file.Dedup, l.file.Deadline.From)
}

// unused reports params and lets that no expression names: a threshold without
// effect misleads the people who approve it. It passes over one that an expression
// misspells.
func (l *ruleLoader) unused() {
	if l.strayed {
		return
	}
	check := func(key strictyaml.Text, kind string) {
		if slices.ContainsFunc(l.mistakes, func(d *diag.Diagnostic) bool { return d.Hint == "did you mean "+key.Value+"?" }) {
			return
		}
		for _, text := range l.expressionTexts() {
			if reads(text.Value, key.Value) {
				return
			}
		}
		l.report(codeUnused, key, "use it or take it away", "nothing reads the %s %s", kind, key.Value)
	}
	for _, p := range l.file.Params {
		check(p.Key, "param")
	}
	for _, let := range l.file.Let {
		check(let.Key, "let")
	}
}

// word matches texts in quotes and names with their dots.
var word = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`|\\.?[A-Za-z_][A-Za-z0-9_.]*")

// reads reports whether an expression names something: name itself or a member
// of it.
func reads(expression, name string) bool {
	for _, w := range word.FindAllString(expression, -1) {
		if first, _, _ := strings.Cut(w, "."); first == name {
			return true
		}
	}
	return false
}
