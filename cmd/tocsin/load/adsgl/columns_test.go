package adsgl

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const someColumns = `schema: tocsin.columns/v1
columns:
  Journal_ID: Number
  GL_Account_Number: Account
  Amount: Value
`

// Every mistake of a file of columns has its place.
func TestColumnsMistakes(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		_, err := ParseColumns("c.yaml", text)
		if err == nil {
			t.Errorf("no mistake in\n%s", text)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q is not in\n%v", w, err)
			}
		}
	}
	f("", "c.yaml: the file is empty")
	f("schema: tocsin.columns/v2\ncolumns: {}\n", `c.yaml:1:9: unknown schema "tocsin.columns/v2"`, "Journal_ID is not mapped", "which columns hold the amounts")
	f(someColumns+"colour: red\n", `c.yaml:6:1: unknown key "colour"`)
	f(someColumns+"  GL_Acount_Name: Name\n", `c.yaml:6:3: the standard has no column "GL_Acount_Name"`)
	f(someColumns+"  amount: Other\n", "c.yaml:6:3: Amount is mapped twice")
	f(someColumns+"  Debit: Dr\n  Credit: Cr\n", "which columns hold the amounts")
	f(someColumns+"  Period: \"\"\n", "c.yaml:6:3: Period has no name")
	f(someColumns+"encoding: latin9\n", `c.yaml:6:11: unknown encoding "latin9"`)
	f(someColumns+"decimal: \";\"\n", "c.yaml:6:11: unknown decimal")
	f(someColumns+"date_order: ymd\n", "c.yaml:6:13: unknown date_order")
	f(someColumns+"separator: ab\n", "c.yaml:6:12: separator is one character")
	f(someColumns+"currency: dollars\n", "c.yaml:6:11: currency is not an ISO 4217 code")
	f(someColumns+"carry: [Period]\n", "c.yaml:6:9: Period is carried and not mapped")
	f(someColumns+"skip_rows: -1\n", "skip_rows is negative")
}

// A file of columns names exactly what the header has.
func TestColumnsAgainstTheHeader(t *testing.T) {
	f := func(columns, file, want string) {
		t.Helper()
		c, err := ParseColumns("c.yaml", columns)
		if err != nil {
			t.Fatal(err)
		}
		_, err = surveyed([]byte(file), Options{Columns: c, Currency: "USD"})
		if got := ""; err != nil {
			got = err.Error()
			if want == "" || !strings.Contains(got, want) {
				t.Errorf("%s; want %q", got, want)
			}
		} else if want != "" {
			t.Errorf("no error; want %q", want)
		}
	}
	f(someColumns, "Number;  account;VALUE\n1;2;3\n", "")
	f(someColumns, "Number;Account;Valeu\n1;2;3\n", `c.yaml:5:11: the header in line 1 has no column "Value"`)
	f(someColumns, "Nummer;Konto;Wert\n1;2;3\n", "no line of the first 2 names any of these columns")
	f(someColumns, "Number;Account;Value;Value\n1;2;3;4\n", "the header names Value (as Value #1, or #2) twice")
	f(strings.Replace(someColumns, "Value", `"Value #2"`, 1), "Number;Account;Value;Value\n1;2;3;4\n", "")
	f(strings.Replace(someColumns, "Value", `"Value #3"`, 1), "Number;Account;Value;Value\n1;2;3;4\n", "has no column")
}

