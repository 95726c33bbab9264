package adsgl

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"tocsin/rules/money"
)

// maxRefused bounds the list of lines in a report: a file read with the wrong
// decimal mark has as many as it has lines. The count is always complete.
const maxRefused = 10_000

// Report describes a file. Its JSON form is what tocsin load --json
// prints.
type Report struct {
	File      string `json:"-"` // name of the file, for the text
	ShowCells bool   `json:"-"` // the text shows the cells that cannot be read: a terminal is no log

	Reading
	LinesRead      int          `json:"lines_read"` // rows, without the header and blank ones
	Lines          int          `json:"lines"`      // lines in journals
	Journals       int          `json:"journals"`
	Totals         []Total      `json:"totals"`
	Unbalanced     []Unbalanced `json:"unbalanced"`
	Mixed          int          `json:"mixed_currency_journals"`
	ByFunctional   int          `json:"balanced_in_functional_currency_only"` // of Mixed
	ZeroAmounts    int          `json:"zero_amounts"`
	ZeroLines      []int        `json:"zero_amount_lines"` // lines of the file, the first of them
	Negative       int          `json:"negative_amounts"`  // lines that a minus sign moved to the other side
	Credits        Credits      `json:"credits,omitempty"` // how minus signs were read, when there are any
	UndatedPosting int          `json:"journals_without_posting_date"`
	Disagreeing    int          `json:"journals_with_several_effective_dates"`
	Incomplete     int          `json:"incomplete_journals"`
	Anywhere       int          `json:"lines_of_unknown_journal"` // they may be missing in any journal
	Ranges         []Range      `json:"number_ranges"`
	UnknownColumns []string     `json:"unknown_columns"`
	Refused        int          `json:"refused_lines"`
	RefusedLines   []Refused    `json:"refused"`
	Doubts         []string     `json:"doubts"` // what the file does not decide

	guessed   bool // the reading of minus signs
	undecided bool // the guess may be wrong
	otherwise int  // journals that do not balance under the other reading of minus signs
	differ    bool // the two readings of minus signs give different sides
}

// Total is the sum of each side in a currency.
type Total struct {
	Currency string `json:"currency"`
	Lines    int    `json:"lines"`
	Debit    string `json:"debit"`
	Credit   string `json:"credit"`

	debit, credit big.Int // in units of 1e-9: a file's total may outgrow 38 digits
}

// decimal writes a number of units of 1e-9 without trailing zeros.
func decimal(n *big.Int) string {
	const places = money.Scale
	sign, digits := "", n.String()
	if n.Sign() < 0 {
		sign, digits = "-", digits[1:]
	}
	digits = strings.Repeat("0", max(0, places+1-len(digits))) + digits
	whole, fraction := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction
}

// Unbalanced is a journal whose debits are not its credits.
type Unbalanced struct {
	Journal      string       `json:"journal"`
	BusinessUnit string       `json:"business_unit,omitempty"`
	FiscalYear   int64        `json:"fiscal_year,omitempty"`
	Line         int          `json:"line"` // first line of the file
	Differences  []Difference `json:"differences"`
}

// Difference is debits minus credits.
type Difference struct {
	Currency string `json:"currency"`
	Amount   string `json:"debit_minus_credit"`

	Functional bool `json:"functional,omitempty"` // over all lines, in the functional currency
}

