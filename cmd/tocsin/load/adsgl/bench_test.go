package adsgl

import (
	"bytes"
	"fmt"
	"testing"
)

// One reading of each kind, by line.
func BenchmarkLines(b *testing.B) {
	var file bytes.Buffer
	file.WriteString("Journal_ID,Journal_ID_Line_Number,JE_Line_Description,Business_Unit_Code,Effective_Date,Fiscal_Year,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency,Source,Entered_By,Entered_Date,Entered_Time,Period\n")
	const journals = 5_000
	for n := range journals {
		fmt.Fprintf(&file, "%d,1,Office supplies,9900,20260131,2026,474211,%d.25,S,USD,SA,P001,20260131,90036,1\n%d,2,,,20260131,2026,113100,%d.25,H,USD,SA,P001,20260131,90036,1\n", n, n+1, n, n+1)
	}
	for b.Loop() {
		survey, err := surveyed(file.Bytes(), Options{GroupCurrency: "USD"})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := survey.Journals(bytes.NewReader(file.Bytes()), func(Journal) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(2*journals), "ns/line")
}
