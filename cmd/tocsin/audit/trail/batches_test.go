package trail

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/sinks/clickhouse"
)

// TestBatches: each header stands for the rows that carry it, as the table returns
// them.
func TestBatches(t *testing.T) {
	const absent = -2_208_988_800_000 // 1900-01-01, for rows whose Kafka timestamp counts as absent, such as 0
	sound := func(first, last int64) clickhouse.Header {
		return clickhouse.Header{First: first, Last: last, Rows: uint32(last - first + 1), At: absent, Rules: "r", Calendar: "c",
			Held: uint64(last - first + 1), Lowest: first, Highest: last}
	}
	// part splits a header's rows: those from lowest to highest, which how changes,
	// and the others.
	part := func(h clickhouse.Header, lowest, highest int64, how func(*clickhouse.Header)) []clickhouse.Header {
		odd := h
		odd.Lowest, odd.Highest, odd.Held = lowest, highest, uint64(highest-lowest+1)
		how(&odd)
		h.Held -= odd.Held
		if lowest == h.Lowest {
			h.Lowest = highest + 1
		}
		if highest == h.Highest {
			h.Highest = lowest - 1
		}
		if odd.Lowest < h.Lowest {
			return []clickhouse.Header{odd, h}
		}
		return []clickhouse.Header{h, odd}
	}
	columns := map[string]func(*clickhouse.Header){
		"batch_first": func(h *clickhouse.Header) { h.First++ }, "batch_last": func(h *clickhouse.Header) { h.Last++ },
		"batch_rows": func(h *clickhouse.Header) { h.Rows++ }, "batch_at": func(h *clickhouse.Header) { h.At++ },
		"rules_digest": func(h *clickhouse.Header) { h.Rules = "x" }, "calendar_version": func(h *clickhouse.Header) { h.Calendar = "x" },
	}
	before, after := sound(0, 9), sound(22, 22)
	f := func(name string, reported []Span, batch []clickhouse.Header, want ...string) {
		t.Helper()
		var found []string
		b := NewBatches(func(first, last int64) bool {
			return slices.ContainsFunc(reported, func(s Span) bool { return s.First <= last && s.Last >= first })
		}, func(kind string, first, last int64, _ string) {
			found = append(found, fmt.Sprintf("%s %d-%d", kind, first, last))
		})
		for _, h := range slices.Concat([]clickhouse.Header{before}, batch, []clickhouse.Header{after}) {
			b.Add(h)
		}
		b.End()
		if diff := cmp.Diff(want, found); diff != "" || b.Count != 3 {
			t.Errorf("%s: %d batches %s", name, b.Count, diff)
		}
	}
	f("sound", nil, []clickhouse.Header{sound(10, 19)})
	for name, how := range columns {
		f(name+" of the first row", nil, part(sound(10, 19), 10, 10, how), "altered 10-10")
		f(name+" of a row", nil, part(sound(10, 19), 14, 14, how), "altered 14-14")
		f(name+" of the last row", nil, part(sound(10, 19), 19, 19, how), "altered 19-19")
		f(name+" of some rows", nil, part(sound(10, 19), 12, 14, how), "altered 12-14")
		f(name+" of a row that the chain has reported", []Span{{14, 14}}, part(sound(10, 19), 14, 14, how))
	}
	f("a huge batch_last", nil, part(sound(10, 19), 10, 10, func(h *clickhouse.Header) { h.Last = 1 << 60 }), "altered 10-10")
	f("a batch_first before everything", nil, part(sound(10, 19), 15, 15, func(h *clickhouse.Header) { h.First = -5 }), "altered 15-15")
	whole := func(how func(*clickhouse.Header)) []clickhouse.Header {
		h := sound(10, 19)
		how(&h)
		return []clickhouse.Header{h}
	}
	f("batch_rows of all", nil, whole(func(h *clickhouse.Header) { h.Rows = 9 }), "altered 10-19")
	f("rows are missing at the end", nil, whole(func(h *clickhouse.Header) { h.Held, h.Highest = 7, 16 }), "missing 17-19")
	f("and the chain has reported them", []Span{{17, 19}}, whole(func(h *clickhouse.Header) { h.Held, h.Highest = 7, 16 }))
	f("batch_first of all", nil, whole(func(h *clickhouse.Header) { h.First = 11 }), "altered 10-19")
	f("batch_at of all", nil, whole(func(h *clickhouse.Header) { h.At = 5 }), "altered 10-10")
	f("a last record that was compacted away", nil, whole(func(h *clickhouse.Header) { h.Last = 21 }))
}
