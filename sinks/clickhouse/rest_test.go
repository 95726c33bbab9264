package clickhouse

import (
	"fmt"
	"strings"
	"testing"

	"tocsin/rules/event"
)

// TestRareColumnsAreNotSent: a batch with a rare field sends the column rest, and no
// column that the server computes.
func TestRareColumnsAreNotSent(t *testing.T) {
	f := func(name, want string, set func(e *event.Event)) {
		t.Helper()
		b := newRandom(1).batch("t", 0, 1, 0)
		e := event.New(event.LookupType("ledger.contract.executed"))
		set(e)
		b.Rows[0].Event, b.Rows[0].Failure = e, nil
		full := newBlock()
		full.fill(b)
		var sent []string
		for _, i := range full.sent {
			if c := &columns[i]; c.alias != "" || c.group == fields || c.name == rest {
				sent = append(sent, c.name)
			}
		}
		if got := strings.Join(sent, " "); got != want {
			t.Errorf("%s: sent %q, want %q", name, got, want)
		}
	}
	field := event.Ledger.Lookup
	f("nothing", "", func(*event.Event) {})
	f("a common field", "company_code", func(e *event.Event) { e.SetText(field("company_code"), "1000") })
	f("a rare field", "rest", func(e *event.Event) { e.SetText(field("contract.contract_id"), "C-1") })
	f("both", "rest company_code", func(e *event.Event) {
		e.SetText(field("company_code"), "1000")
		e.SetTexts(field("contract.parties"), nil)
	})
}

// TestRestThatNobodyWrote: a text in rest that is no value of the field keeps nobody
// from reading the row, and the audit's digest is another for each such text.
func TestRestThatNobodyWrote(t *testing.T) {
	conn := reader(t, migrated(t))
	var pairs []string
	for i := range columns {
		if f := columns[i].rare(); f != nil && f.Kind != event.Text {
			pairs = append(pairs, fmt.Sprintf("'%s', texts[number + 1]", columns[i].name))
		}
	}
	execute(t, conn, "INSERT INTO events (offset, rest) WITH ['x', '', '[', '-', '1.2.3', 'trueish', '2026-13-01', '\\0'] AS texts SELECT number, map("+strings.Join(pairs, ", ")+") FROM numbers(8)")
	if n := number(t, conn, "SELECT uniqExact("+digestOf(inEvents)+") FROM events"); n != 8 {
		t.Errorf("8 rows have %d digests", n)
	}
}
