package adsgl

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
)

var (
	errNoCurrencyColumn = fmt.Errorf("the header lacks %s; add it, or name the currency of every line with --currency", currency)
	errNothing          = errors.New("the file has a header and no line below it: nothing was read")
)

// Notation is the first reading of a file: what its header names, and how it
// writes amounts, dates and times. A file is taken to write all of them in one
// way, so that one amount or date that can be read in one way only decides the
// others.
type Notation struct {
	reader reader
	seen   forms

	decimalBy, orderBy int // lines by which settle decided

	Rows   int // rows with a line of a journal
	Blank  int // rows of separators only
	Totals []int
	Again  []int // rows that repeat the header
}

// forms are the lines of the file that first show a form; 0: no line does.
type forms struct {
	point, comma, eitherMark          int
	monthFirst, dayFirst, eitherOrder int
	longTime                          int // a plain time that HHMM cannot be
	midnight, clocked                 int // times of entry at 00:00, and others
	utf8, notUTF8                     int // texts read as Windows-1252
}

// NewNotation reads the whole file. The error is one of the file: no header, a
// required column missing, nothing below the header, a reader that fails.
func NewNotation(in io.Reader, opt Options) (*Notation, error) {
	opt = opt.complete()
	rows, err := newRows(in, &opt)
	if err != nil {
		return nil, err
	}
	n := &Notation{}
	r := &n.reader
	r.opt, r.foreign = opt, rows.encoding != UTF8
	if r.layout, err = rows.header(&opt); err != nil {
		return nil, err
	}
	r.opt.Encoding = rows.encoding
	if opt.Currency == "" && !r.layout.has(currency) {
		return nil, errNoCurrencyColumn
	}
	for {
		row, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		n.take(row)
	}
	if n.Rows == 0 {
		return nil, errNothing
	}
	if n.seen.utf8 > 0 && n.seen.notUTF8 == 0 {
		return nil, errLooksUTF8
	}
	n.settle()
	return n, nil
}

func (n *Notation) take(row row) {
	kind, bad := n.reader.take(row)
	switch kind {
	case blankRow:
		n.Blank++
		return
	case totalRow:
		n.Totals = append(n.Totals, row.at)
		return
	case headerRow:
		n.Again = append(n.Again, row.at)
		return
	}
	n.Rows++
	if bad != nil {
		return
	}
	s := &n.seen
	if n.reader.opt.Encoding == Windows1252 {
		isUTF8, isNot := disguised(row.text)
		first(&s.utf8, row.at, isUTF8)
		first(&s.notUTF8, row.at, isNot)
	}
	for _, c := range amountColumns {
		text := n.reader.cell(c)
		if text == "" {
			continue
		}
		_, text = unsign(text)
		form := evidenceOf(oneMark(text))
		first(&s.eitherMark, row.at, form == eitherForm)
		first(&s.point, row.at, form == pointForm && readable(text, '.'))
		first(&s.comma, row.at, form == commaForm && readable(text, ','))
	}
	for _, c := range dateColumns {
		if text := n.reader.cell(c); text != "" && !shortYear(text) {
			order, either := orderOf(text)
			first(&s.eitherOrder, row.at, either)
			first(&s.monthFirst, row.at, order == MonthFirst)
			first(&s.dayFirst, row.at, order == DayFirst)
		}
	}
	text := n.plainTime()
	if plain, _, _, ok := cutZone(text); ok && digits(plain) {
		_, err := parseTime(text, true)
		first(&s.longTime, row.at, err != nil)
	}
	at, err := parseTime(text, false)
	if err != nil {
		at, err = parseTime(text, true)
	}
	first(&s.midnight, row.at, err == nil && at.known && at.micros == 0)
	first(&s.clocked, row.at, err == nil && at.known && at.micros != 0)
}

var dateColumns = []column{effectiveDate, documentDate, enteredDate}

// plainTime is the time of entry, from its own column or behind the date.
func (n *Notation) plainTime() string {
	if text := n.reader.cell(enteredTime); text != "" {
		return text
	}
	_, rest := cutTime(n.reader.cell(enteredDate))
	return rest
}

func first(at *int, line int, is bool) {
	if is && *at == 0 {
		*at = line
	}
}

// readable reports whether an amount can be read with the mark: a form alone
// decides nothing.
func readable(text string, mark byte) bool {
	if text == "" {
		return false
	}
	_, err := parseAmount(text, mark)
	return err == nil
}

