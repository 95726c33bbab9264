package company

import (
	"slices"
	"testing"

	"tocsin/rules/event"
)

// rareIn and rareOf are the criterion of event.Field.Rare: fewer than rareIn in
// rareOf events have the field.
const rareIn, rareOf = 1, 200

// TestRareFields counts the events that have each field, and compares the marks in
// the field tables with the count. With -v it prints the share of each field.
func TestRareFields(t *testing.T) {
	const events = 200_000
	count := make(map[*event.Field]int)
	g := New(1, start, Options{})
	for range events {
		e := g.Next().Event
		for i := range e.Schema().Fields {
			if f := &e.Schema().Fields[i]; e.Has(f) {
				count[f]++
			}
		}
	}
	for _, f := range event.Ledger.Fields {
		if other := event.System.Lookup(f.Name); other != nil { // one column
			n := count[event.Ledger.Lookup(f.Name)] + count[other]
			count[event.Ledger.Lookup(f.Name)], count[other] = n, n
		}
	}
	rare := 0
	for _, s := range []*event.Schema{event.Ledger, event.System} {
		fields := make([]*event.Field, len(s.Fields))
		for i := range s.Fields {
			fields[i] = &s.Fields[i]
		}
		slices.SortStableFunc(fields, func(a, b *event.Field) int { return count[a] - count[b] })
		for _, f := range fields {
			t.Logf("%s %-42s %8.4f %%", s.Name, f.Name, 100*float64(count[f])/events)
			want := count[f]*rareOf < events*rareIn && f.Kind != event.Records
			if f.Rare != want {
				t.Errorf("%s.%s: %d of %d events have it, and Rare is %v", s.Name, f.Name, count[f], events, f.Rare)
			}
			if want {
				rare++
			}
		}
	}
	t.Logf("%d rare fields", rare)
}
