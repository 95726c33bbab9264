package load

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/devstack/realdata"
	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// A general ledger from outside the project gives, to the cent, the facts that its
// keepers publish.
func TestRealLedger(t *testing.T) {
	path := realdata.File(t, "ads_gl_detail.csv")
	out := filepath.Join(t.TempDir(), "events.jsonl")
	code, stdout, stderr := loaded(t, "", "--format", "ads-gl", path, "--out", out, "--json")
	if code != cli.OK {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var report struct {
		Journals   int               `json:"journals"`
		Lines      int               `json:"lines"`
		Unbalanced []json.RawMessage `json:"unbalanced"`
		Refused    int               `json:"refused_lines"`
		Unknown    []string          `json:"unknown_columns"`
		Totals     []struct{ Currency, Debit, Credit string }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatal(err)
	}
	if report.Journals != 2107 || report.Lines != 4569 || len(report.Unbalanced) != 0 || report.Refused != 0 || len(report.Unknown) != 0 {
		t.Errorf("%+v", report)
	}
	if len(report.Totals) != 1 || report.Totals[0].Currency != "USD" || report.Totals[0].Debit != "31227241.32" || report.Totals[0].Credit != "31227241.32" {
		t.Errorf("totals %+v", report.Totals)
	}
	checkRealEvents(t, out)
}

// checkRealEvents reads the events back, as the worker does.
func checkRealEvents(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	src := &source{file: file, shown: cli.NewProgress(os.Stderr)}
	defer src.close()
	lines := event.Ledger.Lookup("lines")
	amount, side := lines.Schema().Lookup("amount_group"), lines.Schema().Lookup("debit_credit")
	steps := []int64{10_000, 100_000, 1_000_000, 10_000_000}
	reached := make([]int, len(steps))
	var debits, credits, largest money.Amount
	posted, ids, nine := 0, make(map[string]bool), false
	decoder, e := event.NewDecoder(event.Limits{}), event.New(event.Types()[0])
	err = eachLine(src, "reading", func(at int, text []byte) error {
		if f := decoder.Decode(e, text, nil); f != nil {
			return f
		}
		ids[strings.Clone(e.Text(event.Ledger.Lookup("event_id")))] = true
		if e.Has(event.Ledger.Lookup("posting_date")) {
			posted++
		}
		entered := e.Instant(event.Ledger.Lookup("entered_at"))
		nine = nine || entered.Format("15:04:05") == "09:01:30"
		for _, l := range e.Records(lines) {
			a := l.Amount(amount)
			sum := &debits
			if l.Text(side) == "C" {
				sum = &credits
			}
			if *sum, err = sum.Add(a); err != nil {
				return err
			}
			if a.Cmp(largest) > 0 {
				largest = a
			}
			for i, step := range steps {
				if a.Cmp(money.FromInt(step)) >= 0 {
					reached[i]++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2107 {
		t.Errorf("%d different ids for 2,107 journals", len(ids))
	}
	if debits.String() != "31227241.32" || credits.String() != "31227241.32" || largest.String() != "12927000" {
		t.Errorf("debits %s, credits %s, largest line %s", debits, credits, largest)
	}
	if reached[0] != 676 || reached[1] != 34 || reached[2] != 2 || reached[3] != 2 {
		t.Errorf("lines of at least %v: %v", steps, reached)
	}
	if posted != 822 {
		t.Errorf("%d journals have a posting date; 822 have a line whose date is not the sentinel", posted)
	}
	if !nine {
		t.Error("no journal was entered at 09:01:30, written 90130")
	}
}
