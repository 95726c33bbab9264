package adsgl

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// writer writes a book in one style. It shares no code with the reader.
type writer struct {
	*book
	*style

	text             string
	amounts, slashed []string // cells that were written
	beyond           bool     // a row has a letter outside ASCII
	before           int      // lines up to the header
	skip             Lines    // lines of no journal
}

func newWriter(seed uint64) *writer {
	b := newBook(seed)
	w := &writer{book: b, style: newStyle(b)}
	if w.misleads() {
		w.nameless.credits = false
	}
	return w
}

// file writes the journals: rows in any order, except where later rows leave out
// the number.
func (w *writer) file(journals []wroteJournal) []byte {
	w.amounts, w.slashed, w.beyond, w.skip = nil, nil, false, nil
	r := w.rand
	var rows []map[string]string
	for i := range journals {
		for n := range journals[i].lines {
			rows = append(rows, w.row(&journals[i], n))
		}
	}
	if !w.carry {
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	}
	var b strings.Builder
	names := w.columns(w.book)
	if w.sepLine {
		b.WriteString("sep=" + w.separator + w.end)
	}
	for _, title := range w.titles {
		if r.IntN(2) == 0 {
			title += strings.Repeat(w.separator, len(names)-1)
		}
		b.WriteString(title + w.end)
	}
	w.before = strings.Count(b.String(), w.end) + 1
	header := make(map[string]string)
	for _, name := range names {
		header[name] = w.name(name)
	}
	w.line(&b, header)
	for i, row := range rows {
		if r.IntN(20) == 0 {
			w.line(&b, oneIn(r, map[string]string{}, header))
		}
		if i > 0 && r.IntN(20) == 0 {
			b.WriteString(oneIn(r, "", "  ", "-----------") + w.end)
		}
		w.line(&b, row)
		if w.page && i == 0 {
			at := strings.Count(b.String(), w.end[len(w.end)-1:]) + 1
			w.skip = Lines{{at, at}}
			b.WriteString("end of page" + w.end)
		}
	}
	for range w.totals {
		w.line(&b, w.total())
	}
	w.text = b.String()
	if r.IntN(4) == 0 {
		w.text = strings.TrimSuffix(w.text, w.end)
	}
	return w.encoded(w.text)
}

// total is a row that sums up others.
func (w *writer) total() map[string]string {
	r := w.rand
	row := map[string]string{oneIn(r, "Journal_ID", "JE_Line_Description", "GL_Account_Number"): oneIn(r, "Total", "Grand total", "** Summe:", "Subtotal 4900000001", "*")}
	amount := w.number(1_500_000, false)
	w.amounts = w.amounts[:len(w.amounts)-1] // a total decides nothing
	for _, column := range []string{"Amount", "Debit", "Credit"} {
		row[column] = amount // only columns of the style are written
	}
	if w.single == "" && r.IntN(2) == 0 {
		row["Amount_Currency"] = "USD"
	}
	return row
}

func (w *writer) row(j *wroteJournal, n int) map[string]string {
	l, r := &j.lines[n], w.rand
	row := map[string]string{
		"Journal_ID": j.number, "Journal_ID_Line_Number": fmt.Sprint(l.number), "Fiscal_Year": fmt.Sprint(j.year), "Business_Unit_Code": l.unit, "GL_Account_Number": l.account,
		"Amount_Currency": l.currency, "JE_Line_Description": strings.ReplaceAll(l.text, "\n", oneIn(r, "\n", w.end)),
		"Document_Date": w.date(j.documented), "Functional_Amount_Currency": w.functional, "Remark": oneIn(r, "", "12/31/2026", "1.234,56", "612,000", "?"),
	}
	if w.end == "\n" {
		row["JE_Line_Description"] = l.text
	}
	switch {
	case !j.undated:
		row["Effective_Date"] = w.date(j.posted)
	case w.carry: // a blank would take the date above
		row["Effective_Date"] = "00000000"
	default:
		row["Effective_Date"] = oneIn(r, "", "00000000", "9999-12-31", "0001-01-01")
	}
	for _, column := range []string{"Effective_Date", "Document_Date"} {
		if w.timed && row[column] != "" {
			row[column] += " 00:00:00"
		}
	}
	w.entry(row, j.entered)
	w.side(row, "Amount", "Debit", "Credit", l, l.amount)
	if w.functional != "" {
		w.side(row, "Functional_Amount", "Functional_Debit", "Functional_Credit", l, l.local)
	}
	if w.carry && n > 0 {
		row["Journal_ID"], row["Effective_Date"] = "", ""
	}
	return row
}

// entry writes the date and the time of entry.
func (w *writer) entry(row map[string]string, at time.Time) {
	switch {
	case w.clock == "none" || w.clock == "midnight": // of the day as it is
	case w.zone != nil:
		at = at.In(w.zone)
	case w.local != nil:
		at = at.In(w.local)
	}
	date := w.date(at)
	layout, bare := strings.CutPrefix(w.times, "bare")
	clock := at.Format(layout)
	// Only a file of the first hour of days has seconds and four digits at most in
	// each time. Such a file states HHMM.
	if bare && (at.Hour() > 0 || !strings.HasSuffix(layout, "05")) {
		clock = strings.TrimLeft(clock, "0")
	}
	row["Entered_Date"], row["Entered_Time"] = date, clock
	if w.inOne && clock != "" {
		between := " "
		if w.dates == "2006-01-02" || w.dates == "20060102" {
			between = oneIn(w.rand, " ", "T")
		}
		row["Entered_Date"] += between + clock
	}
}

