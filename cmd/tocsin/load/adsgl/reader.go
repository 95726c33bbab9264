package adsgl

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/rules/money"
)

// fault is the reason why a line cannot be read.
type fault struct {
	field  string
	reason string
	text   string // the cell
}

func (f *fault) Error() string { return strings.TrimSpace(f.field + " " + f.reason) }

// reader turns rows into lines.
type reader struct {
	layout  *layout
	opt     Options
	foreign bool // the file is not UTF-8: U+FFFD stands for bytes that are no text
	fields  []string
	carried []string // of Columns.carried, the last value above
	short   bool     // plain digits of a time are HHMM
	// timeless: every time of entry in the file is midnight, as where an export writes
	// a date as date and time. Such a time states nothing.
	timeless bool
}

// content is what a row holds.
type content int

const (
	lineRow   content = iota
	blankRow          // separators only
	totalRow          // a total, which no journal has
	headerRow         // the header once more
)

// take cuts a row and returns what it holds. Blank cells of carried columns get
// the value of the row above.
func (r *reader) take(row row) (content, *fault) {
	if row.fault != "" {
		r.forget()
		return lineRow, &fault{reason: row.fault}
	}
	bad := r.cut(row.text)
	switch {
	case bad == nil && r.isHeader():
		return headerRow, nil
	case len(r.fields) > 1 && !slices.ContainsFunc(r.fields, func(s string) bool { return strings.TrimSpace(s) != "" }):
		return blankRow, nil
	case bad != nil:
		r.forget()
		return lineRow, bad
	case r.isTotal():
		return totalRow, nil
	}
	r.carry()
	return lineRow, nil
}

// cut splits a row that holds together. One field more than the header, even a
// blank one at the end, may come from a separator within a cell, behind which
// every cell stands one column too far to the right.
func (r *reader) cut(text string) *fault {
	var s state
	r.fields, s = split(text, r.layout.separator, r.fields)
	n, want := len(r.fields), r.layout.width
	switch {
	case s != whole:
		return &fault{reason: "has a broken quoted field"}
	case n > want && strings.TrimSpace(r.fields[n-1]) == "":
		return &fault{reason: fmt.Sprintf("has %d fields where the header has %d; a cell with the separator in it needs quotes, and a separator at the end of every row stands in the header too", n, want)}
	case n > want:
		return &fault{reason: fmt.Sprintf("has %d fields where the header has %d; a cell with the separator in it needs quotes", n, want)}
	case n < want:
		return &fault{reason: fmt.Sprintf("has %d fields where the header has %d; a cell with a line break in it needs quotes, and a line of no journal is left out with --skip-lines", n, want)}
	case !utf8.ValidString(text):
		return &fault{reason: errNotUTF8.Error()}
	case r.foreign && strings.ContainsRune(text, utf8.RuneError):
		return &fault{reason: "has bytes that are no text in the encoding of the file"}
	}
	return nil
}

// again cuts a row that was taken before, with the values that it carried then.
func (r *reader) again(text string, carried []string) bool {
	if r.cut(text) != nil {
		return false
	}
	if carried != nil {
		r.carried = carried
		r.carry()
	}
	return true
}

func (r *reader) carry() {
	if r.opt.Columns == nil || len(r.opt.Columns.carried) == 0 {
		return
	}
	now := make([]string, len(r.opt.Columns.carried))
	for i, c := range r.opt.Columns.carried {
		now[i] = r.cell(c)
		if now[i] == "" && r.carried != nil {
			now[i] = r.carried[i]
			r.fields[r.layout.at[c]] = now[i]
		}
	}
	r.carried = now
}

// forget drops what was carried: the row that cannot be read may have begun
// another journal.
func (r *reader) forget() { r.carried = nil }

func (r *reader) cell(c column) string { return r.layout.cell(r.fields, c) }

// isHeader reports whether the row is the header once more: most of its cells are
// names of the header, each at its place. Where one of them is damaged, it is still
// no line, and no number stands in it for the rows below.
func (r *reader) isHeader() bool {
	same, names := 0, 0
	for i, name := range r.layout.header {
		if name == "" {
			continue
		}
		if names++; r.fields[i] == name {
			same++
		}
	}
	return same > names/2
}

// totals are the words with which a total begins.
var totalWords = []string{"total", "totals", "grand total", "subtotal", "sub-total", "sub total", "sum", "balance", "summe", "gesamt", "gesamtsumme", "zwischensumme", "somme", "totale", "totaal", "suma", "saldo"}

var amountColumns = []column{amount, debitAmount, creditAmount, functionalAmount, functionalDebit, functionalCredit, reportingAmount}

