package adsgl

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"tocsin/rules/diag"
)

// layout holds the place of each column in a row.
type layout struct {
	separator byte
	width     int
	at        [columns]int // -1: the file does not have it
	header    []string     // names as the file has them
	unknown   []string     // names of the header that are not read, sorted
	line      int          // of the header
	titles    int          // lines above the header that are not blank
}

// cell returns a column's value without surrounding blanks, or "".
func (l *layout) cell(fields []string, c column) string {
	if at := l.at[c]; at >= 0 && at < len(fields) {
		return strings.TrimSpace(fields[at])
	}
	return ""
}

func (l *layout) has(c column) bool { return l.at[c] >= 0 }

// required are the columns without which there is no journal, next to amounts.
var required = []column{journalID, account}

// maxTitles bounds the lines among which the header is looked for.
const maxTitles = 100

// separators are tried in this order; the standard allows the first two.
const separators = ",|;\t"

// sepLine is the line that names the separator to a spreadsheet.
var sepLine = regexp.MustCompile(`(?i)^"?sep=(.)"?[,;|\t]*$`)

// attempt is a reading of a line as a header.
type attempt struct {
	layout  *layout
	found   int      // known names
	missing []string // required names that it lacks
	twice   []string // names that it has twice
}

func (a *attempt) good() bool {
	return a != nil && len(a.missing) == 0 && len(a.twice) == 0
}

// header reads the layout from the first line that names the required columns.
// The lines above it are titles. Where no line is such a header, the error is
// about the line that names most.
func (r *rows) header(opt *Options) (*layout, error) {
	allowed := separators
	if opt.Separator != 0 {
		allowed = string(rune(opt.Separator))
	}
	var best *attempt
	var titles int
	for titles < maxTitles {
		first, err := r.take()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if first.fault == "" && strings.TrimSpace(first.text) == "" {
			continue
		}
		if m := sepLine.FindStringSubmatch(strings.TrimSpace(first.text)); m != nil && best == nil {
			if opt.Separator == 0 && len(m[1]) == 1 {
				allowed = m[1]
			}
			continue
		}
		tried, err := r.try(first, allowed, opt.Columns)
		if err != nil {
			return nil, err
		}
		if tried.good() {
			tried.layout.titles = titles
			r.separator, r.width = tried.layout.separator, tried.layout.width
			return tried.layout, tried.layout.checkText()
		}
		titles++
		if tried != nil && (best == nil || tried.found > best.found) {
			best = tried
		}
	}
	return nil, best.error(opt.Columns, titles)
}

// try reads a line as a header. A quoted name may have line breaks: then the
// lines that follow belong to it.
func (r *rows) try(first row, allowed string, cols *Columns) (*attempt, error) {
	text := first.text
	var more []row
	for isOpen(text, allowed) && len(more) < 10 {
		next, err := r.take()
		if err == io.EOF || err == nil && next.fault != "" {
			if err == nil {
				more = append(more, next)
			}
			break
		}
		if err != nil {
			return nil, err
		}
		more = append(more, next)
		text += "\n" + next.text
	}
	tried := newAttempt(text, allowed, cols)
	if len(more) > 0 && !tried.good() {
		r.ahead = append(more, r.ahead...)
		tried = newAttempt(first.text, allowed, cols)
	}
	if tried != nil {
		tried.layout.line = first.at
	}
	return tried, nil
}

// isOpen reports whether a quoted field continues after the text. A quote within
// a field, as in a title that has inches, opens none.
func isOpen(text, separators string) bool {
	for i := range len(separators) {
		if _, s := split(text, separators[i], nil); s == open {
			return true
		}
	}
	return false
}

// newAttempt reads a header with each separator and keeps the one under which
// most names are known, or nil when none is.
func newAttempt(text, allowed string, cols *Columns) *attempt {
	var best *attempt
	for i := range len(allowed) {
		fields, state := split(text, allowed[i], nil)
		if state != whole {
			continue
		}
		a := &attempt{layout: &layout{separator: allowed[i], width: len(fields), header: slices.Clone(fields)}}
		a.read(cols)
		if a.found > 0 && (best == nil || a.found > best.found) {
			best = a
		}
	}
	return best
}

