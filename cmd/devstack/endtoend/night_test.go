package endtoend

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/devstack/stack"
)

// TestADateWithoutATimeIsNoMidnight: of a file whose journals have a date of entry and no
// time, no rule on the hour of entry finds anything. With a time it finds the night.
func TestADateWithoutATimeIsNoMidnight(t *testing.T) {
	t.Parallel()
	h, dir := start(t, stack.Addresses{}), t.TempDir()
	const header = "Journal_ID,Journal_ID_Line_Number,Fiscal_Year,Business_Unit_Code,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency,Functional_Amount,Functional_Amount_Currency,Effective_Date,Entered_By,Source,Entered_Date"
	load := func(name, columns, when string) {
		t.Helper()
		line := "9,1,2026,A,100,90000000,D,USD,90000000,USD,2026-03-02,jdoe,Manual," + when + "\n"
		text := header + columns + "\n" + line + strings.Replace(strings.Replace(line, "9,1,", "9,2,", 1), ",D,", ",C,", 1)
		path := filepath.Join(dir, name+".csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		h.tocsin("load", "--format", "ads-gl", path, "--topic", stack.LedgerTopic, "--source", name, "--manual-source", "Manual")
		h.drain()
	}
	load("date", "", "2026-03-02")
	load("midnight", ",Entered_Time", "2026-03-02,000000") // what a system without times writes
	const outcomes = "SELECT outcome, count() FROM verdicts WHERE rule = 'JET-02' GROUP BY outcome ORDER BY outcome"
	h.answers("verdicts of JET-02 without a time", []string{"indeterminate\t2"}, outcomes)
	load("night", ",Entered_Time", "2026-03-02,233000")
	h.answers("verdicts of JET-02 with a night", []string{"match\t1", "indeterminate\t2"}, outcomes)
}
