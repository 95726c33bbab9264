package adsgl

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/rules/money"
)

// Options say what the file does not.
type Options struct {
	Decimal       byte           // decimal mark, '.' or ','; 0: the point, and what may be either is refused
	Credits       Credits        // what a minus sign means
	Currency      string         // currency of lines that name none
	GroupCurrency string         // currency of group amounts
	Zone          *time.Location // zone of entry times; nil: UTC
	Registrant    string         // SEC Central Index Key, or ""
	Source        string         // CloudEvents source; "": ads-gl
	ManualSources []string       // journal sources that people key; nil: nobody said, and is_manual stays absent
}

// Credits says what a minus sign on an amount means when the file also has an
// indicator.
type Credits string

const (
	// Guess reads the whole file first: when no credit is positive and no debit
	// negative, it is Signed, else Unsigned.
	Guess Credits = "auto"
	// Signed: credits carry a minus sign that the indicator repeats.
	Signed Credits = "signed"
	// Unsigned: the sign is not the indicator's. A negative debit is a negative
	// posting (SAP) and stands in the event as a credit of that size.
	Unsigned Credits = "unsigned"
)

// line is a journal line, as the file has it.
type line struct {
	at        int // line of the file
	id        identity
	number    int64 // -1: not numbered
	unit      string
	account   string
	name      string
	text      string
	header    string
	source    string
	kind      string
	currency  string
	side      side // 0: the file has no indicator, the sign tells
	amount    money.Amount
	local     optional
	group     optional
	effective day
	document  day
	entered   day
	time      clock
	rawTime   string
	period    int64 // 0: unknown
	people    people
	reversal  tristate
	reverses  string
	cost      string
	profit    string
}

// people are the persons that a line names.
type people struct{ entered, approved, modified, posted string }

// optional is an amount in another currency, or nothing.
type optional struct {
	amount   money.Amount
	currency string
	known    bool
}

type tristate int8

const (
	unsaid tristate = iota
	no
	yes
)

// identity is what the file calls a journal: its number is unique within a
// fiscal year.
type identity struct {
	year   int64 // 0: the file has no fiscal year
	number string
}

// fault says why a line cannot be read.
type fault struct {
	field  string
	reason string
}

func (f *fault) Error() string { return strings.TrimSpace(f.field + " " + f.reason) }

// reader turns rows into lines.
type reader struct {
	layout *layout
	opt    Options
	fields []string
	short  bool // plain digits of a time are HHMM
}

// cut splits a row that holds together.
func (r *reader) cut(text string) *fault {
	var s state
	r.fields, s = split(text, r.layout.separator, r.fields)
	n := len(r.fields)
	for n > r.layout.width && strings.TrimSpace(r.fields[n-1]) == "" {
		n--
	}
	switch {
	case s != whole:
		return &fault{"", "has a broken quoted field"}
	case n != r.layout.width && len(r.fields) != r.layout.width:
		return &fault{"", fmt.Sprintf("has %d fields where the header has %d", len(r.fields), r.layout.width)}
	case !utf8.ValidString(text):
		return &fault{"", errNotUTF8.Error()}
	}
	return nil
}

func (r *reader) cell(c column) string { return r.layout.cell(r.fields, c) }