// Each file of columns that ships can be read, and is named by a case.
func TestShippedColumns(t *testing.T) {
	names := ShippedNames()
	if len(names) < 3 {
		t.Fatalf("%q ship", names)
	}
	for _, name := range names {
		text, ok := ShippedColumns(name)
		if _, err := ParseColumns(name, text); !ok || err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What the options decide beats what a file of columns declares.
func TestOptionsBeatColumns(t *testing.T) {
	c, err := ParseColumns("c.yaml", someColumns+"decimal: \",\"\ndate_order: dmy\ncurrency: EUR\nskip_rows: 2\nnumbers: company\ncredits: signed\n")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Columns: c}.complete()
	if o.Decimal != ',' || o.DateOrder != DayFirst || o.Currency != "EUR" || !o.SkipLines.has(2) || o.SkipLines.has(3) || o.Numbers != ByCompany || o.Credits != Signed {
		t.Errorf("declared: %+v", o)
	}
	o = Options{Columns: c, Decimal: '.', DateOrder: MonthFirst, Currency: "USD", Numbers: ByLedger, Credits: Unsigned}.complete()
	if o.Decimal != '.' || o.DateOrder != MonthFirst || o.Currency != "USD" || o.Numbers != ByLedger || o.Credits != Unsigned {
		t.Errorf("named: %+v", o)
	}
}

func TestLines(t *testing.T) {
	l, err := ParseLines("7,1-3")
	if err != nil || !l.has(1) || !l.has(3) || l.has(4) || !l.has(7) || l.has(8) {
		t.Errorf("%v, %v", l, err)
	}
	for _, text := range []string{"", "0", "3-1", "a", "1-", "-1", "1,,2"} {
		if _, err := ParseLines(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// On a terminal the report shows the cells that cannot be read; elsewhere it
// never does.
func TestCellsAreShownOnATerminalOnly(t *testing.T) {
	file := []byte("Journal_ID,GL_Account_Number,Amount\n1,2,SECRET\n")
	_, report, err := read(t, file, Options{Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	report.File = "gl.csv"
	for _, shown := range []bool{false, true} {
		var text, asJSON strings.Builder
		report.ShowCells = shown
		if err := errors.Join(report.Write(&text), json.NewEncoder(&asJSON).Encode(report)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text.String(), "gl.csv:2:5: Amount") || strings.Contains(text.String(), `"SECRET" is not`) != shown || strings.Contains(asJSON.String(), "SECRET") {
			t.Errorf("shown %t:\n%s%s", shown, &text, &asJSON)
		}
	}
}

// The encoding of a file is named, marked, or refused with a hint.
func TestEncodings(t *testing.T) {
	const text = "Journal_ID,GL_Account_Number,Amount,JE_Line_Description\n1,2,3,Büro\n"
	wide := func(mark string, big bool) string {
		var b strings.Builder
		b.WriteString(mark)
		for _, r := range text {
			low, high := byte(r), byte(r>>8)
			if big {
				low, high = high, low
			}
			b.Write([]byte{low, high})
		}
		return b.String()
	}
	latin := strings.ReplaceAll(text, "ü", "\xfc")
	f := func(file string, encoding Encoding, want string) {
		t.Helper()
		s, err := surveyed([]byte(file), Options{Currency: "USD", Encoding: encoding})
		got := ""
		switch {
		case err != nil:
			got = err.Error()
		case s.report.Refused > 0:
			got = s.report.RefusedLines[0].Reason
		}
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q as %s: %q; want %q", file[:8], encoding, got, want)
		}
	}
	f(text, "", "")
	f("\xef\xbb\xbf"+text, "", "")
	f("\xef\xbb\xbf"+text, Windows1252, "byte order mark of UTF-8")
	f(text, Windows1252, "is UTF-8; leave --encoding out")
	f(latin, "", "--encoding windows-1252")
	f(latin, Windows1252, "")
	f(wide("\xff\xfe", false), "", "")
	f(wide("\xfe\xff", true), UTF16, "")
	f(wide("\xfe\xff", true), Windows1252, "byte order mark of UTF-16")
	f(wide("", false), "", "--encoding utf-16le")
	f(wide("", true), "", "--encoding utf-16be")
	f(wide("", true), UTF16BE, "")
	f(wide("", true), UTF16, "no byte order mark")
	f(wide("", true)[:len(text)*2-5], UTF16BE, "bytes that are no text")
	f("\xff\xfe\x00\x00"+text, "", "UTF-32")
	f("PK\x03\x04 a workbook", "", "save the sheet as CSV")
}
