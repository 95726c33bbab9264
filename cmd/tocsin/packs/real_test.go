package packs

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/realdata"
	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/packs"
)

// TestEvalOnARealLedger compares the manual journals that eval finds without
// segregation of duties, with their sizes and severities, with those that other
// code finds in the file: sums of big.Rat over encoding/csv.
func TestEvalOnARealLedger(t *testing.T) {
	path := realdata.File(t, "ads_gl_detail.csv")
	dir := t.TempDir()
	shipped, _ := packs.Open("sox409")
	if err := os.CopyFS(dir, shipped); err != nil {
		t.Fatal(err)
	}
	profiles, err := fs.Glob(os.DirFS(dir), "profiles/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(profiles, "cases") { // cases name the profiles that go
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	const profile = `schema: tocsin.profile/v1
id: real
version: 1
registrant_cik: "0000000007"
effective_from: 2006-01-01
group_currency: USD
basis: {}
method: given
overall: 600_000
performance: 400_000
clearly_trivial: 100_000
prepared_by: ann
approved_by: [bob, cy]
sources: []
`
	if err := os.WriteFile(filepath.Join(dir, "profiles", "real.yaml"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Command.Run(t.Context(), []string{"eval", dir, "--events", path, "--registrant", "7", "--manual-source", "SA,WA", "--rule", "JET-06", "--json"}, nil, &out, &errs); code != cli.OK {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	type hit struct{ Outcome, Severity, Value string }
	got := map[string]hit{}
	for lines := json.NewDecoder(&out); lines.More(); {
		var line candidateLine
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		got[line.Key] = hit{line.Outcome, line.Severity, line.Value}
	}

	want := map[string]hit{}
	for journal, size := range debits(t, path, "SA", "WA") {
		switch {
		case size.Cmp(big.NewRat(600_000, 1)) >= 0:
			want[journal] = hit{"match", "S1", plainDecimal(size) + " USD"}
		case size.Cmp(big.NewRat(100_000, 1)) >= 0:
			want[journal] = hit{"match", "S2", plainDecimal(size) + " USD"}
		}
	}
	if len(want) < 10 {
		t.Errorf("only %d journals are large enough to show anything", len(want))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-independent +eval)\n%s", diff)
	}
}

// debits sums the debit lines of each journal of some sources, by year and
// number.
func debits(t *testing.T, path string, sources ...string) map[string]*big.Rat {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	manual := map[string]bool{}
	for _, s := range sources {
		manual[s] = true
	}
	sums, unit := map[string]*big.Rat{}, map[string]string{}
	number := func(row []string) string { return row[column["Fiscal_Year"]] + "/" + row[column["Journal_ID"]] }
	for _, row := range rows[1:] {
		if unit[number(row)] == "" { // the first that the journal names
			unit[number(row)] = row[column["Business_Unit_Code"]]
		}
	}
	for _, row := range rows[1:] {
		if !manual[row[column["Source"]]] || row[column["Amount_Credit_Debit_Indicator"]] != "S" {
			continue
		}
		amount, ok := new(big.Rat).SetString(row[column["Amount"]])
		if !ok {
			t.Fatalf("amount %q", row[column["Amount"]])
		}
		key := "ads-gl/" + unit[number(row)] + "/" + number(row)
		if sums[key] == nil {
			sums[key] = new(big.Rat)
		}
		sums[key].Add(sums[key], amount)
	}
	return sums
}

// plainDecimal writes a sum of cents without trailing zeros.
func plainDecimal(r *big.Rat) string {
	text := r.FloatString(2)
	for text[len(text)-1] == '0' {
		text = text[:len(text)-1]
	}
	if text[len(text)-1] == '.' {
		text = text[:len(text)-1]
	}
	return text
}
