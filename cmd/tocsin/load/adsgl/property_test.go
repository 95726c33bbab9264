package adsgl

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A file gives the same events in any order of its lines and columns, with any
// separator, and in any spelling of names, sides and dates.
func TestAnyOrderGivesTheSameEvents(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := []string{"Journal_ID", "Journal_ID_Line_Number", "Fiscal_Year", "Business_Unit_Code", "GL_Account_Number", "Amount", "Amount_Credit_Debit_Indicator", "Amount_Currency", "Document_Date", "JE_Line_Description"}
		var rows [][]string
		for id := range rapid.IntRange(1, 6).Draw(rt, "journals") {
			units := rapid.SampledFrom([][]string{{"A"}, {"A", "B"}}).Draw(rt, "units")
			for _, year := range rapid.SampledFrom([][]string{{"2026"}, {"2025", "2026"}}).Draw(rt, "years") {
				for _, unit := range units {
					for n := range rapid.IntRange(1, 4).Draw(rt, "lines") {
						u := unit
						if n > 0 && len(units) == 1 && rapid.Bool().Draw(rt, "blank unit") {
							u = ""
						}
						rows = append(rows, []string{fmt.Sprint(id), fmt.Sprint(n + 1), year, u, "100",
							fmt.Sprintf("%d.%02d", rapid.IntRange(0, 9999).Draw(rt, "whole"), rapid.IntRange(0, 99).Draw(rt, "cents")),
							rapid.SampledFrom([]string{"D", "C"}).Draw(rt, "side"), rapid.SampledFrom([]string{"USD", "EUR"}).Draw(rt, "currency"),
							"20260131", rapid.SampledFrom([]string{"", "plain", `a "quoted", one`, "two\nlines"}).Draw(rt, "text")})
					}
				}
			}
		}
		want := load(t, file(names, rows, ","))
		columns := rapid.Permutation(indices(len(names))).Draw(rt, "columns")
		order := rapid.Permutation(indices(len(rows))).Draw(rt, "rows")
		other := func(row []string, header bool) []string {
			out := make([]string, len(row))
			for i, c := range columns {
				out[i] = row[c]
				switch {
				case header:
					out[i] = strings.ToUpper(strings.ReplaceAll(row[c], "_", " "))
				case c == 6:
					out[i] = map[string]string{"D": "S", "C": "H"}[row[c]]
				case c == 8:
					out[i] = "2026-01-31"
				case c == 5:
					out[i] = "0" + row[c] + "0"
				}
			}
			return out
		}
		var shuffled [][]string
		for _, at := range order {
			shuffled = append(shuffled, other(rows[at], false))
		}
		separator := rapid.SampledFrom([]string{",", ";", "|", "\t"}).Draw(rt, "separator")
		got := load(t, file(other(names, true), shuffled, separator))
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-first +shuffled):\n%s", diff)
		}
	})
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func file(names []string, rows [][]string, separator string) string {
	var b strings.Builder
	for _, row := range append([][]string{names}, rows...) {
		for i, cell := range row {
			if i > 0 {
				b.WriteString(separator)
			}
			if strings.ContainsAny(cell, "\"\n"+separator) {
				cell = `"` + strings.ReplaceAll(cell, `"`, `""`) + `"`
			}
			b.WriteString(cell)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// load returns the events of a file in which every line can be read, sorted.
func load(t *testing.T, text string) []string {
	t.Helper()
	events, report, err := read(t, []byte(text), Options{GroupCurrency: "USD"})
	if err != nil || report.Refused > 0 {
		t.Fatalf("%v, %d lines refused: %+v\n%s", err, report.Refused, report.RefusedLines, text)
	}
	slices.Sort(events)
	return events
}

// Nothing in a file makes a reading panic, hang, or differ from itself; every
// line is either in a journal or refused.
func FuzzFile(f *testing.F) {
	f.Add("Journal_ID,GL_Account_Number,Amount,Amount_Currency\n1,1,1,USD\n1,\"1,1,USD\n2,1,-1,USD\n")
	f.Add("Journal_ID|Journal_ID_Line_Number|Business_Unit_Code|GL_Account_Number|Amount|Amount_Currency\n1|1|A|1|1|USD\n1|1|B|1|1|USD\n1|2||1|1|USD\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, report, err := read(t, []byte(text), Options{})
		if err != nil {
			return
		}
		if lost := report.LinesRead - report.Lines; lost < 0 || (lost > 0) != (report.Refused > 0) {
			t.Errorf("%d of %d rows are in journals, %d are refused", report.Lines, report.LinesRead, report.Refused)
		}
		again, _, err := read(t, []byte(text), Options{})
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("a second reading differs: %v\n%s", err, diff)
		}
	})
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct {
		text string
		mark byte
		want string // "" for a refusal
	}{
		{"1", 0, "1"}, {"-1.50", 0, "-1.5"}, {"1.50-", 0, "-1.5"}, {"(1.5)", 0, "-1.5"}, {"+7", 0, "7"}, {".5", 0, "0.5"}, {"5.", 0, "5"}, {"000.10", 0, "0.1"},
		{"1,234", 0, ""}, {"1,234", '.', "1234"}, {"1,234", ',', "1.234"}, {"1,234.5", 0, "1234.5"}, {"1,234,567", 0, "1234567"}, {"1.234.567,8", ',', "1234567.8"},
		{"1.234", ',', "1234"}, {"1.234", 0, ""}, {"1.234", '.', "1.234"}, {"612.000,00", 0, ""}, {"612.000,00", ',', "612000"}, {"612.000,00", '.', ""}, {"612,000.00", ',', ""},
		{"1'234.50", 0, "1234.5"}, {"1’234", 0, "1234"}, {"1\u00a0234,5", ',', "1234.5"}, {"1 234,50", ',', "1234.5"}, {"1'23", 0, ""}, {"1,234'567", 0, ""}, {"0.500", 0, "0.5"}, {"0,500", 0, ""},
		{"1234.567", 0, "1234.567"}, {"1.234.567", 0, ""}, {"1.234.567", ',', "1234567"}, {"\u22125", 0, "-5"}, {"1.234,56-", ',', "-1234.56"}, {"4.9E+09", 0, ""}, {"4.9E+09", '.', ""}, {"12,34", 0, ""}, {"1,23,456", 0, ""}, {"1234,567", '.', ""}, {"1.2.3", 0, ""}, {",5", 0, ""}, {",5", ',', "0.5"},
		{"", 0, ""}, {"-", 0, ""}, {"()", 0, ""}, {"--1", 0, ""}, {"1e3", 0, ""}, {"1 000", 0, ""}, {"$1", 0, ""}, {"NaN", 0, ""}, {"0x1", 0, ""}, {".", 0, ""},
	} {
		got, err := parseAmount(c.text, c.mark)
		if (err != nil) != (c.want == "") || err == nil && got.String() != c.want {
			t.Errorf("%q with mark %q: %s, %v; want %q", c.text, c.mark, got, err, c.want)
		}
	}
}