// isTotal reports whether the row is a total: it has no journal and no account,
// nothing but amounts, a currency and the word, or an amount on both sides.
func (r *reader) isTotal() bool {
	if r.cell(journalID) != "" && r.cell(account) != "" {
		return false
	}
	words, amounts := 0, 0
	for i, text := range r.fields {
		text = strings.TrimSpace(text)
		if text == "" || i == r.layout.at[currency] {
			continue
		}
		isAmount := slices.ContainsFunc(amountColumns, func(c column) bool { return r.layout.at[c] == i })
		switch {
		case isAmount:
			amounts++
		case isTotalWord(text):
			words++
		default:
			return false
		}
	}
	both := func(dr, cr column) bool { return r.layout.has(dr) && !zero(r.cell(dr)) && !zero(r.cell(cr)) }
	return amounts > 0 && (words == 1 || words == 0 && both(debitAmount, creditAmount))
}

func isTotalWord(text string) bool {
	bare := strings.ToLower(strings.Trim(text, "*:= "))
	if bare == "" {
		return strings.Contains(text, "*")
	}
	return slices.ContainsFunc(totalWords, func(w string) bool { return bare == w || strings.HasPrefix(bare, w+" ") })
}

// identity reads the journal's identity from the row that was cut.
func (r *reader) identity() (identity, *fault) {
	id := identity{number: r.cell(journalID)}
	switch {
	case id.number == "":
		return id, &fault{journalID.String(), errEmptyCell.Error(), ""}
	case strings.Contains(id.number, `"`):
		return identity{}, &fault{journalID.String(), "has a quote in it: a separator in front of a quoted field is missing", id.number}
	case isRounded(id.number):
		return identity{}, &fault{journalID.String(), errRoundID.Error(), id.number}
	}
	if year := r.cell(fiscalYear); year != "" {
		n, err := wholeNumber(year)
		if err != nil || n < 1 || n > 9999 {
			return id, &fault{fiscalYear.String(), "is not a year: want four digits such as 2026", year}
		}
		id.year = n
	}
	return id, nil
}

// line reads the row that was cut.
func (r *reader) line(at int) (line, *fault) {
	l := line{at: at, number: -1,
		unit: r.cell(businessUnit), account: r.cell(account), name: r.cell(accountName), text: r.cell(lineText), header: r.cell(headerText),
		source: r.cell(journalSource), kind: r.cell(documentType), reverses: r.cell(reverses), cost: r.cell(costCenter), profit: r.cell(profitCenter),
		people: people{r.cell(enteredBy), r.cell(approvedBy), r.cell(modifiedBy), r.cell(postedBy)}, rawTime: r.cell(enteredTime)}
	var f *fault
	if l.id, f = r.identity(); f != nil {
		return l, f
	}
	// check keeps the first mistake of the line.
	check := func(c column, err error) {
		if err != nil && f == nil {
			f = &fault{c.String(), err.Error(), r.cell(c)}
		}
	}
	if l.account == "" {
		check(account, errEmptyCell)
	}
	for _, c := range []column{account, businessUnit, lineNumber, reverses, costCenter, profitCenter} {
		if isRounded(r.cell(c)) {
			check(c, errRoundID)
		}
	}
	var err error
	if s := r.cell(lineNumber); s != "" {
		l.number, err = wholeNumber(s)
		check(lineNumber, err)
	}
	r.amounts(&l, check)
	r.dates(&l, check)
	if s := r.cell(fiscalPeriod); s != "" {
		l.period, err = wholeNumber(s)
		if err == nil && l.period > 16 {
			err = errPeriod
		}
		check(fiscalPeriod, err)
	}
	l.reversal, err = parseYesNo(r.cell(reversal))
	check(reversal, err)
	return l, f
}

func (r *reader) amounts(l *line, check func(column, error)) {
	var c column
	var err error
	l.amount, l.side, c, err = r.amount(amount, debitAmount, creditAmount)
	check(c, err)
	if r.layout.has(indicator) && !r.layout.has(debitAmount) {
		l.side, err = parseSide(r.cell(indicator))
		check(indicator, err)
	}
	l.currency, err = r.code(currency, r.opt.Currency)
	check(currency, err)
	var side side
	l.local, side, c, err = r.other(functionalAmount, functionalDebit, functionalCredit, functionalCurrency)
	if err == nil && side != 0 && l.side != 0 && side != l.side && !l.local.amount.IsZero() && !l.amount.IsZero() {
		err = errOtherSide
	}
	check(c, err)
	l.group, _, c, err = r.other(reportingAmount, columns, columns, reportingCurrency)
	check(c, err)
}

