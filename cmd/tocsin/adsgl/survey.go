package adsgl

import (
	"io"
	"strings"
	"time"
)

// Survey is the first reading of a file: what every line says by itself. It
// holds a count for each journal and no line, so that Journals can give a
// journal as soon as its last line came, wherever its lines stand.
type Survey struct {
	reader reader
	tally  map[identity]tally
	bad    []int // lines that cannot be read, ascending
	report Report
}

// tally counts the lines of a journal.
type tally struct{ good, bad int32 }

// NewSurvey reads the whole file once. The error is one of the file (no header,
// a required column missing, a reader that fails); lines that cannot be read
// are in the report.
func NewSurvey(in io.Reader, opt Options) (*Survey, error) {
	if opt.Zone == nil {
		opt.Zone = time.UTC
	}
	if opt.Source == "" {
		opt.Source = "ads-gl"
	}
	rows, err := newRows(in)
	if err != nil {
		return nil, err
	}
	s := &Survey{tally: make(map[identity]tally)}
	s.reader.opt = opt
	if s.reader.layout, err = rows.header(); err != nil {
		return nil, err
	}
	if opt.Currency == "" && s.reader.layout.at[currency] < 0 {
		return nil, errNoCurrency
	}
	s.report.UnknownColumns = s.reader.layout.unknown
	var f facts
	for {
		row, err := rows.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		s.report.LinesRead++
		s.take(row, &f)
	}
	s.settle(&f)
	return s, nil
}

// facts is what only the whole file can tell.
type facts struct {
	negativeCredit, positiveCredit, negativeDebit bool
	longTime                                      bool // a plain time that HHMM cannot be
}

func (s *Survey) take(row row, f *facts) {
	if row.fault != "" {
		s.refuse(row.at, &fault{reason: row.fault})
		return
	}
	if bad := s.reader.cut(row.text); bad != nil {
		s.refuse(row.at, bad)
		return
	}
	l, bad := s.reader.line(row.at)
	if l.id.number != "" {
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
		s.refuse(row.at, bad)
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
	if digits(l.rawTime) {
		if _, err := parseTime(l.rawTime, true); err != nil {
			f.longTime = true
		}
	}
}

func (s *Survey) refuse(at int, f *fault) {
	s.bad = append(s.bad, at)
	s.report.refuse(at, f)
}

func (s *Survey) settle(f *facts) {
	s.reader.short = !f.longTime
	credits := s.reader.opt.Credits
	if credits == "" || credits == Guess {
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

// Faults returns how many lines cannot be read.
func (s *Survey) Faults() int { return len(s.bad) }

// Report returns what the survey alone can tell: lines read, unknown columns,
// and each line that cannot be read.
func (s *Survey) Report() *Report { return s.report.clone() }
