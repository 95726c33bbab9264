package adsgl

import (
	"fmt"
	"slices"
	"strings"
)

// style is how a file writes a book.
type style struct {
	encoding  string
	end       string // of a line
	separator string
	sepLine   bool
	trailing  bool // a separator at the end of every row

	sides     string // signed, indicator, columns; "by sign" behind the last two: a credit has a minus sign too
	words     [2]string
	other     string // in the column of the other side
	mark      string // decimal
	thousands string
	minus     string // -x, x-, (x)
	plus      string

	dates string // layout of package time
	times string // the same, or bare: digits without zeros in front
	inOne bool   // date and time of entry stand in one cell
	timed bool   // other dates have a midnight behind them

	quotes   string // needed, all, some
	header   string // standard, upper, other, declared
	carry    bool   // the number stands on the first row of a journal only
	extra    bool   // a column that is not read
	titles   []string
	totals   int
	page     bool  // a line of no journal among the rows
	order    []int // of columns
	inFile   bool  // options stand in the file of columns
	nameless       // options that are not named
}

// nameless are the options that the user leaves out.
type nameless struct{ encoding, separator, decimal, order, credits, numbers, currency, skip bool }

func newStyle(b *book) *style {
	r := b.rand
	pick := func(all ...string) string { return oneIn(r, all...) }
	s := &style{
		encoding: pick("utf-8", "utf-8", "marked utf-8", "windows-1252", "marked utf-16le", "marked utf-16be", "utf-16le", "utf-16be"),
		end:      pick("\n", "\r\n", "\r"), separator: pick(",", ",", ";", ";", "|", "\t", "^", "~"), sepLine: r.IntN(4) == 0, trailing: r.IntN(6) == 0,
		sides: pick("signed", "indicator", "indicator by sign", "columns", "columns by sign"),
		words: oneIn(r, [2]string{"D", "C"}, [2]string{"S", "H"}, [2]string{"Debit", "Credit"}, [2]string{"dr", "cr"}, [2]string{"Soll", "Haben"}),
		other: pick("", "", "-", "0"), mark: pick(".", ","), minus: pick("-x", "-x", "x-", "(x)", "- x"), plus: pick("", "", "", "+"),
		dates: pick("20060102", "2006-01-02", "2006-1-2", "2006/01/02", "02.01.2006", "2.1.2006", "01/02/2006", "1/2/2006", "02/01/2006", "2/1/2006", "02-01-2006",
			"02-Jan-2006", "02-Jan-06", "01/02/06", "02/01/06", "02.01.06"),
		quotes: pick("needed", "needed", "all", "some"), header: pick("standard", "upper", "other", "declared"),
		carry: r.IntN(3) == 0, extra: r.IntN(4) == 0, inOne: r.IntN(4) == 0, inFile: r.IntN(2) == 0, totals: r.IntN(3), timed: r.IntN(8) == 0, page: r.IntN(8) == 0,
	}
	s.thousands = pick("", "", map[string]string{".": ",", ",": "."}[s.mark], "'", "’", "\u00a0", "\u202f", " ")
	if b.wide && s.encoding == "windows-1252" {
		s.encoding = "utf-8"
	}
	if s.thousands == "\u202f" && s.encoding == "windows-1252" {
		s.thousands = "\u00a0"
	}
	if s.minus == "-x" && s.encoding != "windows-1252" && r.IntN(4) == 0 {
		s.minus = "\u2212x"
	}
	s.times = s.timesOf(b)
	s.carry = s.carry && s.header == "declared" && !b.through
	for range r.IntN(3) {
		s.titles = append(s.titles, pick("General ledger of Northwind", "5\" pipes", "\"Quoted\"", "Account", "Büro 1.234,56", "----------", ""))
	}
	s.nameless = nameless{encoding: r.IntN(16) == 0, separator: r.IntN(8) == 0, decimal: r.IntN(3) == 0, order: r.IntN(3) == 0, credits: r.IntN(3) == 0, numbers: r.IntN(3) == 0, currency: r.IntN(24) == 0, skip: r.IntN(4) == 0}
	s.order = r.Perm(len(s.columns(b)))
	return s
}

func (s *style) timesOf(b *book) string {
	r := b.rand
	bare := []string{"150405", "bare150405"}
	all := []string{"15:04:05", "15:04:05.000", "03:04:05 PM", "3:04:05PM"}
	if b.clock == "minute" {
		all = append(all, "15:04", "3:04 pm")
		bare = append(bare, "1504", "bare1504")
	}
	switch {
	case b.clock == "none":
		return ""
	case b.clock == "midnight":
		return oneIn(r, "15:04:05", "15:04", "150405", "15:04:05.000")
	case b.zone == nil:
		return oneIn(r, append(all, bare...)...)
	}
	return oneIn(r, append(all, "150405")...) + oneIn(r, "Z07:00", " Z0700", "Z0700", " -0700")
}

// columns are the standard's names of the columns, in an order of their own.
func (s *style) columns(b *book) []string {
	names := []string{"Journal_ID", "GL_Account_Number", "Business_Unit_Code", "JE_Line_Description", "Document_Date", "Entered_Date"}
	add := func(is bool, more ...string) {
		if is {
			names = append(names, more...)
		}
	}
	add(b.posted, "Effective_Date")
	add(b.numbered, "Journal_ID_Line_Number")
	add(b.years, "Fiscal_Year")
	add(b.single == "", "Amount_Currency")
	add(s.times != "" && !s.inOne, "Entered_Time")
	two := strings.HasPrefix(s.sides, "columns")
	add(two, "Debit", "Credit")
	add(!two, "Amount")
	add(strings.HasPrefix(s.sides, "indicator"), "Amount_Credit_Debit_Indicator")
	add(b.functional != "" && two, "Functional_Debit", "Functional_Credit")
	add(b.functional != "" && !two, "Functional_Amount")
	add(b.functional != "", "Functional_Amount_Currency")
	add(s.extra, "Remark")
	return names
}

