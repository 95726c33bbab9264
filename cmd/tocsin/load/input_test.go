package load

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/cli"
)

const adsHeader = "Journal_ID,Journal_ID_Line_Number,Fiscal_Year,Business_Unit_Code,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency\n"

// A file without a readable line is an error, with any flags.
func TestNothingReadIsAnError(t *testing.T) {
	for _, c := range []struct{ format, file, want string }{
		{"ads-gl", "", "the file is empty"},
		{"ads-gl", "\n \n", "the file is empty"},
		{"ads-gl", adsHeader, "nothing was read"},
		{"ads-gl", strings.ReplaceAll(adsHeader, "\n", "\r"), "nothing was read"},
		{"ads-gl", adsHeader + ",,,,,,,\n", "nothing was read"},
		{"ads-gl", adsHeader + "1,1,2026,A,100,x,D,USD\n", "nothing could be read"},
		{"cloudevents", "", "nothing was read"},
		{"cloudevents", "\n\n", "nothing was read"},
		{"cloudevents", "{}\n", "nothing could be read"},
		{"cloudevents", "\xff\xfe{\x00}\x00\n\x00", "UTF-16"},
	} {
		code, stdout, stderr := loaded(t, c.file, "--format", c.format, "-", "--out", "-", "--skip-bad")
		if code != cli.Failed || stdout != "" || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "balances") {
			t.Errorf("%s %q: exit %d, %q, %q", c.format, c.file, code, stdout, stderr)
		}
	}
}

// Flags decide what a file leaves open.
func TestLedgerFlagsDecide(t *testing.T) {
	const (
		german = "Journal_ID;GL_Account_Number;Amount;Amount_Currency\n1;100;612.000;EUR\n1;200;-612.000;EUR\n"
		dates  = "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Posting_Date\n1,100,5,EUR,03/02/2026\n1,200,-5,EUR,03/02/2026\n"
		units  = "Journal_ID,Company_Code,GL_Account_Number,Amount,Amount_Currency\n1,A,100,5,EUR\n1,A,200,-5,EUR\n1,B,100,6,EUR\n1,B,200,-6,EUR\n"
		signs  = "Journal_ID,GL_Account_Number,Amount,DC_Indicator,Amount_Currency\n1,100,5,D,EUR\n1,200,-5,C,EUR\n2,100,-5,D,EUR\n2,200,5,C,EUR\n"
		latin  = "Journal_ID,GL_Account_Number,Amount,Amount_Currency,Line_Text\n1,100,5,EUR,B\xfcro\n1,200,-5,EUR,\n"
		caret  = "Journal_ID^GL_Account_Number^Amount^Amount_Currency\n1^100^5^EUR\n1^200^-5^EUR\n"
		page   = "page 1\n" + caret + "end of page\n"
	)
	for _, c := range []struct{ file, flags, hint, has string }{
		{german, "--decimal ,", "--decimal", `"amount_transaction":"612000"`},
		{german, "--decimal .", "--decimal", `"amount_transaction":"612"`},
		{dates, "--date-order mdy", "--date-order", `"posting_date":"2026-03-02"`},
		{dates, "--date-order dmy", "--date-order", `"posting_date":"2026-02-03"`},
		{units, "--numbers company", "--numbers", `"subject":"ads-gl/B//1"`},
		{units, "--numbers ledger", "--numbers", `"lines_received":4`},
		{signs, "--credits signed", "--credits", `"balanced":true`},
		{latin, "--encoding windows-1252", "--encoding", "Büro"},
		{caret, "--separator ^", "--separator", `"subject":"ads-gl///1"`},
		{page, "--separator ^ --skip-rows 1 --skip-lines 5", "--separator", `"subject":"ads-gl///1"`},
	} {
		args := []string{"--format", "ads-gl", "-", "--out", "-"}
		if code, stdout, stderr := loaded(t, c.file, args...); code != cli.Failed || stdout != "" || !strings.Contains(stderr, c.hint) {
			t.Errorf("%q: exit %d, %q, %q", c.file, code, stdout, stderr)
		}
		if code, stdout, stderr := loaded(t, c.file, append(args, strings.Fields(c.flags)...)...); code != cli.OK || !strings.Contains(stdout, c.has) {
			t.Errorf("%q %s: exit %d, %q, %q", c.file, c.flags, code, stdout, stderr)
		}
	}
}

