package load

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"tocsin/cmd/tocsin/cli"
)

// variant is a ledger file that gives these journals, or a refusal with these
// words, whose first is its place.
type variant struct {
	file, flags string
	want        string // the journals, in the form of journals
	refusal     string
}

// tryAll loads each variant by the command, as a user does. There have to be ten.
func tryAll(t *testing.T, variants []variant) {
	t.Helper()
	if len(variants) < 10 {
		t.Fatalf("%d variants", len(variants))
	}
	for _, v := range variants {
		path := written(t, "gl.csv", []byte(v.file))
		args := append([]string{"--format", "ads-gl", path, "--out", "-"}, strings.Fields(v.flags)...)
		code, stdout, stderr := loaded(t, "", args...)
		stderr = strings.ReplaceAll(stderr, filepath.Dir(path)+"/", "")
		switch got := journals(t, stdout); {
		case v.refusal != "" && (code != cli.Failed || stdout != "" || !strings.Contains(stderr, v.refusal)):
			t.Errorf("%q %s: exit %d, %q, want the refusal %q:\n%s", v.file, v.flags, code, got, v.refusal, stderr)
		case v.refusal == "" && (code != cli.OK || got != v.want):
			t.Errorf("%q %s: exit %d\n got %q\nwant %q\n%s", v.file, v.flags, code, got, v.want, stderr)
		}
	}
}

