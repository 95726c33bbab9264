package adsgl

import (
	"errors"
	"io"
	"slices"
	"strconv"

	"tocsin/rules/event"
)

var errChanged = errors.New("the file changed between two readings; load a copy that no program writes to")

// Journal is a journal that was put together.
type Journal struct {
	Event *event.Event
	Key   string // business key: registrant, business unit, fiscal year, number
	Line  int    // first line of the file that belongs to it

	from *journal
}

// Refusal is the error with which take leaves a journal out. The report gives it as
// the reason under the journal's first line.
type Refusal string

// Error implements error.
func (r Refusal) Error() string { return string(r) }

// held is a line that waits for the other lines of its journal. Its text takes a
// tenth of the memory of the line that is read from it.
type held struct {
	at      int
	text    string
	carried []string
}

// Journals reads the file again, from its beginning, and calls take with each
// journal when its last line came, in that order. take must not keep the event.
// An error of take ends the reading. Lines that cannot be read are left out and
// listed in the report, which also holds the facts that only whole journals show.
func (s *Survey) Journals(in io.Reader, take func(Journal) error) (*Report, error) {
	a := &assembly{survey: s, reader: s.reader, open: make(map[identity][]held), report: s.report.clone(), numbers: newNumbering(), take: take, bad: s.bad}
	a.reader.fields, a.reader.carried = nil, nil
	a.again = a.reader
	rows, err := a.reader.open(in)
	if err != nil {
		return nil, err
	}
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
	a.report.finish()
	return a.report, nil
}

// assembly is one reading that joins lines into journals.
type assembly struct {
	survey  *Survey
	reader  reader
	again   reader // reads the lines of a journal that is complete
	open    map[identity][]held
	bad     []int // lines to leave out that are still to come
	report  *Report
	numbers *numbering
	take    func(Journal) error
	entry   entry
}

func (a *assembly) add(row row) error {
	kind, fault := a.reader.take(row)
	if kind != lineRow {
		return nil
	}
	if len(a.bad) > 0 && a.bad[0] == row.at {
		a.bad = a.bad[1:]
		return nil
	}
	if fault != nil {
		return errChanged
	}
	id, bad := a.reader.identity()
	if bad != nil {
		return errChanged
	}
	want, known := a.survey.tally[id]
	lines := append(a.open[id], held{row.at, row.text, a.reader.carried})
	switch {
	case !known || len(lines) > int(want.good):
		return errChanged
	case len(lines) < int(want.good):
		a.open[id] = lines
		return nil
	}
	delete(a.open, id)
	return a.join(lines, int(want.bad)+a.survey.anywhere)
}

// join makes the journals out of all the lines with one number.
func (a *assembly) join(texts []held, lost int) error {
	lines := make([]*line, len(texts))
	for i, t := range texts {
		if !a.again.again(t.text, t.carried) {
			return errChanged
		}
		l, bad := a.again.line(t.at)
		if bad != nil {
			return errChanged
		}
		if l.takeSide(a.again.opt.Credits) {
			a.report.Negative++
		}
		lines[i] = &l
	}
	slices.SortFunc(lines, compare)
	journals, refused := divide(lines, a.again.opt.Numbers)
	for _, r := range refused {
		row := texts[slices.IndexFunc(texts, func(h held) bool { return h.at == r.at })]
		below, column := a.reader.layout.place(row.text, &r.fault)
		a.report.refuse(r.at+below, column, &r.fault)
	}
	for _, j := range journals {
		// A line that cannot be attributed is missing in each journal that it
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
		a.report.refuse(j.first(), 0, &fault{amount.String(), "makes a total of its journal that has more than 29 digits before the point", ""})
		return nil
	}
	a.entry.build(&j, sums, &a.reader.opt)
	year := ""
	if j.id.year != 0 {
		year = strconv.FormatInt(j.id.year, 10)
	}
	key := a.reader.opt.Registrant + "/" + j.unit + "/" + year + "/" + j.id.number
	err = a.take(Journal{Event: a.entry.event, Key: key, Line: j.first(), from: &j})
	if why := Refusal(""); errors.As(err, &why) {
		a.report.refuse(j.first(), 0, &fault{reason: string(why)})
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
	bySign := debit
	if sign < 0 {
		bySign = credit
	}
	said := l.side
	switch {
	case said == 0:
		l.side, l.otherwise = bySign, bySign
	case sign == 0:
		l.otherwise = said
	default:
		unsigned := said
		if sign < 0 {
			unsigned = said.other()
		}
		if l.side, l.otherwise = unsigned, bySign; credits == Signed {
			l.side, l.otherwise = bySign, unsigned
		}
		moved = l.side != said
	}
	l.amount, l.local.amount, l.group.amount = l.amount.Abs(), l.local.amount.Abs(), l.group.amount.Abs()
	return moved
}
