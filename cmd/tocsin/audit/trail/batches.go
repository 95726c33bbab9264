package trail

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/sinks/clickhouse"
)

// Batches follows the headers of one partition's batches: each batch has one
// header, batches do not overlap, and each has as many rows as its header states.
// It keeps one header in memory. It reports nothing on ranges that the chain has
// reported: a row that is missing is missing from its batch too.
type Batches struct {
	Count int64

	main   clickhouse.Header // the header of most rows of the batch
	held   uint64            // rows of the batch, under any header; 0: no row yet
	known  func(first, last int64) bool
	report Report
}

// NewBatches begins without a header. known reports whether the chain has reported
// a row of a range.
func NewBatches(known func(first, last int64) bool, report Report) *Batches {
	return &Batches{known: known, report: report}
}

// Add takes the next header; headers come in the order of their lowest offsets.
func (t *Batches) Add(h clickhouse.Header) {
	switch {
	case t.held == 0:
		t.main, t.held = h, h.Held
	case min(h.First, h.Lowest) > t.main.Last:
		t.End()
		t.main, t.held = h, h.Held
	default: // a second header of the batch, or of one that overlaps it: most rows are right
		other := h
		if h.Held > t.main.Held {
			other, t.main = t.main, h
		}
		t.differs(&other)
		t.held += h.Held
	}
}

// differs reports rows whose header differs from that of most rows of their batch.
func (t *Batches) differs(other *clickhouse.Header) {
	if t.known(other.Lowest, other.Highest) {
		return
	}
	main := &t.main
	if main.First != other.First && main.Last != other.Last {
		t.report(Altered, other.Lowest, other.Highest, fmt.Sprintf("the batch %d-%d that it names overlaps the batch %d-%d", other.First, other.Last, main.First, main.Last))
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
	t.report(Altered, other.Lowest, other.Highest, fmt.Sprintf("its %s differs from that of the other rows of the batch %d-%d", list(names), main.First, main.Last))
}

// End checks the batch that ends. The caller ends the last batch; Add ends the
// others.
func (t *Batches) End() {
	b := &t.main
	held := t.held
	t.held = 0
	if held == 0 {
		return
	}
	t.Count++
	if t.known(min(b.First, b.Lowest), max(b.Last, b.Highest)) {
		return
	}
	switch message := fmt.Sprintf("the batch %d-%d has %d rows, and its header states %d", b.First, b.Last, held, b.Rows); {
	case held < uint64(b.Rows) && b.Highest < b.Last:
		t.report(Missing, b.Highest+1, b.Last, message)
	case held < uint64(b.Rows):
		t.report(Missing, b.First, b.Last, message)
	case held > uint64(b.Rows):
		t.report(Altered, b.First, b.Last, message)
	case b.Lowest < b.First || b.Highest > b.Last:
		t.report(Altered, b.Lowest, b.Highest, fmt.Sprintf("rows lie outside the batch %d-%d that they name", b.First, b.Last))
	case b.Lowest == b.First && !b.Dated():
		t.report(Altered, b.First, b.First, "its kafka_timestamp differs from the batch_at of its batch")
	}
}

// list joins names in their order.
func list(names []string) string {
	slices.Sort(names)
	return strings.Join(names, ", ")
}
