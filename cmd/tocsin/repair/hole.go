package repair

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/pipeline"
	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

var (
	noTime  time.Time
	errOpen = errors.New("the chain does not close over the records in Kafka: they, or the rules, are not those of that day. " +
		"Compare with a backup; --rules names the digest of other rules")
)

// beside is a stored row next to a hole.
type beside struct {
	clickhouse.Link
	clickhouse.Header
	judged judgedBy
}

// judgedBy is how rows were judged.
type judgedBy struct {
	digest   string
	maxBytes int
}

// segment is a part of a hole that is stored as one batch, or as several.
type segment struct {
	trail.Span
	of *clickhouse.Header // the batch of which other rows are left; nil: none are
	by judgedBy
}

// restore stores the rows of a hole, and returns their number.
func (r *repair) restore(ctx context.Context, p clickhouse.Part, hole trail.Span) (rows int, err error) {
	id, err := pipeline.ParseTopicID(p.TopicID)
	if err != nil {
		return 0, err
	}
	held, _ := r.kafka.Log(p.Topic, p.TopicID, p.Partition)
	if held.First > hole.First {
		return 0, fmt.Errorf("its first record has expired: Kafka's log begins at offset %d. Restore the rows from a backup", held.First)
	}
	log := pipeline.Log{Cluster: p.Cluster, Topic: p.Topic, ID: id, Partition: p.Partition}
	head, at, follows, err := r.db.ChainBefore(ctx, p, hole.First)
	if err != nil {
		return 0, err
	}
	var before, after *beside
	if !follows {
		head = trail.Seed(p.TopicID, p.Partition)
	} else if before, err = r.row(ctx, p, at); err != nil {
		return 0, err
	}
	at, ok, err := r.db.Next(ctx, p, hole.First)
	if err != nil {
		return 0, err
	}
	if ok && at <= hole.Last {
		return 0, fmt.Errorf("a row is stored at offset %d: a repair stores nothing over rows", at)
	}
	if ok {
		if after, err = r.row(ctx, p, at); err != nil {
			return 0, err
		}
	}
	closes := func(end pipeline.Hash) bool {
		if after != nil {
			return trail.Continues(end, &after.Link)
		}
		return end == r.anchors[p].Head
	}
	for _, by := range r.candidates(before, after) {
		segments := cut(hole, before, after, by)
		end, n, err := r.each(ctx, log, head, segments, func(*pipeline.Batch) error { return nil })
		if err != nil {
			return 0, err
		}
		if !closes(end) {
			continue
		}
		if !r.dry {
			_, _, err = r.each(ctx, log, head, segments, func(b *pipeline.Batch) error { return r.db.Restore(ctx, b) })
		}
		return n, err
	}
	return 0, errOpen
}

// row returns the stored row of an offset.
func (r *repair) row(ctx context.Context, p clickhouse.Part, at int64) (*beside, error) {
	b := &beside{}
	for l, err := range r.db.Links(ctx, p, at, at) {
		if err != nil {
			return nil, err
		}
		b.Link = l
	}
	for h, err := range r.db.Headers(ctx, p, at, at) {
		if err != nil {
			return nil, err
		}
		b.Header = h
	}
	for j, err := range r.db.Judged(ctx, p, at, at) {
		if err != nil {
			return nil, err
		}
		b.judged = judgedBy{j.Digest, int(j.MaxBytes)}
	}
	return b, nil
}

// candidates returns the ways in which the rows of a hole may have been judged: as
// the row before, as the row after, or by the rules of the flag.
func (r *repair) candidates(before, after *beside) (all []judgedBy) {
	if r.digest != "" {
		return []judgedBy{{r.digest, int(r.config.Worker.MaxRecordBytes)}}
	}
	for _, b := range []*beside{before, after} {
		if b != nil && !slices.Contains(all, b.judged) {
			all = append(all, b.judged)
		}
	}
	return all
}

// cut divides a hole by the batches that its rows belong to: that of the row before,
// those of which no row is left, and that of the row after.
func cut(hole trail.Span, before, after *beside, by judgedBy) (all []segment) {
	first, last := hole.First, hole.Last
	add := func(to int64, of *clickhouse.Header, by judgedBy) {
		if to = min(to, last); to >= first {
			all = append(all, segment{trail.Span{First: first, Last: to}, of, by})
			first = to + 1
		}
	}
	if before != nil {
		add(before.Header.Last, &before.Header, before.judged)
	}
	if after != nil && after.Header.First <= last {
		add(after.Header.First-1, nil, by)
		add(last, &after.Header, after.judged)
	}
	add(last, nil, by)
	return all
}

// A repaired batch is as large as one of a worker.
const (
	batchRecords = 5_000
	batchBytes   = 16 << 20
)

// each judges the records of the segments and passes them on in batches. It returns
// the chain after the last record and the number of records.
func (r *repair) each(ctx context.Context, log pipeline.Log, head pipeline.Hash, segments []segment, do func(*pipeline.Batch) error) (end pipeline.Hash, n int, err error) {
	for _, s := range segments {
		engine, err := pipeline.OpenKept(ctx, s.by.digest, r.db.LoadPack)
		if err != nil {
			return head, n, err
		}
		var some []*kgo.Record
		size := 0
		flush := func() error {
			if len(some) == 0 {
				return nil
			}
			b := pipeline.Restore(log, head, engine, event.Limits{MaxBytes: s.by.maxBytes}, some)
			head = b.Rows[len(b.Rows)-1].Chain
			if s.of != nil {
				b.First, b.Last, b.At, b.Whole = s.of.First, s.of.Last, time.UnixMilli(s.of.At).UTC(), int(s.of.Rows)
			}
			n, some, size = n+len(some), nil, 0
			return do(b)
		}
		for rec, err := range r.kafka.Records(ctx, log.Topic, log.Partition, s.First, s.Last) {
			if err != nil {
				return head, n, err
			}
			some = append(some, rec)
			if size += len(rec.Value); len(some) == batchRecords || size >= batchBytes {
				if err := flush(); err != nil {
					return head, n, err
				}
			}
		}
		if err := flush(); err != nil {
			return head, n, err
		}
	}
	return head, n, nil
}