func (r *reader) dates(l *line, check func(column, error)) {
	var err error
	l.effective, err = civil(r.cell(effectiveDate), r.opt.DateOrder)
	check(effectiveDate, err)
	l.document, err = civil(r.cell(documentDate), r.opt.DateOrder)
	check(documentDate, err)
	var rest string
	l.entered, rest, err = parseDate(r.cell(enteredDate), r.opt.DateOrder)
	check(enteredDate, err)
	c := enteredTime
	if l.rawTime == "" {
		l.rawTime, c = rest, enteredDate
	}
	l.time, err = parseTime(l.rawTime, r.short)
	check(c, err)
	if c == enteredTime && rest != "" && !l.time.zoned && l.time.known {
		dated, err := parseTime(rest, false)
		check(enteredDate, err)
		l.time.offset, l.time.zoned = dated.offset, dated.zoned
	}
	l.time.known = l.time.known && !r.timeless
	check(c, once(l.entered, l.time, r.opt.Zone))
}

var (
	errPeriod     = errors.New("is not a fiscal period: want 1 to 16, or 0 for balances carried forward, which stand in none")
	errYesNo      = errors.New("is neither yes nor no: want Y, N, 1, 0, true, false, X or nothing")
	errBothSides  = errors.New("has an amount, and so has the other side: a line has one; leave a total out with --skip-lines")
	errOtherSide  = errors.New("is on another side than the amount: a line has one side; correct it in the source")
	errNoCurrency = errors.New("is empty; name the currency of such lines with --currency")
	errNotCode    = errors.New("is not an ISO 4217 code: want three letters such as USD")
	errNotWhole   = errors.New("is not a whole number: export digits only")
)

// zero reports whether a cell of an amount holds none: ledgers with two columns
// leave the other side blank, or write a dash or a zero, with or without a sign.
func zero(s string) bool { return strings.Trim(s, "0.,- –\u2212+()") == "" }

// amount reads an amount from one column, or from the two of debits and
// credits, which also give the side. c is the column that was read.
func (r *reader) amount(one, dr, cr column) (a money.Amount, side side, c column, err error) {
	if one != columns && r.layout.has(one) || dr == columns || !r.layout.has(dr) {
		a, err = parseAmount(r.cell(one), r.opt.Decimal)
		return a, 0, one, err
	}
	debits, credits := r.cell(dr), r.cell(cr)
	switch {
	case !zero(debits) && !zero(credits):
		return a, debit, dr, errBothSides
	case !zero(debits):
		a, err = parseAmount(debits, r.opt.Decimal)
		return a, debit, dr, err
	case !zero(credits):
		a, err = parseAmount(credits, r.opt.Decimal)
		return a, credit, cr, err
	case debits+credits == "":
		return a, debit, dr, errEmptyCell
	case debits == "":
		return a, credit, cr, nil
	}
	return a, debit, dr, nil
}

// other reads an amount in another currency; it counts only with its currency.
func (r *reader) other(one, dr, cr, code column) (optional, side, column, error) {
	two := dr != columns && r.layout.has(dr) && r.layout.has(cr)
	if r.cell(one) == "" && !two || two && !r.layout.has(one) && r.cell(dr)+r.cell(cr) == "" {
		return optional{}, 0, one, nil
	}
	value, side, c, err := r.amount(one, dr, cr)
	if err != nil {
		return optional{}, 0, c, err
	}
	fallback := ""
	if one == reportingAmount {
		fallback = r.opt.GroupCurrency
	}
	if r.cell(code) == "" && fallback == "" {
		return optional{}, 0, c, nil
	}
	currency, err := r.code(code, fallback)
	return optional{value, currency, true}, side, c, err
}

// code reads a currency code.
func (r *reader) code(c column, fallback string) (string, error) {
	s := strings.ToUpper(r.cell(c))
	if s == "" {
		s = fallback
	}
	if s == "" {
		return "", errNoCurrency
	}
	if !isCode(s) {
		return "", errNotCode
	}
	return s, nil
}

// wholeNumber reads a number such as 7, 007 or 7.0, as spreadsheets write it.
func wholeNumber(s string) (int64, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 || strings.Trim(fraction, "0") != "" {
		return 0, errNotWhole
	}
	return n, nil
}

func parseYesNo(s string) (tristate, error) {
	switch strings.ToLower(s) {
	case "":
		return unsaid, nil
	case "y", "yes", "true", "1", "x", "r":
		return yes, nil
	case "n", "no", "false", "0":
		return no, nil
	}
	return unsaid, errYesNo
}