// journals are the events in short: key, posting date, moment of entry, then each
// line as side, account, amount and currency.
func journals(t *testing.T, events string) string {
	t.Helper()
	var all []string
	for text := range strings.Lines(events) {
		var e struct {
			Data struct {
				Key     string `json:"source_record_key"`
				Posted  string `json:"posting_date"`
				Entered string `json:"entered_at"`
				Lacks   bool   `json:"incomplete"`
				Lines   []struct {
					Side     string `json:"debit_credit"`
					Account  string `json:"account"`
					Amount   string `json:"amount_transaction"`
					Currency string `json:"currency"`
				} `json:"lines"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		words := []string{e.Data.Key}
		for _, word := range []string{e.Data.Posted, e.Data.Entered, map[bool]string{true: "incomplete"}[e.Data.Lacks]} {
			if word != "" {
				words = append(words, word)
			}
		}
		for _, l := range e.Data.Lines {
			words = append(words, l.Side, l.Account, l.Amount, l.Currency)
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "; ")
}

// written16 is a text in UTF-16 with its mark.
func written16(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	return b.String()
}

// ends are the ends of lines.
var ends = []string{"\n", "\r\n", "\r"}

// separators are those that a header shows.
var separators = []string{",", ";", "|", "\t"}

// apart joins cells and rows.
func apart(separator, end string, rows ...[]string) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(strings.Join(row, separator) + end)
	}
	return b.String()
}

func TestVariantsOfCarriageReturns(t *testing.T) {
	var all []variant
	for _, separator := range separators {
		text := apart(separator, "\r", []string{"Journal_ID", "Fiscal_Year", "GL_Account_Number", "Amount", "Amount_Currency", "JE_Line_Description"},
			[]string{"8", "2026", "6100", "3.25", "USD", "5\" pipe"}, []string{"8", "2026", "2400", "-3.25", "USD", "\"two\nlines\""})
		for _, file := range []string{text, strings.TrimSuffix(text, "\r"), "\ufeff" + text, written16(text), "sep=" + separator + "\r" + text, "Ledger of 5\" pipes\r\r" + text, strings.ReplaceAll(text, "\r8", "\r\r8")} {
			all = append(all, variant{file: file, want: "ads-gl//2026/8 C 2400 3.25 USD D 6100 3.25 USD"})
		}
	}
	header := "Journal_ID,GL_Account_Number,Amount,Amount_Currency\r"
	all = append(all, variant{file: header, refusal: "gl.csv: the file has a header and no line below it: nothing was read"},
		variant{file: header + "8,6100,x,USD\r", refusal: "gl.csv:2:8: Amount is not an amount: want digits"})
	tryAll(t, all)
}

func TestVariantsOfGermanAmounts(t *testing.T) {
	var all []variant
	for n, c := range []struct {
		text         string
		point, comma string // the amount under each mark; "": refused
		plain        string // without an option; "": refused
		why          string
	}{
		{"612.000", "612", "612000", "", "is ambiguous: the mark may separate thousands or decimals; name the decimal mark with --decimal . or --decimal ,"},
		{"1.000", "1", "1000", "", "is ambiguous"},
		{"999.999", "999.999", "999999", "", "is ambiguous"},
		{"10.000", "10", "10000", "", "is ambiguous"},
		{"612,000", "612000", "612", "", "is ambiguous"},
		{"1.234.567", "", "1234567", "", "is written with a decimal comma; read such a file with --decimal ,"},
		{"1,234,567", "1234567", "", "1234567", ""},
		{"612.000,00", "", "612000", "", "is written with a decimal comma; read such a file with --decimal ,"},
		{"612000,5", "", "612000.5", "", "is written with a decimal comma; read such a file with --decimal ,"},
		{"0.500", "0.5", "", "0.5", ""},
		{"0,500", "", "0.5", "", "is written with a decimal comma; read such a file with --decimal ,"},
		{"1234.567", "1234.567", "", "1234.567", ""},
		{"1'234", "1234", "1234", "1234", ""},
		{"1 234,50", "", "1234.5", "", "has blanks between its digits, and no amount decides the decimal mark; name it with --decimal . or --decimal ,"},
		{"612000", "612000", "612000", "612000", ""},
	} {
		minus := []string{"-%s", "%s-", "(%s)"}[n%3]
		file := apart(";", ends[n%3], []string{"Journal_ID", "GL_Account_Number", "Amount", "Amount_Currency"}, []string{"1", "6100", c.text, "EUR"}, []string{"1", "6200", fmt.Sprintf(minus, c.text), "EUR"})
		for _, o := range []struct{ flags, amount, why string }{{"", c.plain, c.why}, {"--decimal .", c.point, "is written with a decimal comma, and the decimal mark is the point; see --decimal"}, {"--decimal ,", c.comma, "is written with a decimal point, and the decimal mark is the comma; see --decimal"}} {
			v := variant{file: file, flags: o.flags, want: fmt.Sprintf("ads-gl///1 D 6100 %s EUR C 6200 %[1]s EUR", o.amount)}
			if o.amount == "" {
				v.refusal = "gl.csv:2:8: Amount " + o.why
			}
			all = append(all, v)
		}
	}
	decided := "Journal_ID;GL_Account_Number;Amount;Amount_Currency\n1;6100;612.000;EUR\n1;6200;-612.000;EUR\n2;6100;%s;EUR\n"
	all = append(all, variant{file: fmt.Sprintf(decided, "12.5"), want: "ads-gl///1 D 6100 612 EUR C 6200 612 EUR; ads-gl///2 D 6100 12.5 EUR"},
		variant{file: fmt.Sprintf(decided, "12,5"), refusal: "gl.csv:2:8: Amount is ambiguous"})
	tryAll(t, all)
}

func TestVariantsOfRoundedNumbers(t *testing.T) {
	var all []variant
	for _, rounded := range []string{"4.9E+09", "4,9E+09", "1E+10", "4.90E+09", "4.9e+09", "-4.9E+09", "+4.9E+09", "1.23457E+11", "9E+15", "4.9E+009"} {
		for at, c := range []struct{ name, what string }{
			{"Journal_ID", "a long number"}, {"GL_Account_Number", "a long number"}, {"Business_Unit_Code", "a long number"}, {"Amount", "a large number"}, {"Cost_Center", "a long number"},
		} {
			row := []string{"7", "6100", "US01", "5", "C1", "USD"}
			column := 1
			for _, cell := range row[:at] {
				column += len(cell) + 1
			}
			row[at] = rounded
			all = append(all, variant{
				file:    apart(";", "\n", []string{"Journal_ID", "GL_Account_Number", "Business_Unit_Code", "Amount", "Cost_Center", "Amount_Currency"}, row),
				refusal: fmt.Sprintf("gl.csv:2:%d: %s is rounded to powers of ten, as a spreadsheet shows %s; export the column as text", column, c.name, c.what),
			})
		}
	}
	for _, whole := range []string{"4900000001", "0000000012", "4E9", "E+09", "12E+09", "4.9E+0900", "JE-4.9E+09"} {
		all = append(all, variant{file: "Journal_ID,GL_Account_Number,Amount,Amount_Currency\n" + whole + ",6100,5,USD\n", want: "ads-gl///" + whole + " D 6100 5 USD"})
	}
	tryAll(t, all)
}

// The journal of a line that cannot be cut is marked, also where the separator stands
// in front of its number.
func TestVariantsOfUnquotedSeparators(t *testing.T) {
	var all []variant
	for n, separator := range append(separators, separators...) {
		for _, text := range []string{"Accrual%s legal fees", "a%sb%sc", "%s", "fees%s"} {
			text = strings.ReplaceAll(text, "%s", separator)
			header := []string{"JE_Line_Description", "Journal_ID", "GL_Account_Number", "Amount", "Amount_Currency", "Source"}
			row := func(text, number, amount string) []string {
				return []string{text, number, "6100", amount, "USD", "AP"}
			}
			if n >= len(separators) { // the text stands behind the number
				header = append(header[1:], header[0])
				first := row
				row = func(text, number, amount string) []string { return append(first(text, number, amount)[1:], text) }
			}
			file := func(text string) string {
				return apart(separator, ends[n%3], header, row(text, "7", "900000"), row("fee", "7", "10"), row("fee", "8", "1"))
			}
			fields, column := 6+strings.Count(text, separator), 0
			for _, cell := range strings.SplitAfter(strings.Join(row(text, "7", "900000"), separator), separator)[:6] {
				column += len(cell)
			}
			all = append(all, variant{file: file(text), refusal: fmt.Sprintf("gl.csv:2:%d: has %d fields where the header has 6; a cell with the separator in it needs quotes", column+1, fields)},
				variant{file: file(text), flags: "--skip-bad", want: "ads-gl///7 incomplete D 6100 10 USD; ads-gl///8 D 6100 1 USD"},
				variant{file: file(`"` + text + `"`), want: "ads-gl///7 D 6100 10 USD D 6100 900000 USD; ads-gl///8 D 6100 1 USD"})
		}
	}
	tryAll(t, all)
}

func TestVariantsOfBadAmounts(t *testing.T) {
	var all []variant
	for text, why := range map[string]string{
		"9oo000.00": "is not an amount: want digits", "--5": "is not an amount: want digits", "5-5": "is not an amount: want digits", "NaN": "is not an amount: want digits", "1e3": "is not an amount: want digits",
		"5%": "is not an amount: want digits", "(5": "is not an amount: want digits", "٥": "is not an amount: want digits", "５": "is not an amount: want digits", "=5+5": "is not an amount: want digits", "0x10": "is not an amount: want digits",
		"#REF!": "is not an amount: want digits", "1.2.3": "has separators that are not in front of each three digits: export the column without separators", "12.34,5.6": "has separators that are not",
		"1'23": "has separators that are not", "$5": "has the sign or code of a currency: export the bare number", "5 USD": "has the sign or code of a currency", "€5": "has the sign or code of a currency", "5 DR": "has debit or credit behind the number: export it as a column of its own",
		"5C": "has debit or credit behind the number", "": "is empty: fill it in, or leave the line out with --skip-lines", "0.0000000001": "has more than 9 digits after the point", "100000000000000000000000000000": "does not fit Decimal(38,9): more than 29 digits before the point", "1 2 3": "has blanks between its digits",
	} {
		file := "Journal_ID;GL_Account_Number;Amount;Amount_Currency\n7;6100;" + text + ";USD\n7;2400;-10;USD\n8;6100;1;USD\n"
		all = append(all, variant{file: file, refusal: "gl.csv:2:8: Amount " + why}, variant{file: file, flags: "--skip-bad", want: "ads-gl///7 incomplete C 2400 10 USD; ads-gl///8 D 6100 1 USD"})
	}
	tryAll(t, all)
}

func TestVariantsOfBlankRows(t *testing.T) {
	var all []variant
	for n, separator := range separators {
		header, first, second := []string{"Journal_ID", "GL_Account_Number", "Amount", "Amount_Currency"}, []string{"1", "6100", "612.50", "USD"}, []string{"1", "2400", "-612.50", "USD"}
		for _, blank := range [][]string{{"", "", "", ""}, {" ", "", " ", ""}, {`""`, `""`, `""`, `""`}, {"", ""}, {"", "", "", "", "", ""}, {"\u00a0", "", "", ""}} {
			for _, rows := range [][][]string{{header, blank, first, second}, {header, first, blank, blank, second}, {header, first, second, blank, blank, blank}, {blank, header, blank, first, second, blank}} {
				all = append(all, variant{file: apart(separator, ends[n%3], rows...), want: "ads-gl///1 C 2400 612.5 USD D 6100 612.5 USD"})
			}
		}
	}
	tryAll(t, all)
}

func TestVariantsOfTwoColumns(t *testing.T) {
	var all []variant
	names := [][2]string{{"Debit", "Credit"}, {"Debit_Amount", "Credit_Amount"}, {"Entered Dr", "Entered Cr"}, {"DR", "CR"}, {"amount debit", "amount credit"}}
	file := func(names [2]string, first, second []string) string {
		return apart(",", "\n", []string{"Journal_ID", "GL_Account_Number", names[0], names[1], "Currency", "Posting_Date"}, append([]string{"1", "6100"}, append(first, "USD", "2026-03-02")...), append([]string{"1", "6200"}, append(second, "USD", "2026-03-02")...))
	}
	const want = "ads-gl//2026/1 2026-03-02 D 6100 612000.5 USD C 6200 612000.5 USD"
	for n, none := range []string{"", "0", "0.00", "-", "–", "(0.00)", "+0.00", "0.00-", "- ", "−0.00", " "} {
		all = append(all, variant{file: file(names[n%len(names)], []string{"612000.50", none}, []string{none, "612000.50"}), want: want},
			variant{file: file(names[n%len(names)], []string{none, "-612000.50"}, []string{"(612000.50)", none}), flags: "--credits unsigned", want: want},
			variant{file: file(names[n%len(names)], []string{"612000.50", none}, []string{none, "612000.50-"}), want: want}) // credits carry a minus sign
	}
	all = append(all, variant{file: file(names[0], []string{"5", "5"}, []string{"", "1"}), refusal: "gl.csv:2:8: Debit has an amount, and so has the other side: a line has one; leave a total out with --skip-lines"},
		variant{file: file(names[1], []string{"", ""}, []string{"", "1"}), refusal: "gl.csv:2:8: Debit is empty: fill it in"},
		variant{file: file([2]string{"Debit", "Kredit"}, []string{"5", ""}, []string{"", "5"}), refusal: "gl.csv: the header in line 1 lacks Credit; map other names with --columns"},
		variant{file: file([2]string{"Amount", "Credit"}, []string{"5", ""}, []string{"-5", "5"}), want: "ads-gl//2026/1 2026-03-02 D 6100 5 USD C 6200 5 USD"},
		variant{file: file(names[0], []string{"x", ""}, []string{"", "5"}), refusal: "gl.csv:2:8: Debit is not an amount"},
		variant{file: file(names[0], []string{"5", ""}, []string{"", `"5,00"`}), refusal: "gl.csv:3:9: Credit is written with a decimal comma; read such a file with --decimal ,"})
	tryAll(t, all)
}

func TestVariantsOfZonedTimes(t *testing.T) {
	var all []variant
	const zone = " --timezone America/New_York"
	for at, want := range map[string]string{
		"2026-03-03T02:30:00Z": "2026-03-03T02:30:00Z", "2026-03-03 02:30:00 UTC": "2026-03-03T02:30:00Z", "2026-03-03T03:30:00+01:00": "2026-03-03T03:30:00+01:00", "2026-03-03 03:30:00+0100": "2026-03-03T03:30:00+01:00",
		"2026-03-03 03:30+01": "2026-03-03T03:30:00+01:00", "20260303T023000Z": "2026-03-03T02:30:00Z", "20260303T080000+0530": "2026-03-03T08:00:00+05:30", "2026-03-02 09:30 PM -0500": "2026-03-02T21:30:00-05:00",
		"2026-03-03T02:30:00.123456Z": "2026-03-03T02:30:00.123456Z", "02.03.2026 21:30:00-05:00": "2026-03-02T21:30:00-05:00", "02-MAR-2026 21:30:00 -05:00": "2026-03-02T21:30:00-05:00",
		"2026-03-02 21:30": "2026-03-02T21:30:00-05:00", "20260302 213000": "2026-03-02T21:30:00-05:00", "2026-07-02 21:30": "2026-07-02T21:30:00-04:00",
		"2026-11-01 00:30": "2026-11-01T00:30:00-04:00", "2026-11-01 01:30-04:00": "2026-11-01T01:30:00-04:00", "2026-11-01 02:30": "2026-11-01T02:30:00-05:00", "2026-03-08 01:30": "2026-03-08T01:30:00-05:00", "2026-03-08 03:30": "2026-03-08T03:30:00-04:00", "2026-03-02": "2026-03-02",
	} {
		want = "ads-gl//2026/1 2026-03-02 " + want + " D 6100 5 USD"
		all = append(all, variant{file: "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Posting_Date,Entered_Date\n1,6100,5,USD,2026-03-02," + at + "\n", flags: zone, want: want})
		between := strings.IndexByte(at, ' ')
		if between < 0 {
			between = strings.IndexByte(at, 'T')
		}
		if between > 0 {
			all = append(all, variant{file: "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Posting_Date,Entered_Date,Entered_Time\n1,6100,5,USD,2026-03-02," + at[:between] + "," + at[between+1:] + "\n", flags: zone, want: want})
		}
	}
	for _, at := range []string{"2026-03-03T02:30:00+25:00", "2026-03-03T02:30:00 EST", "2026-03-03T02:30:00+1", "2026-03-03T24:30:00Z", "2026-03-03TZ"} {
		all = append(all, variant{file: "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Posting_Date,Entered_Date\n1,6100,5,USD,2026-03-02," + at + "\n", flags: zone,
			refusal: "gl.csv:2:25: Entered_Date is not a time of day: want HHMMSS, HHMM, HH:MM or HH:MM:SS, with Z or +HH:MM where the zone is not that of --timezone"})
	}
	for at, why := range map[string]string{"2026-11-01 01:30": "comes twice in --timezone, as clocks are set back: export the time with its zone", "2026-03-08 02:30": "does not exist in --timezone, as clocks are set forward: export the time with its zone"} {
		all = append(all, variant{file: "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Posting_Date,Entered_Date\n1,6100,5,USD,2026-03-02," + at + "\n", flags: zone, refusal: "gl.csv:2:25: Entered_Date " + why})
	}
	all = append(all, variant{file: "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Posting_Date\n1,6100,5,USD,2026-03-01T23:00:00Z\n", refusal: "gl.csv:2:14: Effective_Date is an instant in UTC where a civil date is wanted; export the date without a time"})
	tryAll(t, all)
}
