package adsgl

import (
	"cmp"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"tocsin/rules/money"
)

// maxRefused bounds the list of lines in a report: a file read with the wrong
// decimal mark has as many as it has lines. The count is always complete.
const maxRefused = 10_000

// Report says what a file holds. Its JSON form is what tocsin load --json
// prints.
type Report struct {
	LinesRead      int          `json:"lines_read"` // rows, without the header and blank ones
	Lines          int          `json:"lines"`      // lines in journals
	Journals       int          `json:"journals"`
	Totals         []Total      `json:"totals"`
	Unbalanced     []Unbalanced `json:"unbalanced"`
	Mixed          int          `json:"mixed_currency_journals"`
	ZeroAmounts    int          `json:"zero_amounts"`
	ZeroLines      []int        `json:"zero_amount_lines"` // lines of the file, the first of them
	Negative       int          `json:"negative_amounts"`  // lines that a minus sign moved to the other side
	Credits        Credits      `json:"credits,omitempty"` // how minus signs were read, when there are any
	UndatedPosting int          `json:"journals_without_posting_date"`
	Disagreeing    int          `json:"journals_with_several_effective_dates"`
	Incomplete     int          `json:"incomplete_journals"`
	Ranges         []Range      `json:"number_ranges"`
	UnknownColumns []string     `json:"unknown_columns"`
	Refused        int          `json:"refused_lines"`
	RefusedLines   []Refused    `json:"refused"`
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
}

// Refused is a line that could not be read, and why, without its values.
type Refused struct {
	Line   int    `json:"line"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

func (r *Report) refuse(at int, f *fault) {
	r.Refused++
	if len(r.RefusedLines) < maxRefused {
		r.RefusedLines = append(r.RefusedLines, Refused{at, f.field, f.reason})
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
	if t.balanced() {
		return
	}
	u := Unbalanced{Journal: j.id.number, BusinessUnit: j.unit, FiscalYear: j.id.year, Line: j.first()}
	for _, s := range t.byCurrency {
		if s.balanced() {
			continue
		}
		d := s.debit.Big()
		u.Differences = append(u.Differences, Difference{s.currency, decimal(d.Sub(d, s.credit.Big()))})
	}
	r.Unbalanced = append(r.Unbalanced, u)
}

// sort puts the report in an order of its own, and writes totals as text.
func (r *Report) sort() {
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
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// maxPrinted bounds each list of the text; JSON has them whole.
const maxPrinted = 50

// Write writes the report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d journals, %d lines (%d rows read)\n", r.Journals, r.Lines, r.LinesRead)
	for _, t := range r.Totals {
		fmt.Fprintf(&b, "  %s  debit %s  credit %s  (%d lines)\n", t.Currency, t.Debit, t.Credit, t.Lines)
	}
	if len(r.Unbalanced) == 0 {
		fmt.Fprint(&b, "every journal balances\n")
	} else {
		fmt.Fprintf(&b, "%d journals do not balance:\n", len(r.Unbalanced))
	}
	printed(&b, r.Unbalanced, func(u Unbalanced) string {
		text := "journal " + u.Journal
		if u.FiscalYear != 0 {
			text += fmt.Sprintf(" of %d", u.FiscalYear)
		}
		if u.BusinessUnit != "" {
			text += " in " + u.BusinessUnit
		}
		text += fmt.Sprintf(" (line %d): debit minus credit", u.Line)
		for _, d := range u.Differences {
			text += " " + d.Currency + " " + d.Amount
		}
		return text
	})
	r.writeNumbers(&b)
	for _, note := range []struct {
		n    int
		text string
	}{
		{r.Mixed, "journals with more than one currency: balance judged by currency, no total"},
		{r.ZeroAmounts, "lines with an amount of zero"},
		{r.Negative, "lines with a minus sign, read as the other side"},
		{r.UndatedPosting, "journals without an effective date: posting_date is absent"},
		{r.Disagreeing, "journals whose lines have different effective dates: posting_date is absent"},
		{r.Incomplete, "journals that lack lines: marked incomplete"},
	} {
		if note.n > 0 {
			fmt.Fprintf(&b, "%d %s\n", note.n, note.text)
		}
	}
	if r.Credits == Signed {
		fmt.Fprint(&b, "credits carry a minus sign in this file\n")
	}
	if len(r.UnknownColumns) > 0 {
		fmt.Fprintf(&b, "columns not read: %s\n", strings.Join(r.UnknownColumns, ", "))
	}
	if r.Refused > 0 {
		fmt.Fprintf(&b, "%d lines could not be read:\n", r.Refused)
		printed(&b, r.RefusedLines, func(l Refused) string {
			return strings.Join(strings.Fields(fmt.Sprintf("line %d: %s %s", l.Line, l.Field, l.Reason)), " ")
		})
		if more := r.Refused - len(r.RefusedLines); more > 0 && len(r.RefusedLines) <= maxPrinted {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func printed[T any](b *strings.Builder, all []T, text func(T) string) {
	for i, v := range all {
		if i == maxPrinted {
			fmt.Fprintf(b, "  and %d more (--json lists them)\n", len(all)-i)
			return
		}
		fmt.Fprintf(b, "  %s\n", text(v))
	}
}

func (r *Report) writeNumbers(b *strings.Builder) {
	var gaps []string
	missing := int64(0)
	for _, g := range r.Ranges {
		for _, gap := range g.Gaps {
			missing += gap.Count
			gaps = append(gaps, strings.TrimSpace(gap.String()+" "+g.scope()))
		}
	}
	switch {
	case len(r.Ranges) == 0:
		return
	case missing == 0:
		fmt.Fprintf(b, "no gap in the numbering (%d number ranges)\n", len(r.Ranges))
	default:
		fmt.Fprintf(b, "%d numbers are missing in %d gaps (%d number ranges):\n", missing, len(gaps), len(r.Ranges))
	}
	printed(b, gaps, func(s string) string { return s })
}