// side writes an amount into the column or the columns of the style.
func (w *writer) side(row map[string]string, one, dr, cr string, l *wroteLine, amount int64) {
	said := l.credit != l.negative
	minus := l.negative
	if w.sides == "signed" || strings.HasSuffix(w.sides, "by sign") {
		minus = l.credit
	}
	row[one] = w.number(amount, minus)
	row["Amount_Credit_Debit_Indicator"] = w.words[0]
	if said {
		row["Amount_Credit_Debit_Indicator"] = w.words[1]
		dr, cr = cr, dr
	}
	row[dr], row[cr] = row[one], w.other
	if w.other == "0" && strings.HasPrefix(w.sides, "columns") {
		row[cr] = w.number(0, false)
	}
}

func (w *writer) date(at time.Time) string {
	text := at.Format(w.dates)
	if w.dates == "02-Jan-06" { // as Oracle writes it
		text = strings.ToUpper(text)
	}
	if shortDate.MatchString(text) {
		w.slashed = append(w.slashed, text)
	}
	return text
}

func (w *writer) number(thousandths int64, negative bool) string {
	digits := fmt.Sprintf("%04d", thousandths)
	whole, fraction := digits[:len(digits)-3], digits[len(digits)-3:]
	for at := len(whole) - 3; w.thousands != "" && at > 0; at -= 3 {
		whole = whole[:at] + w.thousands + whole[at:]
	}
	if fraction = fraction[:w.places]; fraction != "" {
		whole += w.mark + fraction
	}
	w.amounts = append(w.amounts, whole)
	if !negative {
		return w.plus + whole
	}
	return strings.Replace(w.minus, "x", whole, 1)
}

// line writes a row, with quotes where it needs them.
func (w *writer) line(b *strings.Builder, row map[string]string) {
	names := w.columns(w.book)
	for i, at := range w.order {
		if i > 0 {
			b.WriteString(w.separator)
		}
		cell := row[names[at]]
		w.beyond = w.beyond || strings.ContainsFunc(cell, func(r rune) bool { return r > 127 })
		some := w.quotes == "all" || w.quotes == "some" && w.rand.IntN(3) == 0
		if some || strings.Contains(cell, w.separator) || strings.HasPrefix(cell, `"`) || strings.ContainsAny(cell, "\r\n") {
			cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
		}
		b.WriteString(cell)
	}
	if w.trailing {
		b.WriteString(w.separator)
	}
	b.WriteString(w.end)
}

// high are the letters of Windows-1252 outside Latin-1 that the writer uses.
var high = map[rune]byte{'€': 0x80, '’': 0x92, '–': 0x96}

// encoded writes the text by hand: the reader's library has no part in it.
func (w *writer) encoded(text string) []byte {
	var b bytes.Buffer
	switch {
	case w.encoding == "utf-8":
		return []byte(text)
	case w.encoding == "marked utf-8":
		return []byte("\xef\xbb\xbf" + text)
	case w.encoding == "windows-1252":
		for _, r := range text {
			if c, ok := high[r]; ok {
				b.WriteByte(c)
			} else {
				b.WriteByte(byte(r))
			}
		}
		return b.Bytes()
	case strings.HasPrefix(w.encoding, "marked"):
		text = "\ufeff" + text
	}
	unit := func(r rune) {
		low, high := byte(r), byte(r>>8)
		if strings.HasSuffix(w.encoding, "be") {
			low, high = high, low
		}
		b.Write([]byte{low, high})
	}
	for _, r := range text {
		if r > 0xffff {
			unit(0xd800 + (r-0x10000)>>10)
			r = 0xdc00 + (r-0x10000)&0x3ff
		}
		unit(r)
	}
	return b.Bytes()
}

// damage changes a row below the header: a separator more or less, a quote, an
// end too early, a byte that is no text, or a number as a spreadsheet rounds it.
func (w *writer) damage(file []byte) []byte {
	rows := strings.Split(string(file), w.end)
	row := &rows[min(w.before+w.rand.IntN(max(1, len(rows)-w.before-1)), len(rows)-1)]
	at := w.rand.IntN(len(*row) + 1)
	switch w.rand.IntN(6) {
	case 0:
		*row = (*row)[:at] + w.separator + (*row)[at:]
	case 1:
		if i := strings.Index((*row)[at:], w.separator); i >= 0 {
			*row = (*row)[:at+i] + (*row)[at+i+1:]
		}
	case 2:
		*row = (*row)[:at] + `"` + (*row)[at:]
	case 3:
		*row = (*row)[:at]
	case 4:
		*row = (*row)[:at] + "\x80" + (*row)[at:]
	case 5:
		numbers := regexp.MustCompile(`[-A-Z0-9/ ]*490000000\d`)
		*row = numbers.ReplaceAllString(*row, oneIn(w.rand, "4.9E+09", "4,9E+09", "4.90000E+09"))
	}
	return []byte(strings.Join(rows, w.end))
}

var shortDate = regexp.MustCompile(`^\d{1,2}[/.-]\d{1,2}[/.-](\d{2}|\d{4})$`)
