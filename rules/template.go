package rules

import (
	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

const (
	templatesFileName = "cases/templates.yaml"
	templatesSchema   = "tocsin.templates/v1"
)

// templatesFile holds events that several files of cases begin with, by name.
type templatesFile struct {
	Schema    strictyaml.Text           `yaml:"schema,required"`
	Templates strictyaml.Map[caseEvent] `yaml:"templates,required"`
}

// loadTemplates reads the pack's templates, if it has any.
func loadTemplates(t *tree) (strictyaml.Map[caseEvent], diag.List) {
	if _, ok := t.files[templatesFileName]; !ok {
		return nil, nil
	}
	var file templatesFile
	src := t.source(templatesFileName)
	mistakes := strictyaml.Decode(src, &file, strictyaml.Options{})
	if len(mistakes) == 0 {
		mistakes = checkSchema(src, file.Schema, templatesSchema)
	}
	for _, template := range file.Templates {
		if at := template.Value.Template; at.Given() {
			mistakes = append(mistakes, src.Mistake(codeTemplate, at, "write out what it has in common with the other", "a template does not begin with a template"))
		}
	}
	return file.Templates, mistakes
}

// template is the event that a case begins with: the one that it names, or that
// its base does, or an empty one.
func (l *caseLoader) template(base, own *caseEvent) *caseEvent {
	name := own.Template
	if !name.Given() {
		name = base.Template
	}
	if !name.Given() {
		return &caseEvent{}
	}
	var names []string
	for i := range l.templates {
		if l.templates[i].Key.Value == name.Value {
			return &l.templates[i].Value
		}
		names = append(names, l.templates[i].Key.Value)
	}
	hint := "templates stand in " + templatesFileName
	if near := diag.Nearest(name.Value, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	l.report(codeTemplate, name, hint, "the pack has no template %q", name.Value)
	return &caseEvent{}
}
