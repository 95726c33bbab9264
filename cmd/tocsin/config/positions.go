package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/pipeline"
	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// positions holds the place of each key of a file, by its path, and of each item of its
// lists: kafka.topics[0].
type positions map[string]position

type position struct {
	line, column int
	width        int      // with a value on the same line
	variables    []string // of the environment, from which the value comes
}

func positionsIn(src *strictyaml.Source) positions {
	var tree strictyaml.Tree
	strictyaml.Decode(src, &tree, strictyaml.Options{}) // its mistakes are known
	all := positions{}
	all.add("", tree)
	return all
}

// add adds the positions below a path, and returns the variables in their values.
func (all positions) add(path string, t strictyaml.Tree) (variables []string) {
	for _, ref := range reference.FindAllStringSubmatch(t.Text.Value, -1) {
		if name := "${" + ref[1] + "}"; !slices.Contains(variables, name) {
			variables = append(variables, name)
		}
	}
	for _, m := range t.Members {
		p := position{line: m.Key.Line, column: m.Key.Column, width: utf8.RuneCountInString(m.Key.Value)}
		if v := m.Value; v.Scalar && v.Text.Line == p.line && !strings.Contains(v.Text.Value, "\n") {
			p.width = v.Text.Column + utf8.RuneCountInString(v.Text.Value) - p.column
			if v.Quoted {
				p.width++
			}
		}
		key := strings.TrimPrefix(path+"."+m.Key.Value, ".")
		p.variables = all.add(key, m.Value)
		all[key] = p
		variables = append(variables, p.variables...)
	}
	for i, item := range t.List {
		p := position{line: item.Text.Line, column: item.Text.Column, width: utf8.RuneCountInString(item.Text.Value)}
		if item.Quoted {
			p.column, p.width = p.column-1, p.width+2
		}
		key := fmt.Sprintf("%s[%d]", path, i)
		p.variables = all.add(key, item)
		all[key] = p
		variables = append(variables, p.variables...)
	}
	return variables
}

// of returns the place of a key, or of the section that it is missing from, and
// whether the key itself has one.
func (all positions) of(key string) (p position, own bool) {
	if p, own = all[key]; own {
		return p, true
	}
	for cut := strings.LastIndexAny(key, ".["); p.line == 0 && cut > 0; cut = strings.LastIndexAny(key, ".[") {
		key = key[:cut]
		p = all[key]
	}
	return p, false
}

// diagnostic returns a mistake as it is printed. Its place is that of the first of
// its keys in the file, or of the section of one.
func (all positions) diagnostic(src *strictyaml.Source, m *pipeline.Mistake) *diag.Diagnostic {
	d := &diag.Diagnostic{Code: codeConfigValue, File: src.Name, Message: m.Text(all.shown)}
	at := slices.IndexFunc(m.Keys, func(key string) bool { _, own := all.of(key); return own })
	where, _ := all.of(m.Keys[max(0, at)])
	d.Line, d.Column, d.Width = where.line, where.column, where.width
	if where.line > 0 {
		d.Source = diag.SourceLine(src.Text, where.line)
	}
	for i, key := range m.Keys {
		p, own := all.of(key)
		switch {
		case len(m.Keys) == 1 || own && i == at:
		case own:
			hint(d, fmt.Sprintf("%s is set at %s:%d:%d", key, src.Name, p.line, p.column))
		default:
			hint(d, key+" is not set in the file")
		}
		all.name(d, key)
	}
	hide(d)
	return d
}

func hint(d *diag.Diagnostic, text string) { d.Hint = strings.TrimPrefix(d.Hint+"; "+text, "; ") }

// name adds the variables that a key's value comes from, unless the message has
// them.
func (all positions) name(d *diag.Diagnostic, key string) {
	if names := strings.Join(all[key].variables, " and "); names != "" && !strings.Contains(d.Message, names) {
		hint(d, key+" is set by "+names)
	}
}

// shown returns a value for a message: the name of the variable that it comes from,
// and *** for a secret.
func (all positions) shown(s pipeline.Setting) string {
	if p, own := all[s.Key]; own && len(p.variables) > 0 {
		return strings.Join(p.variables, " and ")
	}
	if text, ok := s.Value.(string); ok && secret(s.Key, text) {
		return masked
	}
	return s.String()
}

// spoilt returns whether a mistake follows from those of the decoder: a setting that
// could not be read, or may be the one that is mistyped, has its default instead.
func (all positions) spoilt(mistakes diag.List) func(*pipeline.Mistake) bool {
	var unread, mistyped []string // keys, and sections with a mistyped key
	for _, d := range mistakes {
		switch key := all.before(d.Line, d.Column); d.Code {
		case strictyaml.CodeMissingKey: // its place is another key
		case strictyaml.CodeUnknownKey:
			mistyped = append(mistyped, section(key))
		default:
			unread = append(unread, key)
		}
	}
	required := map[string]bool{}
	for _, k := range keysOf(Config{}) {
		required[k.path] = k.required
	}
	bad := func(key string) bool {
		key, _, _ = strings.Cut(key, "[")
		if slices.ContainsFunc(unread, func(other string) bool { return below(key, other) || below(other, key) }) {
			return true
		}
		for ; key != "" && all[key].line == 0; key = section(key) {
			if required[key] || slices.Contains(mistyped, section(key)) {
				return true
			}
		}
		return false
	}
	return func(m *pipeline.Mistake) bool { return len(mistakes) > 0 && slices.ContainsFunc(m.Keys, bad) }
}

// section returns the key that a key is in; "" at the top.
func section(key string) string { return key[:max(0, strings.LastIndexByte(key, '.'))] }

// before returns the last key that begins at a place or before it.
func (all positions) before(line, column int) (key string) {
	last := position{}
	for path, p := range all {
		if strings.HasSuffix(path, "]") || p.line > line || p.line == line && p.column > column {
			continue
		}
		if p.line > last.line || p.line == last.line && p.column > last.column {
			key, last = path, p
		}
	}
	return key
}

// below reports whether a key is the other one or within it.
func below(key, other string) bool { return key == other || strings.HasPrefix(key, other+".") }
