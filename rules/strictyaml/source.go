// Package strictyaml decodes files that people write: configuration, packs,
// rules, cases. It is strict, because an ignored mistyped key makes a rule that
// silently never fires. It reports all the mistakes of a file at once, each with its
// place.
//
// It accepts a subset of YAML: one document of mappings, lists and scalars. It
// refuses anchors, aliases, merge keys, tags and tabs, so that each value stands
// where a reader sees it. A scalar has the type of the Go field it is
// decoded into and never one of its own, so item: 1.10 decoded into a text is
// "1.10" and no number.
package strictyaml

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tocsin/rules/diag"
)

// The codes of this package's diagnostics.
const (
	CodeSyntax     = "E101" // not YAML, not UTF-8, too large, or empty
	CodeUnknownKey = "E102"
	CodeDuplicate  = "E103" // a key stands twice in a mapping
	CodeKind       = "E104" // a list where a text is wanted, and the like
	CodeMissingKey = "E105"
	CodeForbidden  = "E106" // anchor, alias, merge key, tag
	CodeDocuments  = "E107" // more than one document
	CodeTab        = "E108" // a tab in the indentation
	CodeScalar     = "E109" // a scalar that cannot be read: no number, no duration
	CodeNoValue    = "E110" // a key without a value
	CodeExpand     = "E111" // an environment variable that cannot be filled in
)

// KnownKeys begins the remedy for a key that is like none of those known.
const KnownKeys = "known keys: "

// Source is a file's name, as the user gave it, and its text.
type Source struct {
	Name string
	Text string
}

// Text is a scalar as it was written, with its place.
type Text struct {
	Value  string
	Line   int // of its first rune, from 1; 0 when the key was not given
	Column int // of its first rune, from 1, in runes
	Indent int // columns before its following lines, for a block
}

// Const is a constant: a scalar, or a list of scalars, whose Text is then the
// list as JSON: ["a","b"].
type Const struct{ Text }

// Whole is a whole number with its place, which is not given when the number
// cannot be read.
type Whole struct {
	Text
	N int
}

// Given reports whether the scalar stands in the file.
func (t Text) Given() bool { return t.Line != 0 }

// String returns the scalar's value.
func (t Text) String() string { return t.Value }

// Mistake is a diagnostic that underlines the first line of a scalar.
func (s *Source) Mistake(code string, at Text, hint, format string, args ...any) *diag.Diagnostic {
	line, _, _ := strings.Cut(at.Value, "\n")
	return s.mistake(code, at.Line, at.Column, utf8.RuneCountInString(line), hint, format, args...)
}

// FileMistake is a diagnostic about the file as a whole.
func (s *Source) FileMistake(code, hint, format string, args ...any) *diag.Diagnostic {
	return &diag.Diagnostic{Code: code, File: s.Name, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (s *Source) mistake(code string, line, column, width int, hint, format string, args ...any) *diag.Diagnostic {
	return &diag.Diagnostic{Code: code, File: s.Name, Line: line, Column: column, Width: max(width, 1),
		Message: fmt.Sprintf(format, args...), Hint: hint, Source: diag.SourceLine(s.Text, line)}
}
