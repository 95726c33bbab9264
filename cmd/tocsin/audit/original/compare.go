package original

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// Kinds of problems. They are part of the audit report's API.
const (
	NotStored = "not stored"    // Kafka holds a record that has no row
	NoRecord  = "no record"     // Kafka holds no record of a row, although it holds the offsets around it
	Unlike    = "unlike record" // the row has other bytes than the record
)

// Depth is how much of what Kafka still holds is compared with the rows.
type Depth string

// The depths.
const (
	None   Depth = "none"
	Gaps   Depth = "gaps"   // whether there is a record where there is no row
	Sample Depth = "sample" // gaps, and samples of rows in each partition
	All    Depth = "all"    // every record
)

// Depths are all depths, the least first.
var Depths = []string{string(None), string(Gaps), string(Sample), string(All)}

const (
	samples    = 50  // of a partition
	sampleSize = 200 // offsets
)

// Spans returns the ranges of offsets to compare, in order and without overlap, from
// first to last as far as the log holds them.
func (d Depth) Spans(l Log, gaps []trail.Span, first, last int64) (all []trail.Span) {
	first, last = max(first, l.First), min(last, l.End-1)
	if first > last {
		return nil
	}
	if d == All || d == Sample && last-first < samples*sampleSize {
		return []trail.Span{{First: first, Last: last}}
	}
	for _, g := range gaps {
		if g = (trail.Span{First: max(g.First, first), Last: min(g.Last, last)}); g.First <= g.Last {
			all = append(all, g)
		}
	}
	if d == Sample {
		for i := range int64(samples) {
			at := first + (last-first-sampleSize)*i/(samples-1)
			all = append(all, trail.Span{First: at, Last: at + sampleSize - 1})
		}
	}
	slices.SortFunc(all, func(a, b trail.Span) int { return int(a.First - b.First) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && s.First <= merged[n-1].Last+1+sampleSize { // one reading costs more than a few records
			merged[n-1].Last = max(merged[n-1].Last, s.Last)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// Compare compares the rows of a range with the records that Kafka holds, both in
// offset order, and returns the number of records. In a topic that is compacted, a row
// may lack its record.
func (b *Broker) Compare(ctx context.Context, rows iter.Seq2[clickhouse.Link, error], p clickhouse.Part, s trail.Span, report trail.Report) (records int64, err error) {
	next, stop := iter.Pull2(rows)
	defer stop()
	row, err, more := next()
	advance := func() { row, err, more = next() }
	absent := func(until int64) error {
		for ; more && err == nil && row.Offset < until; advance() {
			if !b.logs[p.Topic][p.Partition].Compacted {
				report(NoRecord, row.Offset, row.Offset, "Kafka holds the offsets around it, and no committed record of the row")
			}
		}
		return err
	}
	compare := func(first int64) error {
		for rec, failed := range b.Records(ctx, p.Topic, p.Partition, first, s.Last) {
			if failed != nil {
				return failed
			}
			records++
			if err := absent(rec.Offset); err != nil {
				return err
			}
			if !more || row.Offset != rec.Offset {
				report(NotStored, rec.Offset, rec.Offset, "Kafka holds a committed record of this offset, and no row is stored")
				continue
			}
			for ; more && err == nil && row.Offset == rec.Offset; advance() {
				if part := unlike(&row, rec); part != "" {
					report(Unlike, rec.Offset, rec.Offset, fmt.Sprintf("the row has another %s than the record in Kafka", part))
				}
			}
			if err != nil {
				return err
			}
		}
		return absent(s.Last + 1)
	}
	for first := s.First; ; {
		failed := compare(first)
		if failed == nil || err != nil || !more || !row.Packed {
			return records, failed
		}
		// No worker could unpack the batch of these rows, and perhaps no program can: the
		// comparison goes on behind it.
		for ; more && err == nil && row.Packed; advance() {
			first = row.Offset + 1
		}
		if err != nil {
			return records, err
		}
	}
}

// unlike names what differs between a row and its record; empty: nothing.
func unlike(row *clickhouse.Link, rec *kgo.Record) string {
	names, values := make([]string, len(rec.Headers)), make([]string, len(rec.Headers))
	for i, h := range rec.Headers {
		names[i], values[i] = h.Key, string(h.Value)
	}
	switch {
	case row.Packed: // its value is not stored
		return ""
	case sha256.Sum256(rec.Value) != row.Computed:
		return "value"
	case !bytes.Equal(row.Said, clickhouse.Said(rec.Offset, pipeline.Timestamp(rec).UnixMilli(), string(rec.Key), names, values, rec.Value == nil, false)):
		return "timestamp, key or header"
	}
	return ""
}