// A file of columns is read from a file or ships; its mistakes have a place.
func TestLoadColumns(t *testing.T) {
	const file = "Number;Account;Value\n1;100;5\n1;200;-5\n"
	columns := written(t, "c.yaml", []byte("schema: tocsin.columns/v1\ncurrency: EUR\ncolumns:\n  Journal_ID: Number\n  GL_Account_Number: Account\n  Amount: Value\n"))
	args := []string{"--format", "ads-gl", "-", "--out", "-", "--columns"}
	if code, stdout, stderr := loaded(t, file, append(args, columns)...); code != cli.OK || !strings.Contains(stdout, `"transaction_currency":"EUR"`) {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	if code, _, stderr := loaded(t, "Number;Account;Valeu\n1;100;5\n", append(args, columns)...); code != cli.Failed || !strings.Contains(stderr, columns+`:6:11: the header in line 1 has no column "Value"`) || !strings.Contains(stderr, "did you mean Valeu?") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if code, _, stderr := loaded(t, file, append(args, "sap_line_items")...); code != cli.Failed || !strings.Contains(stderr, "sap_line_items.yaml") {
		t.Errorf("a file that ships: exit %d: %s", code, stderr)
	}
	if code, _, stderr := loaded(t, file, append(args, "absent.yaml")...); code != cli.Usage || !strings.Contains(stderr, "sap_line_items") {
		t.Errorf("no such file: exit %d: %s", code, stderr)
	}
	wrong := written(t, "w.yaml", []byte("schema: tocsin.columns/v1\ncolumns:\n  Colour: x\n"))
	if code, _, stderr := loaded(t, file, append(args, wrong)...); code != cli.Usage || !strings.Contains(stderr, wrong+":3:3:") || !strings.Contains(stderr, "^~~~~~") {
		t.Errorf("mistakes: exit %d: %s", code, stderr)
	}
}

// A file that cannot be opened has a remedy, and none is made.
func TestFilesHaveARemedy(t *testing.T) {
	ledger := written(t, "gl.csv", []byte(smallLedger))
	dir := filepath.Dir(ledger)
	absent := filepath.Join(dir, "absent")
	for _, c := range []struct{ args, want string }{
		{"--inspect " + absent, absent + " does not exist: give the path of the file, or - for standard input"},
		{"--format ads-gl " + absent + " --out -", absent + " does not exist: give the path of the file, or - for standard input"},
		{"--format ads-gl " + dir + " --out -", dir + " is a directory: name a file in it"},
		{"--format ads-gl " + ledger + " --out " + dir, "--out " + dir + " is a directory: name a file in it"},
		{"--format ads-gl " + ledger + " --out " + filepath.Join(absent, "x"), "--out " + filepath.Join(absent, "x") + ": the directory " + absent + " does not exist: make it, or name another"},
		{"--format ads-gl " + ledger + " --out " + filepath.Join(ledger, "x"), ledger + " is not a directory: name a file in one"},
	} {
		code, stdout, stderr := loaded(t, "", strings.Fields(c.args)...)
		if code != cli.Failed || stdout != "" || stderr != "tocsin load: "+c.want+"\n" && !strings.HasSuffix(stderr, c.want+"\n") {
			t.Errorf("%s: exit %d, %q\n got %q\nwant %q", c.args, code, stdout, stderr, c.want)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files beside the ledger, %v", len(entries), err)
	}
}

// --inspect shows how a file is read, and produces nothing.
func TestInspect(t *testing.T) {
	var b strings.Builder
	b.WriteString("Northwind\n" + strings.Replace(adsHeader, "Amount_Currency", "Amount_Currency,Colour", 1))
	for n := range 5 {
		fmt.Fprintf(&b, "%d,1,2026,A,100,12.5,D,USD,red\n%d,2,2026,A,200,12.5,C,USD,\n", n+1, n+1)
	}
	file := written(t, "gl.csv", []byte(b.String()))
	code, stdout, stderr := loaded(t, "", "--inspect", file)
	if code != cli.OK || stderr != "" {
		t.Errorf("exit %d: %s", code, stderr)
	}
	for _, want := range []string{"header in line 2\n", "Colour                         (not read)", "journal 3, year 2026, business unit A\n", "12.5", "USD  debit 62.5  credit 62.5  (10 lines)", "1 title lines"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "journal 4") {
		t.Errorf("more than three journals:\n%s", stdout)
	}
	bad := written(t, "bad.csv", []byte(adsHeader+"1,1,2026,A,100,1.5x,D,USD\n1,2,2026,A,100,1.234,C,USD\n"))
	code, stdout, stderr = loaded(t, "", "--inspect", bad)
	if code != cli.Failed || !strings.Contains(stdout, bad+`:2:16: Amount "1.5x" is not an amount`) || !strings.Contains(stdout, "not decided: the decimal mark") || !strings.Contains(stderr, "2 lines could not be read") {
		t.Errorf("exit %d: %s%s", code, stdout, stderr)
	}
	entries, err := os.ReadDir(filepath.Dir(bad))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files beside the ledger, %v", len(entries), err)
	}
}

// The same journal has the same ids alone, in a larger extract, and beside the
// journal of another company with its number.
func TestJournalIDsHoldInAnyExtract(t *testing.T) {
	us := "1,1,2026,US01,6100,5,D,USD\n1,2,2026,US01,2400,5,C,USD\n"
	de := "1,1,2026,DE01,6100,9,D,USD\n1,2,2026,DE01,2400,9,C,USD\n"
	before := "1,1,2025,US01,6100,7,D,USD\n1,2,2025,US01,2400,7,C,USD\n"
	events := func(file, source string) map[string]bool {
		t.Helper()
		code, stdout, stderr := loaded(t, adsHeader+file, "--format", "ads-gl", "-", "--out", "-", "--source", source)
		if code != cli.OK {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		found := map[string]bool{}
		for line := range strings.Lines(stdout) {
			found[line] = true
		}
		return found
	}
	together := events(us+before+de, "erp")
	if len(together) != 3 {
		t.Fatalf("%d events", len(together))
	}
	for _, alone := range []string{us, de, before} {
		for event := range events(alone, "erp") {
			if !together[event] {
				t.Errorf("alone and together differ: %s", event)
			}
		}
	}
	for event := range events(us, "other") {
		if together[event] || !strings.Contains(event, `"source_record_key":"other/US01/2026/1"`) {
			t.Errorf("another source: %s", event)
		}
	}
}
