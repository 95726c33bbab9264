package adsgl

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"tocsin/rules/event"
)

// maxPreviewLines bounds the lines of a journal that Preview shows.
const maxPreviewLines = 20

// WriteColumns writes what each column of the file is taken for.
func (n *Notation) WriteColumns(w io.Writer) error {
	l := n.reader.layout
	taken := make([]string, len(l.header))
	for c := range columns {
		if at := l.at[c]; at >= 0 {
			taken[at] = c.String()
		}
	}
	separator := string(rune(l.separator))
	if l.separator == '\t' {
		separator = "tab"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s, separator %s, header in line %d\n", n.reader.opt.Encoding, separator, l.line)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for i, name := range l.header {
		if taken[i] == "" {
			taken[i] = "(not read)"
		}
		fmt.Fprintf(table, "  %s\t%s\n", plain(name), taken[i])
	}
	if !l.has(currency) {
		fmt.Fprintf(table, "  (--currency %s)\t%s\n", n.reader.opt.Currency, currency)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the columns: %w", err)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the columns: %w", err)
	}
	return nil
}

// Preview is the journal for people, as it was read: amounts as debits and
// credits, each with its currency.
func (j Journal) Preview() string {
	var b strings.Builder
	from := j.from
	fmt.Fprintf(&b, "journal %s", from.id.number)
	for _, part := range []struct{ name, value string }{
		{"year", from.year()}, {"business unit", from.unit},
		{"posted", dateText(firstDay(from.lines, func(l *line) day { return l.effective }))},
		{"document of", dateText(firstDay(from.lines, func(l *line) day { return l.document }))},
		{"entered", j.entered()}, {"by", firstText(from.lines, func(l *line) string { return l.people.entered })},
		{"source", firstText(from.lines, func(l *line) string { return l.source })},
	} {
		if part.value != "" {
			fmt.Fprintf(&b, ", %s %s", part.name, plain(part.value))
		}
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, l := range from.lines {
		if i == maxPreviewLines {
			fmt.Fprintf(table, "  and %d more lines\n", len(from.lines)-i)
			break
		}
		debits, credits := l.amount.String(), ""
		if l.side == credit {
			debits, credits = "", debits
		}
		number := ""
		if l.number >= 0 {
			number = fmt.Sprint(l.number)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t  %s  %s\n", number, plain(l.account), debits, credits, l.currency, plain(l.text))
	}
	_ = table.Flush() // into a strings.Builder, which does not fail
	return b.String()
}

func (j Journal) entered() string {
	f := ledger("entered_at")
	if !j.Event.Has(f) {
		return ""
	}
	at := j.Event.Instant(f)
	if day, only := event.DayOf(at); only {
		return day.String()
	}
	return at.Format("2006-01-02T15:04:05Z07:00")
}

func dateText(d day) string {
	if !d.known {
		return ""
	}
	return d.date.String()
}
