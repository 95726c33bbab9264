package dialect

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/rules/diag"
)

// Source is an expression or a constant and where it stands.
type Source struct {
	File     string // path as the user gave it
	FileText string // the whole file; "" when it is not at hand
	Line     int    // of the first rune of Text, from 1
	Column   int    // of the first rune of Text, from 1, in runes: behind the quote of a quoted scalar
	Indent   int    // columns before the following lines of Text, used when FileText is ""
	// Text is the scalar's value. It may be of several lines, and of a block,
	// folded, quoted or plain scalar alike: places in it are found by following
	// the file's text from Line and Column on, passing over white space and over
	// the escapes of quoted scalars.
	Text string
}

// span is a part of a Source: rune offsets, to excluded.
type span struct{ from, to int }

func (s span) join(o span) span {
	switch {
	case s == span{}:
		return o
	case o == span{}:
		return s
	}
	return span{min(s.from, o.from), max(s.to, o.to)}
}

// written is the text of a part, on one line.
func (s *Source) written(part span) string {
	text := s.Text[s.offset(part.from):s.offset(part.to)]
	if !strings.ContainsFunc(text, func(r rune) bool { return r != ' ' && unicode.IsSpace(r) }) && !strings.Contains(text, "  ") {
		return strings.Trim(text, " ")
	}
	return strings.Join(strings.Fields(text), " ")
}

// offset is where a rune begins, in bytes.
func (s *Source) offset(rune int) int {
	for i := range s.Text {
		if rune == 0 {
			return i
		}
		rune--
	}
	return len(s.Text)
}

// position is a line and a column of a file, from 1.
type position struct{ line, column int }

// at returns the position in the file of the rune at an offset.
func (s *Source) at(offset int) position {
	if s.FileText == "" {
		return s.counted(offset)
	}
	p, ok := s.followed(offset)
	if !ok {
		return position{s.Line, s.Column}
	}
	return p
}

// counted finds a position by the text alone.
func (s *Source) counted(offset int) position {
	p := position{s.Line, s.Column}
	for _, r := range s.Text {
		if offset == 0 {
			break
		}
		offset--
		p.column++
		if r == '\n' {
			p = position{p.line + 1, s.Indent + 1}
		}
	}
	return p
}

// followed finds a position by going along the file's text. It gives up when
// the file does not hold the expression's text there.
func (s *Source) followed(offset int) (position, bool) {
	p := position{s.Line, s.Column}
	rest := s.FileText
	for n := s.Line; n > 1; n-- {
		_, after, ok := strings.Cut(rest, "\n")
		if !ok {
			return p, false
		}
		rest = after
	}
	for n := s.Column; n > 1 && rest != ""; n-- {
		_, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
	}
	step := func() {
		r, size := utf8.DecodeRuneInString(rest)
		rest = rest[size:]
		p.column++
		if r == '\n' {
			p = position{p.line + 1, 1}
		}
	}
	for i, r := range []rune(s.Text) {
		if !unicode.IsSpace(r) {
			for seen, _ := utf8.DecodeRuneInString(rest); seen != r && rest != "" && (unicode.IsSpace(seen) || seen == '\\' || seen == '\''); seen, _ = utf8.DecodeRuneInString(rest) {
				step()
			}
			if seen, _ := utf8.DecodeRuneInString(rest); seen != r || rest == "" {
				return p, false
			}
		}
		if i == offset {
			return p, true
		}
		if seen, _ := utf8.DecodeRuneInString(rest); !unicode.IsSpace(r) || seen == r {
			step()
		}
	}
	return p, true
}

// mistake is a diagnostic about a part of the source.
func (s *Source) mistake(code string, at span, message, hint string) *diag.Diagnostic {
	p := s.at(at.from)
	width := 1
	if at.to > at.from {
		if end := s.at(at.to - 1); end.line == p.line && end.column >= p.column {
			width = end.column - p.column + 1
		} else if end.line > p.line {
			// Underline to the end of the first line.
			width = max(utf8.RuneCountInString(diag.SourceLine(s.FileText, p.line))-p.column+1, 1)
		}
	}
	d := &diag.Diagnostic{Code: code, File: s.File, Line: p.line, Column: p.column, Width: width, Message: message, Hint: hint}
	if s.FileText != "" {
		d.Source = diag.SourceLine(s.FileText, p.line)
	}
	return d
}