// usualNames are spellings that extracts use.
var usualNames = map[string]string{
	"Journal_ID": "Document Number", "GL_Account_Number": "account", "Business_Unit_Code": "Company Code", "JE_Line_Description": "JE_Line_ Description", "Effective_Date": "Posting Date",
	"Entered_Date": "Entry_Date", "Journal_ID_Line_Number": "Line Number", "Amount_Currency": "Currency", "Debit": "Entered Dr", "Credit": "Entered Cr", "Amount": "Transaction Amount",
	"Amount_Credit_Debit_Indicator": "DR/CR", "Functional_Amount": "Local Amount", "Functional_Debit": "Accounted Dr", "Functional_Credit": "Accounted Cr", "Functional_Amount_Currency": "Functional Currency",
}

// ownNames are those of a file of columns. Two are the same.
var ownNames = map[string]string{
	"Journal_ID": "Belegnummer", "GL_Account_Number": "Konto", "Business_Unit_Code": "Buchungskreis", "JE_Line_Description": "Positionstext", "Effective_Date": "Buchungsdatum", "Document_Date": "Belegdatum",
	"Entered_Date": "Erfaßt am", "Entered_Time": "Uhrzeit", "Journal_ID_Line_Number": "Pos", "Fiscal_Year": "Jahr", "Amount_Currency": "Währung", "Debit": "Soll", "Credit": "Haben", "Amount": "Betrag",
	"Amount_Credit_Debit_Indicator": "S/H", "Functional_Amount": "Betrag HW", "Functional_Debit": "Soll HW", "Functional_Credit": "Haben HW", "Functional_Amount_Currency": "Währung", "Remark": "Notiz",
}

// name is a column's name in the header.
func (s *style) name(column string) string {
	switch other := usualNames[column]; {
	case s.header == "declared":
		return ownNames[column]
	case s.header == "upper":
		return strings.ToUpper(strings.ReplaceAll(column, "_", " "))
	case s.header == "other" && other != "":
		return other
	}
	return column
}

// declaration is the file of columns for the style, or "".
func (s *style) declaration(b *book) string {
	if s.header != "declared" {
		return ""
	}
	var y strings.Builder
	y.WriteString("schema: tocsin.columns/v1\n")
	if s.inFile {
		o := s.named(b)
		for _, o := range []struct{ name, value string }{
			{"encoding", string(o.Encoding)}, {"decimal", text(o.Decimal)}, {"date_order", string(o.DateOrder)}, {"credits", string(o.Credits)}, {"numbers", string(o.Numbers)}, {"currency", o.Currency},
			{"separator", strings.ReplaceAll(text(o.Separator), "\t", "tab")},
		} {
			if o.value != "" {
				fmt.Fprintf(&y, "%s: %q\n", o.name, o.value)
			}
		}
	}
	y.WriteString("columns:\n")
	names := s.columns(b)
	amounts := slices.Index(names, "Amount_Currency")
	for at, column := range names {
		name := s.name(column)
		if column == "Remark" {
			continue
		}
		if other := map[string]int{"Amount_Currency": slices.Index(names, "Functional_Amount_Currency"), "Functional_Amount_Currency": amounts}[column]; other > 0 {
			nth := 1
			if slices.Index(s.order, at) > slices.Index(s.order, other) {
				nth = 2
			}
			name = fmt.Sprintf("%s #%d", name, nth)
		}
		fmt.Fprintf(&y, "  %s: %q\n", column, name)
	}
	switch {
	case s.carry && b.posted:
		y.WriteString("carry: [Journal_ID, Effective_Date]\n")
	case s.carry:
		y.WriteString("carry: [Journal_ID]\n")
	}
	return y.String()
}

func text(b byte) string {
	if b == 0 {
		return ""
	}
	return string(rune(b))
}

// named are the options that the user names.
func (s *style) named(b *book) Options {
	var o Options
	no := s.nameless
	if !no.encoding {
		o.Encoding = map[string]Encoding{"windows-1252": Windows1252, "utf-16le": UTF16LE, "utf-16be": UTF16BE, "utf-8": UTF8, "marked utf-8": UTF8, "marked utf-16le": UTF16, "marked utf-16be": UTF16}[s.encoding]
	}
	if !no.separator {
		o.Separator = s.separator[0]
	}
	if !no.decimal {
		o.Decimal = s.mark[0]
	}
	if !no.order {
		if o.DateOrder = DayFirst; strings.HasPrefix(s.dates, "01/") || strings.HasPrefix(s.dates, "1/") {
			o.DateOrder = MonthFirst
		}
	}
	if !no.credits && s.sides != "signed" {
		if o.Credits = Unsigned; strings.HasSuffix(s.sides, "by sign") {
			o.Credits = Signed
		}
	}
	if !no.numbers {
		if o.Numbers = ByCompany; b.through {
			o.Numbers = ByLedger
		}
	}
	if !no.currency {
		o.Currency = b.single
	}
	return o
}

// options are all that the user gives.
func (s *style) options(b *book) (Options, error) {
	var o Options
	if s.header != "declared" || !s.inFile {
		o = s.named(b)
	}
	if text := s.declaration(b); text != "" {
		columns, err := ParseColumns("own.yaml", text)
		if err != nil {
			return o, fmt.Errorf("%w in\n%s", err, text)
		}
		o.Columns = columns
	}
	o.GroupCurrency, o.Source, o.Zone = "USD", b.source, b.local
	return o, nil
}
