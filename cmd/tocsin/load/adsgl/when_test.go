package adsgl

import (
	"bytes"
	"strings"
	"testing"

	"tocsin/rules/event"
)

// TestEntryWithoutATime: where a ledger does not state the time of entry, the event
// has the day alone and no midnight, by which every journal would be keyed at night.
func TestEntryWithoutATime(t *testing.T) {
	f := func(name, header, cells, entered, happened, note string) {
		t.Helper()
		var file strings.Builder
		file.WriteString("Journal_ID,GL_Account_Number,Amount,Amount_Credit_Debit_Indicator,Amount_Currency," + header + "\n")
		for i, row := range strings.Split(cells, "\n") {
			n := string(rune('1' + i))
			file.WriteString(n + ",1000,5,D,USD," + row + "\n" + n + ",2000,5,C,USD," + row + "\n")
		}
		events, report, err := read(t, []byte(file.String()), Options{GroupCurrency: "USD"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		decoder, e := event.NewDecoder(event.Limits{}), event.New(posted)
		if f := decoder.Decode(e, []byte(events[0]), nil); f != nil {
			t.Fatalf("%s: %v", name, f)
		}
		got := func(name string) string {
			f := ledger(name)
			if !e.Has(f) {
				return ""
			}
			if day, only := event.DayOf(e.Instant(f)); only {
				return day.String()
			}
			return e.Instant(f).Format("2006-01-02T15:04:05Z07:00")
		}
		if got("entered_at") != entered || got("event_time") != happened {
			t.Errorf("%s: entered at %q, happened at %q; want %q and %q", name, got("entered_at"), got("event_time"), entered, happened)
		}
		var text bytes.Buffer
		if err := report.Write(&text); err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(text.String(), "no time of day"); has != (note != "") || !strings.Contains(text.String(), note) {
			t.Errorf("%s: the report is\n%s\nwant the note %q", name, &text, note)
		}
	}
	const all = "every time of entry is 00:00: it is taken for no time of day, and only the date is kept"
	f("no column of times", "Entered_Date", "2026-03-02", "2026-03-02", "2026-03-02", "")
	f("an empty time", "Entered_Date,Entered_Time", "2026-03-02,\n2026-03-02,0930", "2026-03-02", "2026-03-02", "")
	f("a posting date only", "Effective_Date", "2026-03-02", "", "2026-03-02", "")
	f("a document date only", "Document_Date", "2026-03-02", "", "2026-03-02", "")
	f("a time", "Entered_Date,Entered_Time", "2026-03-02,0930", "2026-03-02T09:30:00Z", "2026-03-02T09:30:00Z", "")
	f("midnight in each row", "Entered_Date,Entered_Time", "2026-03-02,000000\n2026-03-03,000000", "2026-03-02", "2026-03-02", all)
	f("midnight behind each date", "Entered_Date", "2026-03-02 00:00:00\n2026-03-03 00:00:00.000", "2026-03-02", "2026-03-02", all)
	f("midnight of UTC behind each date", "Entered_Date", "2026-03-02T00:00:00Z", "2026-03-02", "2026-03-02", all)
	f("midnight among other times", "Entered_Date,Entered_Time", "2026-03-02,000000\n2026-03-03,090000", "2026-03-02T00:00:00Z", "2026-03-02T00:00:00Z", "")
}
