package adsgl

import (
	"io"
	"strings"
)

// Survey is the second reading of a file: each line by itself. It
// holds a count for each journal and no line, so that Journals can give a
// journal as soon as its last line came, wherever its lines stand.
type Survey struct {
	reader reader
	tally  map[identity]tally
	bad    []int // lines that cannot be read, ascending
	report Report

	// Lines whose journal is not known: those that belong to a journal with one
	// of some numbers, and those that may belong to any.
	among    []lostLine
	anywhere int
}

// tally counts the lines of a journal.
type tally struct{ good, bad int32 }

// maxAmong bounds the memory for lost lines of a file that is damaged all over.
const maxAmong = 10_000

// lostLine is a line that cannot be cut into its columns. Its journal's number
// is one of these.
type lostLine []string

// Survey reads the whole file once more. The error is one of the reader; lines
// that cannot be read are in the report.
func (n *Notation) Survey(in io.Reader) (*Survey, error) {
	s := &Survey{reader: n.reader, tally: make(map[identity]tally)}
	s.reader.fields, s.reader.carried = nil, nil
	s.report.Reading = n.reading()
	s.report.Doubts = n.Doubts()
	s.report.UnknownColumns = n.reader.layout.unknown
	rows, err := s.reader.open(in)
	if err != nil {
		return nil, err
	}
	var f facts
	for {
		row, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		kind, bad := s.reader.take(row)
		if kind != lineRow {
			continue
		}
		s.report.LinesRead++
		s.take(row, bad, &f)
	}
	if s.report.LinesRead != n.Rows {
		return nil, errChanged
	}
	s.attribute()
	s.settle(&f)
	return s, nil
}

// open begins another reading of the file.
func (r *reader) open(in io.Reader) (*rows, error) {
	rows, err := newRows(in, &r.opt)
	if err != nil {
		return nil, err
	}
	header, err := rows.header(&r.opt)
	if err != nil {
		return nil, err
	}
	if header.at != r.layout.at || header.separator != r.layout.separator || header.line != r.layout.line {
		return nil, errChanged
	}
	return rows, nil
}

// facts is what the amounts of the whole file show about minus signs.
type facts struct {
	negativeCredit, positiveCredit, negativeDebit bool
}

func (s *Survey) take(row row, bad *fault, f *facts) {
	if bad != nil {
		s.lose(row)
		s.refuse(row, bad)
		return
	}
	l, bad := s.reader.line(row.at)
	switch {
	case bad != nil && l.id.number == "":
		s.anywhere++
	case bad != nil && bad.field == fiscalYear.String():
		s.among = append(s.among, lostLine{strings.Clone(l.id.number)})
	default:
		t, known := s.tally[l.id]
		if !known {
			l.id.number = strings.Clone(l.id.number) // not the whole row
		}
		if bad != nil {
			t.bad++
		} else {
			t.good++
		}
		s.tally[l.id] = t
	}
	if bad != nil {
		s.refuse(row, bad)
		return
	}
	switch sign := l.amount.Sign(); {
	case l.side == credit && sign < 0:
		f.negativeCredit = true
	case l.side == credit && sign > 0:
		f.positiveCredit = true
	case l.side == debit && sign < 0:
		f.negativeDebit = true
	}
}

func (s *Survey) refuse(row row, f *fault) {
	s.bad = append(s.bad, row.at)
	below, column := s.reader.layout.place(row.text, f)
	s.report.refuse(row.at+below, column, f)
}

// lose keeps the numbers that the journal of a row may have, when the row
// cannot be cut into its columns.
//
//   - In front of a quote that is broken, fields stand where they belong.
//   - A row with more fields than the header has separators within a cell that
//     is not quoted. The number is a field at its place or as far to the right
//     of it as there are fields too many, or several such fields joined.
//   - Of any other row nothing is known, and it may belong to any journal.
func (s *Survey) lose(row row) {
	l := s.reader.layout
	fields, state := split(row.text, l.separator, nil)
	at, extra := l.at[journalID], len(fields)-l.width
	carried := s.reader.opt.Columns != nil && len(s.reader.opt.Columns.carried) > 0
	switch {
	case row.text == "" || carried || len(s.among) >= maxAmong:
		s.anywhere++
	case state != whole && at < len(fields) && strings.TrimSpace(fields[at]) != "":
		s.among = append(s.among, lostLine{strings.TrimSpace(fields[at])})
	case state == whole && extra == 0 && strings.TrimSpace(fields[at]) != "":
		s.among = append(s.among, lostLine{strings.TrimSpace(fields[at])}) // its text is in another encoding
	case state == whole && extra > 0 && extra < l.width-1:
		var numbers lostLine
		for from := at; from <= at+extra; from++ {
			for to := from + 1; to <= at+extra+1; to++ {
				numbers = append(numbers, strings.TrimSpace(strings.Join(fields[from:to], string(rune(l.separator)))))
			}
		}
		s.among = append(s.among, numbers)
	default:
		s.anywhere++
	}
}

// attribute counts each lost line in the journals that it may belong to. A line
// of which no number is that of a journal may belong to any.
func (s *Survey) attribute() {
	years := make(map[string][]identity)
	for _, numbers := range s.among {
		for _, n := range numbers {
			years[n] = nil
		}
	}
	if len(years) > 0 {
		for id := range s.tally {
			if ids, wanted := years[id.number]; wanted {
				years[id.number] = append(ids, id)
			}
		}
	}
	for _, numbers := range s.among {
		found := false
		seen := make(map[string]bool, len(numbers))
		for _, n := range numbers {
			if seen[n] {
				continue
			}
			seen[n] = true
			for _, id := range years[n] {
				t := s.tally[id]
				t.bad++
				s.tally[id], found = t, true
			}
		}
		if !found {
			s.anywhere++
		}
	}
	s.report.Anywhere = s.anywhere
	s.among = nil
}

func (s *Survey) settle(f *facts) {
	credits := s.reader.opt.Credits
	s.report.guessed = credits == Guess
	if credits == Guess {
		credits = Unsigned
		if f.negativeCredit && !f.positiveCredit && !f.negativeDebit {
			credits = Signed
		}
	}
	s.reader.opt.Credits = credits
	if f.negativeCredit || f.negativeDebit {
		s.report.Credits = credits
	}
}
