package adsgl

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pagePath is the page that states which column becomes which field.
const pagePath = "../../../../rules/ledger-columns.md"

// mapping is a column with two values that a file may hold in it, and the fields
// of the event that differ between the two.
type mapping struct {
	column   column
	a, b     string
	fields   string
	addition string // what the page states beside the fields
}

// mappings are the columns in the order of the page. Fields that follow from the
// whole journal (event_id, balanced) are left out.
var mappings = []mapping{
	{journalID, "J1", "J2", "document_number, source_record_key, event_subject", "required"},
	{lineNumber, "1", "7", "lines.line_number", "else counted from 1"},
	{fiscalYear, "2026", "2027", "fiscal_year, source_record_key, event_subject", ""},
	{fiscalPeriod, "3", "13", "fiscal_period, is_adjustment_period", "an adjustment period is above 12"},
	{businessUnit, "US01", "US02", "company_code, lines.segment, source_record_key, event_subject", "the company is that of the journal's first line"},
	{journalSource, "MANUAL", "AP", "journal_source, is_manual", "manual are the sources that `--manual-source` names"},
	{documentType, "SA", "KR", "document_type", ""},
	{effectiveDate, "20260302", "20260303", "posting_date", "where all lines agree"},
	{documentDate, "20260227", "20260228", "document_date", ""},
	{enteredDate, "20260302", "20260304", "entered_at, event_time", "without it, `event_time` is the posting or document date"},
	{enteredTime, "09:30:00", "22:15:00", "entered_at, event_time", "in the zone of `--timezone` where it names none; without it both are the date alone, and no rule knows the hour"},
	{enteredBy, "jdoe", "asmith", "created_by", ""},
	{approvedBy, "cfo", "ceo", "approved_by", ""},
	{modifiedBy, "m1", "m2", "last_changed_by", ""},
	{postedBy, "p1", "p2", "posted_by", ""},
	{headerText, "accrual", "release", "header_text", ""},
	{account, "6100", "6200", "lines.account", "required"},
	{accountName, "Rent", "Fees", "lines.account_name", ""},
	{lineText, "office", "plant", "lines.line_text", ""},
	{costCenter, "C1", "C2", "lines.cost_center", ""},
	{profitCenter, "P1", "P2", "lines.profit_center", ""},
	{amount, "612.00", "613.00", "lines.amount_transaction", "required; unsigned in the event; in the group currency it is `lines.amount_group` and `gross_amount_group` too, where the file has no reporting amounts"},
	{debitAmount, "612.00", "613.00", "lines.amount_transaction", "with `Credit` in place of `Amount` and its indicator: the column is the side"},
	{creditAmount, "612.00", "613.00", "lines.amount_transaction", "with `Debit`"},
	{indicator, "D", "C", "lines.debit_credit", "without it, the sign is the side"},
	{currency, "EUR", "GBP", "lines.currency, transaction_currency", "`transaction_currency` is that of the journal, where all lines have one"},
	{functionalAmount, "700.00", "701.00", "lines.amount_functional", "their sums are `total_debit_functional` and `total_credit_functional`; in the group currency they are `lines.amount_group` and `gross_amount_group` too, where the file has no reporting amounts"},
	{functionalDebit, "700.00", "701.00", "lines.amount_functional", "with `Functional_Credit` in place of `Functional_Amount`"},
	{functionalCredit, "700.00", "701.00", "lines.amount_functional", "with `Functional_Debit`"},
	{functionalCurrency, "CHF", "SEK", "functional_currency", ""},
	{reportingAmount, "650.00", "651.00", "lines.amount_group", "the sum of the debits is `gross_amount_group`, where all lines are in the group currency"},
	{reportingCurrency, "USD", "CAD", "group_currency, lines.amount_group", "amounts in another currency than `--group-currency` are left out"},
	{reversal, "Y", "N", "is_reversal", ""},
	{reverses, "J0", "J9", "reverses_document", ""},
}

// consequences follow from other lines or columns: they are no field of one
// column alone.
var consequences = []string{"event_id", "balanced", "total_debit_functional", "total_credit_functional", "gross_amount_group"}

