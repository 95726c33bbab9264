package adsgl

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"tocsin/rules/event"
)

var (
	errNoCurrency = fmt.Errorf("the header lacks %s; add it, or name the currency of every line with --currency", currency)
	errChanged    = errors.New("the file changed between two readings; load a copy that nobody writes to")
)

// Journal is a journal that was put together.
type Journal struct {
	Event *event.Event
	Key   string // business key: registrant, business unit, fiscal year, number
	Line  int    // first line of the file that belongs to it
}

// Refusal is an error with which take leaves a journal out: it says why, and
// the report has it under the journal's first line.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

// held is a line that waits for the others of its journal, as text: a tenth of
// what it takes in memory once it is read.
type held struct {
	at   int
	text string
}

// Journals reads the file again, from its beginning, and calls take with each
// journal when its last line came, in that order. take must not keep the event.
// An error of take ends the reading. Lines that cannot be read are left out and
// in the report, which also has what only whole journals can tell.
func (s *Survey) Journals(in io.Reader, take func(Journal) error) (*Report, error) {
	rows, err := newRows(in)
	if err != nil {
		return nil, err
	}
	header, err := rows.header()
	if err != nil {
		return nil, err
	}
	if header.at != s.reader.layout.at || header.separator != s.reader.layout.separator {
		return nil, errChanged
	}
	a := &assembly{survey: s, reader: s.reader, open: make(map[identity][]held), report: s.report.clone(), numbers: newNumbering(), take: take, bad: s.bad}
	a.reader.fields = nil
	for {
		row, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := a.add(row); err != nil {
			return nil, err
		}
	}
	if len(a.open) > 0 || len(a.bad) > 0 {
		return nil, errChanged
	}
	a.report.Ranges = a.numbers.ranges()
	a.report.sort()
	return a.report, nil
}

// assembly is one reading that joins lines into journals.
type assembly struct {
	survey  *Survey
	reader  reader
	open    map[identity][]held
	bad     []int // lines to leave out that are still to come
	report  *Report
	numbers *numbering
	take    func(Journal) error
	entry   entry
}

func (a *assembly) add(row row) error {
	if len(a.bad) > 0 && a.bad[0] == row.at {
		a.bad = a.bad[1:]
		return nil
	}
	if row.fault != "" || a.reader.cut(row.text) != nil {
		return errChanged
	}
	id, bad := a.reader.identity()
	if bad != nil {
		return errChanged
	}
	want, known := a.survey.tally[id]
	lines := append(a.open[id], held{row.at, row.text})
	switch {
	case !known || len(lines) > int(want.good):
		return errChanged
	case len(lines) < int(want.good):
		a.open[id] = lines
		return nil
	}
	delete(a.open, id)
	return a.join(lines, int(want.bad))
}

// join makes the journals out of all the lines with one number.
func (a *assembly) join(texts []held, lost int) error {
	lines := make([]*line, len(texts))
	for i, t := range texts {
		if a.reader.cut(t.text) != nil {
			return errChanged
		}
		l, bad := a.reader.line(t.at)
		if bad != nil {
			return errChanged
		}
		if l.takeSide(a.reader.opt.Credits) {
			a.report.Negative++
		}
		lines[i] = &l
	}
	slices.SortFunc(lines, compare)
	journals, refused := divide(lines)
	for _, r := range refused {
		a.report.refuse(r.at, &r.fault)
	}
	for _, j := range journals {
		// A line that nobody can attribute is missing in each journal that it
		// may belong to.
		j.lost = lost + len(refused)
		if err := a.give(j); err != nil {
			return err
		}
	}
	return nil
}

func (a *assembly) give(j journal) error {
	sums, err := j.sums()
	if err != nil {
		a.report.refuse(j.first(), &fault{amount.String(), "makes a total of its journal that has more than 29 digits before the point"})
		return nil
	}
	a.entry.build(&j, sums, &a.reader.opt)
	key := a.reader.opt.Registrant + "/" + j.unit + "/" + j.year() + "/" + j.id.number
	err = a.take(Journal{Event: a.entry.event, Key: key, Line: j.first()})
	if why := Refusal(""); errors.As(err, &why) {
		a.report.refuse(j.first(), &fault{reason: string(why)})
		return nil
	}
	if err != nil {
		return err
	}
	a.numbers.add(j.id, j.unit)
	a.report.count(&j, sums)
	return nil
}

// takeSide settles the side of a line and makes its amounts unsigned. It
// reports whether a minus sign moved the line to the other side.
func (l *line) takeSide(credits Credits) (moved bool) {
	sign := l.amount.Sign()
	if sign == 0 {
		sign = l.local.amount.Sign()
	}
	if sign == 0 {
		sign = l.group.amount.Sign()
	}
	switch {
	case l.side == 0 && sign < 0:
		l.side = credit
	case l.side == 0:
		l.side = debit
	case sign < 0 && credits == Unsigned:
		moved = true
		l.side = debit + credit - l.side
	}
	l.amount, l.local.amount, l.group.amount = l.amount.Abs(), l.local.amount.Abs(), l.group.amount.Abs()
	return moved
}