func (a *attempt) read(cols *Columns) {
	l := a.layout
	for c := range l.at {
		l.at[c] = -1
	}
	if cols != nil {
		a.declared(cols)
	} else {
		a.standard()
	}
	if l.has(debitAmount) && l.has(indicator) { // the columns are the sides
		l.unknown = append(l.unknown, plain(l.header[l.at[indicator]]))
		l.at[indicator] = -1
	}
	slices.Sort(l.unknown)
	for _, c := range required {
		if !l.has(c) {
			a.missing = append(a.missing, c.String())
		}
	}
	switch {
	case l.has(amount) && l.has(debitAmount) && l.has(creditAmount):
		a.twice = append(a.twice, "the amount (Amount; Debit and Credit)")
	case l.has(amount):
	case l.has(debitAmount) != l.has(creditAmount):
		only := map[bool]column{true: creditAmount, false: debitAmount}[l.has(debitAmount)]
		a.missing = append(a.missing, only.String())
	case !l.has(debitAmount):
		a.missing = append(a.missing, amount.String())
	}
}

// standard finds the columns by the names of the standard.
func (a *attempt) standard() {
	l := a.layout
	for at, name := range l.header {
		c, ok := known[fold(name)]
		switch {
		case !ok && strings.TrimSpace(name) != "":
			l.unknown = append(l.unknown, plain(name))
		case ok && l.at[c] >= 0:
			a.twice = append(a.twice, c.String())
		case ok:
			l.at[c] = at
			a.found++
		}
	}
}

// plain is a name in one line.
func plain(name string) string { return strings.Join(strings.Fields(name), " ") }

func (l *layout) checkText() error {
	for _, name := range l.header {
		if !utf8.ValidString(name) {
			return fmt.Errorf("the header in line %d %w", l.line, errNotUTF8)
		}
	}
	return nil
}

// otherNames is the remedy for a header that is not known.
const otherNames = "map other names with --columns, or name a separator that is none of , ; | and tab with --separator"

// error reports why no line is a header.
func (a *attempt) error(cols *Columns, titles int) error {
	switch {
	case titles == 0:
		return errEmpty
	case a == nil && cols != nil:
		return diag.List{cols.src.FileMistake(codeColumn, "name the header's columns as the file has them, and its separator with --separator", "no line of the first %d names any of these columns", min(titles, maxTitles))}
	case a == nil:
		return fmt.Errorf("no line of the first %d names a column of the Audit Data Standard general ledger detail; the header is a line such as %s,%s,%s; %s", min(titles, maxTitles), journalID, account, amount, otherNames)
	case a.layout.checkText() != nil:
		return a.layout.checkText()
	case len(a.twice) > 0:
		slices.SortFunc(a.twice, cmp.Compare[string])
		return fmt.Errorf("the header names %s twice; name the column to read with --columns", strings.Join(a.twice, ", "))
	case cols != nil:
		return a.undeclared(cols)
	}
	return fmt.Errorf("the header in line %d lacks %s; %s", a.layout.line, strings.Join(a.missing, ", "), otherNames)
}

// undeclared reports declared columns that the header lacks.
func (a *attempt) undeclared(cols *Columns) error {
	var mistakes diag.List
	for _, d := range cols.columns {
		if !a.layout.has(d.column) {
			hint := "the header has " + strings.Join(a.layout.header, ", ")
			if near := diag.Nearest(d.name.Value, a.layout.header); near != "" {
				hint = "did you mean " + near + "?"
			}
			mistakes = append(mistakes, cols.src.Mistake(codeColumn, d.name, hint, "the header in line %d has no column %q", a.layout.line, d.name.Value))
		}
	}
	return mistakes.Err()
}