// settle decides what the options leave open and the file shows.
func (n *Notation) settle() {
	s, r := &n.seen, &n.reader
	r.short = s.longTime == 0
	r.timeless = s.midnight > 0 && s.clocked == 0
	if r.opt.Decimal == 0 && s.point > 0 && s.comma == 0 {
		r.opt.Decimal = '.'
		if s.eitherMark > 0 {
			n.decimalBy = s.point
		}
	}
	if r.opt.DateOrder == "" && (s.monthFirst == 0) != (s.dayFirst == 0) {
		r.opt.DateOrder, n.orderBy = DayFirst, s.dayFirst
		if s.monthFirst > 0 {
			r.opt.DateOrder, n.orderBy = MonthFirst, s.monthFirst
		}
	}
}

// Doubts are the notes on what the file does not decide, or decides in two
// ways.
func (n *Notation) Doubts() []string {
	var notes []string
	s := &n.seen
	add := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	switch given := n.reader.opt.Decimal; {
	case s.point > 0 && s.comma > 0:
		add("the decimal mark: line %d is written with a point and line %d with a comma; see --decimal", s.point, s.comma)
	case s.comma > 0 && given == 0:
		add("the decimal mark: line %d is written with a decimal comma; read such a file with --decimal ,", s.comma)
	case s.eitherMark > 0 && given == 0:
		add("the decimal mark: the mark in line %d may separate thousands or decimals, and no other line decides it; name it with --decimal . or --decimal ,", s.eitherMark)
	}
	switch given := n.reader.opt.DateOrder; {
	case s.monthFirst > 0 && s.dayFirst > 0:
		add("the order of dates: the month stands first in line %d and the day in line %d; see --date-order", s.monthFirst, s.dayFirst)
	case s.eitherOrder > 0 && given == "":
		add("the order of dates: day or month may stand first in line %d, and no other line decides it; name it with --date-order mdy or --date-order dmy", s.eitherOrder)
	}
	return notes
}

// Reading is how a file is read, for people.
type Reading struct {
	Encoding    Encoding  `json:"encoding"`
	Separator   string    `json:"separator"`
	HeaderLine  int       `json:"header_line"`
	TitleLines  int       `json:"title_lines"`
	BlankRows   int       `json:"blank_rows"`
	TotalLines  []int     `json:"total_lines"`
	HeaderAgain []int     `json:"repeated_header_lines"`
	Decimal     string    `json:"decimal"`
	DateOrder   DateOrder `json:"date_order,omitempty"`
	Timeless    bool      `json:"every_entry_at_midnight"` // so that no entry has a time of day

	decimalBy, orderBy int // lines that decide how others are read
}

func (n *Notation) reading() Reading {
	l := n.reader.layout
	return Reading{
		Encoding: n.reader.opt.Encoding, Separator: string(rune(l.separator)), HeaderLine: l.line, TitleLines: l.titles,
		BlankRows: n.Blank, TotalLines: orEmpty(n.Totals), HeaderAgain: orEmpty(n.Again),
		Decimal: string(rune(cmp.Or(n.reader.opt.Decimal, '.'))), DateOrder: n.reader.opt.DateOrder, Timeless: n.reader.timeless,
		decimalBy: n.decimalBy, orderBy: n.orderBy,
	}
}

// notes describe the reading in the text report.
func (r *Reading) notes() []string {
	var notes []string
	add := func(is bool, format string, args ...any) {
		if is {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	add(r.Encoding != UTF8, "read as %s", r.Encoding)
	add(r.TitleLines > 0, "%d title lines above the header in line %d were not read", r.TitleLines, r.HeaderLine)
	add(len(r.TotalLines) > 0, "%d totals were not read: line%s", len(r.TotalLines), numbers(r.TotalLines))
	add(len(r.HeaderAgain) > 0, "the header stands again in line%s", numbers(r.HeaderAgain))
	add(r.BlankRows > 0, "%d rows of separators only", r.BlankRows)
	add(r.Decimal == ",", "amounts have a decimal comma")
	add(r.decimalBy > 0, "the decimal mark is the point: line %d decides it", r.decimalBy)
	add(r.DateOrder != "" && r.orderBy == 0, "dates are read as %s", r.DateOrder)
	add(r.orderBy > 0, "dates are read as %s: line %d decides it", r.DateOrder, r.orderBy)
	add(r.Timeless, "every time of entry is 00:00: it is taken for no time of day, and only the date is kept")
	return notes
}

func numbers(lines []int) string {
	var b strings.Builder
	for i, n := range lines {
		if i == 10 {
			fmt.Fprintf(&b, " and %d more", len(lines)-i)
			break
		}
		fmt.Fprintf(&b, " %d", n)
	}
	return b.String()
}