// The columns of a file with one column of amounts, and of one with a column of
// debits and one of credits.
var (
	oneAmount  = []column{amount, indicator, functionalAmount}
	twoAmounts = []column{debitAmount, creditAmount, functionalDebit, functionalCredit}
)

// journalOf is a file of one journal of two lines, with one column's value put
// in place of its first.
func journalOf(varied column, value string) []byte {
	left := twoAmounts
	if slices.Contains(twoAmounts, varied) {
		left = oneAmount
	}
	var header, first, second []string
	for _, m := range mappings {
		if slices.Contains(left, m.column) {
			continue
		}
		header = append(header, m.column.String())
		v, other := m.a, m.a
		if m.column == varied {
			v = value
			if whole := value; m.column != lineNumber && m.column != account && m.column != amount && m.column != indicator && m.column != functionalAmount && m.column != reportingAmount {
				other = whole // the same on each line of a journal
			}
		}
		switch m.column {
		case lineNumber:
			other = "9"
		case indicator:
			other = "C"
		case debitAmount, functionalDebit:
			other = ""
		case creditAmount, functionalCredit:
			v, other = "", v
		}
		first, second = append(first, v), append(second, other)
	}
	return []byte(strings.Join(header, ",") + "\n" + strings.Join(first, ",") + "\n" + strings.Join(second, ",") + "\n")
}

// fieldsOf are the values of an event by the fields' names; a field of lines has
// those of every line.
func fieldsOf(t *testing.T, file []byte) map[string]string {
	t.Helper()
	events, _, err := read(t, file, Options{GroupCurrency: "USD", Source: "gl", Zone: time.UTC, ManualSources: []string{"MANUAL"}, Credits: Unsigned})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	var envelope map[string]any
	if err := json.Unmarshal([]byte(events[0]), &envelope); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"event_id": fmt.Sprint(envelope["id"]), "event_subject": fmt.Sprint(envelope["subject"]), "event_time": fmt.Sprint(envelope["time"])}
	for name, value := range envelope["data"].(map[string]any) {
		if name != "lines" {
			all[name] = fmt.Sprint(value)
			continue
		}
		for _, line := range value.([]any) {
			for name, value := range line.(map[string]any) {
				all["lines."+name] += fmt.Sprint(value) + " "
			}
		}
	}
	return all
}

// TestColumnsOfThePage: each column of the layout changes the fields that the
// page states, and the page states every column.
func TestColumnsOfThePage(t *testing.T) {
	for c := range columns {
		if !slices.ContainsFunc(mappings, func(m mapping) bool { return m.column == c }) {
			t.Errorf("mappings lacks the column %s", c)
		}
	}
	for _, m := range mappings {
		before, after := fieldsOf(t, journalOf(m.column, m.a)), fieldsOf(t, journalOf(m.column, m.b))
		var changed []string
		for name := range before {
			if after[name] != before[name] && !slices.Contains(consequences, name) {
				changed = append(changed, name)
			}
		}
		for name := range after {
			if _, ok := before[name]; !ok && !slices.Contains(consequences, name) {
				changed = append(changed, name)
			}
		}
		want := strings.Split(m.fields, ", ")
		slices.Sort(want)
		slices.Sort(changed)
		if diff := cmp.Diff(want, slices.Compact(changed)); diff != "" {
			t.Errorf("%s changes other fields than the page states (-want +got):\n%s", m.column, diff)
		}
	}

	var table strings.Builder
	for _, m := range mappings {
		fmt.Fprintf(&table, "| `%s` | %s | `%s`%s |\n", m.column, strings.Join(names[m.column][1:], ", "),
			strings.ReplaceAll(m.fields, ", ", "`, `"), strings.TrimSuffix(": "+m.addition, ": "))
	}
	text, err := os.ReadFile(pagePath)
	if err != nil {
		t.Fatal(err)
	}
	const begin = "|---|---|---|\n"
	before, rest, found := strings.Cut(string(text), begin)
	old, after, _ := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("the page has no table")
	}
	if *update {
		if err := os.WriteFile(pagePath, []byte(before+begin+table.String()+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.TrimSpace(table.String()), old); diff != "" {
		t.Errorf("run the test with -update (-want +page):\n%s", diff)
	}
}