// identity reads the journal's identity from the row that was cut.
func (r *reader) identity() (identity, *fault) {
	id := identity{number: r.cell(journalID)}
	if id.number == "" {
		return id, &fault{journalID.String(), errEmptyCell.Error()}
	}
	if year := r.cell(fiscalYear); year != "" {
		n, err := wholeNumber(year)
		if err != nil || n < 1 || n > 9999 {
			return id, &fault{fiscalYear.String(), "is not a year"}
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
			f = &fault{c.String(), err.Error()}
		}
	}
	if l.account == "" {
		check(account, errEmptyCell)
	}
	var err error
	if s := r.cell(lineNumber); s != "" {
		l.number, err = wholeNumber(s)
		check(lineNumber, err)
	}
	l.amount, err = parseAmount(r.cell(amount), r.opt.Decimal)
	check(amount, err)
	if r.layout.at[indicator] >= 0 {
		l.side, err = parseSide(r.cell(indicator))
		check(indicator, err)
	}
	l.currency, err = r.code(currency, r.opt.Currency)
	check(currency, err)
	l.local, err = r.other(functionalAmount, functionalCurrency)
	check(functionalAmount, err)
	l.group, err = r.other(reportingAmount, reportingCurrency)
	check(reportingAmount, err)

	l.effective, _, err = parseDate(r.cell(effectiveDate))
	check(effectiveDate, err)
	l.document, _, err = parseDate(r.cell(documentDate))
	check(documentDate, err)
	var rest string
	l.entered, rest, err = parseDate(r.cell(enteredDate))
	check(enteredDate, err)
	if l.rawTime == "" {
		l.rawTime = rest
	}
	l.time, err = parseTime(l.rawTime, r.short)
	check(enteredTime, err)

	if s := r.cell(fiscalPeriod); s != "" {
		l.period, err = wholeNumber(s)
		if err == nil && l.period > 16 {
			err = fmt.Errorf("is not a fiscal period: want 1 to 16, or 0 for balances carried forward, which stand in none")
		}
		check(fiscalPeriod, err)
	}
	switch s := strings.ToLower(r.cell(reversal)); s {
	case "y", "yes", "true", "1", "x", "r":
		l.reversal = yes
	case "n", "no", "false", "0":
		l.reversal = no
	case "":
	default:
		check(reversal, fmt.Errorf("is neither yes nor no: want Y, N, 1, 0, true, false, X or nothing"))
	}
	return l, f
}

// wholeNumber reads a number such as 7, 007 or 7.0, as spreadsheets write it.
func wholeNumber(s string) (int64, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n < 0 || strings.Trim(fraction, "0") != "" {
		return 0, fmt.Errorf("is not a whole number")
	}
	return n, nil
}

// code reads a currency code.
func (r *reader) code(c column, fallback string) (string, error) {
	s := strings.ToUpper(r.cell(c))
	if s == "" {
		s = fallback
	}
	if s == "" {
		return "", fmt.Errorf("is empty; name the currency of such lines with --currency")
	}
	if len(s) != 3 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return "", fmt.Errorf("is not an ISO 4217 code")
	}
	return s, nil
}

// other reads an amount in another currency; it counts only with its currency.
func (r *reader) other(a, c column) (optional, error) {
	text := r.cell(a)
	if text == "" {
		return optional{}, nil
	}
	value, err := parseAmount(text, r.opt.Decimal)
	if err != nil {
		return optional{}, err
	}
	fallback := ""
	if a == reportingAmount {
		fallback = r.opt.GroupCurrency
	}
	if r.cell(c) == "" && fallback == "" {
		return optional{}, nil
	}
	code, err := r.code(c, fallback)
	return optional{value, code, true}, err
}

// compare orders lines by what they say and never by where they stand.
func compare(a, b *line) int {
	c := cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.unit, b.unit), cmp.Compare(a.account, b.account), cmp.Compare(a.side, b.side), a.amount.Cmp(b.amount))
	if c != 0 {
		return c
	}
	return cmp.Compare(a.content(), b.content())
}

// content is the line in one canonical text: equal lines have equal contents
// however the file spells, orders or separates them.
func (l *line) content() string {
	b := make([]byte, 0, 256)
	add := func(s string) {
		b = append(strconv.AppendInt(b, int64(len(s)), 10), ':')
		b = append(append(b, s...), ',')
	}
	for _, s := range [...]string{l.unit, l.account, l.name, l.text, l.header, l.source, l.kind, l.currency, l.side.String(), l.amount.String(), l.local.String(), l.group.String(),
		l.people.entered, l.people.approved, l.people.modified, l.people.posted, l.reverses, l.cost, l.profit} {
		add(s)
	}
	for _, n := range [...]int64{l.number, l.effective.number(), l.document.number(), l.entered.number(), l.time.micros, l.period, int64(l.reversal)} {
		b = append(strconv.AppendInt(b, n, 10), ',')
	}
	return string(b)
}

func (o optional) String() string {
	if !o.known {
		return ""
	}
	return o.amount.String() + o.currency
}

// number is the date as a number that no other date, and no absence, has.
func (d day) number() int64 {
	if !d.known {
		return math.MinInt64
	}
	return int64(d.date)
}
