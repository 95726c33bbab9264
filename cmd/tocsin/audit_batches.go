package main

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/sinks/clickhouse"
)

// batchTrail follows the headers of one partition's batches: each batch has one,
// they do not overlap, and each has as many rows as it says. It keeps one of
// them. It knows which ranges the hash chain has found fault with and is silent
// on them: a row that is missing is missing from its batch too.
type batchTrail struct {
	main   clickhouse.Header // that most rows of the batch have
	held   uint64            // rows of the batch, whatever they say; 0: there is none yet
	told   func(first, last int64) bool
	report func(kind string, first, last int64, says string)

	batches int64
}

// add takes the next header; they come by their lowest offsets.
func (t *batchTrail) add(h clickhouse.Header) {
	switch {
	case t.held == 0:
		t.main, t.held = h, h.Held
	case min(h.First, h.Lowest) > t.main.Last:
		t.end()
		t.main, t.held = h, h.Held
	default: // of one batch, or of two that overlap: most rows are right
		other := h
		if h.Held > t.main.Held {
			other, t.main = t.main, h
		}
		t.differs(&other)
		t.held += h.Held
	}
}

// differs reports the rows that say something else than most of their batch.
func (t *batchTrail) differs(other *clickhouse.Header) {
	if t.told(other.Lowest, other.Highest) {
		return
	}
	main := &t.main
	if main.First != other.First && main.Last != other.Last {
		t.report(kindAltered, other.Lowest, other.Highest, fmt.Sprintf("the batch %d-%d that it names overlaps the batch %d-%d", other.First, other.Last, main.First, main.Last))
		return
	}
	var names []string
	for name, same := range map[string]bool{
		"batch_first": main.First == other.First, "batch_last": main.Last == other.Last, "batch_rows": main.Rows == other.Rows,
		"batch_at": main.At == other.At, "rules_digest": main.Rules == other.Rules, "calendar_version": main.Calendar == other.Calendar,
	} {
		if !same {
			names = append(names, name)
		}
	}
	t.report(kindAltered, other.Lowest, other.Highest, fmt.Sprintf("its %s is not that of the other rows of the batch %d-%d", list(names), main.First, main.Last))
}

// end takes the end of a batch, and so of the headers.
func (t *batchTrail) end() {
	b := &t.main
	held := t.held
	t.held = 0
	if held == 0 {
		return
	}
	t.batches++
	if t.told(min(b.First, b.Lowest), max(b.Last, b.Highest)) {
		return
	}
	switch says := fmt.Sprintf("the batch %d-%d has %d rows and says that it has %d", b.First, b.Last, held, b.Rows); {
	case held < uint64(b.Rows) && b.Highest < b.Last:
		t.report(kindMissing, b.Highest+1, b.Last, says)
	case held < uint64(b.Rows):
		t.report(kindMissing, b.First, b.Last, says)
	case held > uint64(b.Rows):
		t.report(kindAltered, b.First, b.Last, says)
	case b.Lowest < b.First || b.Highest > b.Last:
		t.report(kindAltered, b.Lowest, b.Highest, fmt.Sprintf("they stand outside the batch %d-%d that they name", b.First, b.Last))
	case b.Lowest == b.First && !b.Dated():
		t.report(kindAltered, b.First, b.First, "its kafka_timestamp is not the batch_at of its batch")
	}
}

// list joins names in their order.
func list(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
