package adsgl

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"tocsin/rules/diag"
)

// maxPrinted bounds each list of the text; JSON has them whole.
const maxPrinted = 50

// Write writes the report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s (%s read)\n", diag.Plural(r.Journals, "journal"), diag.Plural(r.Lines, "line"), diag.Plural(r.LinesRead, "row"))
	for _, note := range r.Reading.notes() {
		fmt.Fprintf(&b, "%s\n", note)
	}
	for _, t := range r.Totals {
		fmt.Fprintf(&b, "  %s  debit %s  credit %s  (%s)\n", t.Currency, t.Debit, t.Credit, diag.Plural(t.Lines, "line"))
	}
	switch {
	case r.Journals == 0:
		fmt.Fprint(&b, "no journal was read\n")
	case len(r.Unbalanced) == 0:
		fmt.Fprint(&b, "every journal balances\n")
	case len(r.Unbalanced) == 1:
		fmt.Fprint(&b, "1 journal does not balance:\n")
	default:
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
			if d.Functional {
				text += " (functional, all lines)"
			}
		}
		return text
	})
	r.writeNumbers(&b)
	for _, note := range []struct {
		n    int
		text string
	}{
		{r.Mixed, "journals with more than one currency: judged in the functional currency where every line has an amount in it, else in each currency"},
		{r.ByFunctional, "of them balance in the functional currency and not in each currency"},
		{r.ZeroAmounts, "lines with an amount of zero"},
		{r.Negative, "lines with a minus sign, read as the other side"},
		{r.UndatedPosting, "journals without an effective date: posting_date is absent"},
		{r.Disagreeing, "journals whose lines have different effective dates: posting_date is absent"},
		{r.Anywhere, "lines of which the journal is not known: every journal may lack them"},
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
		fmt.Fprintf(&b, "%s could not be read:\n", diag.Plural(r.Refused, "line"))
		printed(&b, r.RefusedLines, r.refusal)
		if more := r.Refused - len(r.RefusedLines); more > 0 && len(r.RefusedLines) <= maxPrinted {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	for _, doubt := range r.Doubts {
		fmt.Fprintf(&b, "not decided: %s\n", doubt)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// refusal is a refused line as FILE:LINE:COLUMN, with the cell where values are shown.
func (r *Report) refusal(l Refused) string {
	place := fmt.Sprintf("line %d", l.Line)
	if r.File != "" {
		place = fmt.Sprintf("%s:%d", r.File, l.Line)
	}
	if l.Column > 0 {
		place += fmt.Sprintf(":%d", l.Column)
	}
	words := []string{place + ":", l.Field, l.Reason}
	if r.ShowCells && l.text != "" {
		words = []string{place + ":", l.Field, strconv.QuoteToGraphic(l.text), l.Reason}
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
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