// Refused is a line that could not be read, and why, without its values.
type Refused struct {
	Line   int    `json:"line"`
	Column int    `json:"column,omitempty"` // in characters, from 1; 0: the whole line
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`

	text string // the cell: for a terminal, and for nothing that is kept
}

func (r *Report) refuse(at, column int, f *fault) {
	r.Refused++
	if len(r.RefusedLines) < maxRefused {
		r.RefusedLines = append(r.RefusedLines, Refused{at, column, f.field, f.reason, strings.Clone(f.text)})
	}
}

func (r *Report) clone() *Report {
	c := *r
	c.RefusedLines = slices.Clone(r.RefusedLines)
	return &c
}

// maxZeroLines bounds the list of lines with an amount of zero.
const maxZeroLines = 20

func (r *Report) count(j *journal, t *totals) {
	r.Journals++
	r.Lines += len(j.lines)
	if j.lost > 0 {
		r.Incomplete++
	}
	if !t.single() {
		r.Mixed++
	}
	switch posting, agreed := j.postingDate(); {
	case !agreed:
		r.Disagreeing++
	case !posting.known:
		r.UndatedPosting++
	}
	for _, l := range j.lines {
		r.differ = r.differ || l.side != l.otherwise
		if l.amount.IsZero() {
			if r.ZeroAmounts++; len(r.ZeroLines) < maxZeroLines {
				r.ZeroLines = append(r.ZeroLines, l.at)
			}
		}
		at, found := slices.BinarySearchFunc(r.Totals, l.currency, func(t Total, c string) int { return cmp.Compare(t.Currency, c) })
		if !found {
			r.Totals = slices.Insert(r.Totals, at, Total{Currency: l.currency})
		}
		total := &r.Totals[at]
		total.Lines++
		side := &total.debit
		if l.side == credit {
			side = &total.credit
		}
		side.Add(side, l.amount.Big())
	}
	if r.Credits != "" && !j.balancedOtherwise() {
		r.otherwise++
	}
	if t.balanced() {
		if !t.eachBalanced() {
			r.ByFunctional++
		}
		return
	}
	u := Unbalanced{Journal: j.id.number, BusinessUnit: j.unit, FiscalYear: j.id.year, Line: j.first()}
	for _, s := range t.byCurrency {
		if !s.balanced() {
			u.Differences = append(u.Differences, s.difference(false))
		}
	}
	if t.allLocal && !t.single() {
		u.Differences = append(u.Differences, t.local.difference(true))
	}
	r.Unbalanced = append(r.Unbalanced, u)
}

func (s sum) difference(functional bool) Difference {
	d := s.debit.Big()
	return Difference{s.currency, decimal(d.Sub(d, s.credit.Big())), functional}
}

// finish puts the report in an order of its own, writes totals as text, and
// adds what the totals make doubtful: a reading of minus signs under which no
// fewer journals balance than under the other one decides nothing.
func (r *Report) finish() {
	slices.SortStableFunc(r.RefusedLines, func(a, b Refused) int { return cmp.Compare(a.Line, b.Line) })
	slices.SortFunc(r.Unbalanced, func(a, b Unbalanced) int { return cmp.Compare(a.Line, b.Line) })
	slices.Sort(r.ZeroLines)
	// JSON shows an empty list as a list.
	r.Totals, r.Unbalanced, r.ZeroLines = orEmpty(r.Totals), orEmpty(r.Unbalanced), orEmpty(r.ZeroLines)
	r.Ranges, r.UnknownColumns, r.RefusedLines = orEmpty(r.Ranges), orEmpty(r.UnknownColumns), orEmpty(r.RefusedLines)
	for i := range r.Totals {
		t := &r.Totals[i]
		t.Debit, t.Credit = decimal(&t.debit), decimal(&t.credit)
	}
	if worse := r.otherwise < len(r.Unbalanced); r.Credits != "" && r.differ && (worse || r.guessed && r.otherwise == len(r.Unbalanced)) {
		other := Signed
		if r.Credits == Signed {
			other = Unsigned
		}
		r.Doubts = append(r.Doubts, fmt.Sprintf("minus signs next to an indicator: %d journals do not balance, and %d with --credits %s; name the reading with --credits signed or --credits unsigned", len(r.Unbalanced), r.otherwise, other))
		r.undecided = r.guessed
	}
	r.Doubts = orEmpty(r.Doubts)
}

// Undecided returns an error where the file can be read in two ways and the
// options do not decide between them.
func (r *Report) Undecided() error {
	if !r.undecided {
		return nil
	}
	return errors.New(r.Doubts[len(r.Doubts)-1])
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
