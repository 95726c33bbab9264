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

// templates are the events that cases can begin with, and their file.
type templates struct {
	src     *strictyaml.Source
	all     strictyaml.Map[caseEvent]
	unread  bool // the file cannot be read
	strayed bool // a key of it is like none known
}

// loadTemplates reads the pack's templates, if it has any.
func loadTemplates(t *tree) (*templates, diag.List) {
	if _, ok := t.files[templatesFileName]; !ok {
		return &templates{}, nil
	}
	var file templatesFile
	src := t.source(templatesFileName)
	mistakes := strictyaml.Decode(src, &file, strictyaml.Options{})
	read := &templates{src: src, all: file.Templates, strayed: strayed(mistakes), unread: len(mistakes) > 0 && file.Templates == nil}
	if len(mistakes) == 0 {
		mistakes = checkSchema(src, file.Schema, templatesSchema)
	}
	for _, template := range file.Templates {
		if at := template.Value.Template; at.Given() {
			mistakes = append(mistakes, src.Mistake(codeTemplate, at, "write out what it has in common with the other", "a template does not begin with a template"))
		}
	}
	return read, mistakes
}

// template is the event that a case begins with: the one that it names, or that
// its base does, or an empty one. It is nil where there is none of that name.
func (l *caseLoader) template(base, own *caseEvent) *caseEvent {
	name := own.Template
	if !name.Given() {
		name = base.Template
	}
	if !name.Given() {
		return &caseEvent{}
	}
	var names []string
	for i := range l.templates.all {
		if l.templates.all[i].Key.Value == name.Value {
			return &l.templates.all[i].Value
		}
		names = append(names, l.templates.all[i].Key.Value)
	}
	if l.templates.unread {
		return nil
	}
	hint := "write a template into " + templatesFileName
	if near := diag.Nearest(name.Value, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	l.report(codeTemplate, name, hint, "the pack has no template %q", name.Value)
	return nil
}
