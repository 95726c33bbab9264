package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// past judges stored rows again, by the rules that judged them first: those
// that are kept in ClickHouse, whatever pack the configuration names.
type past struct {
	load   func(ctx context.Context, digest string) ([]byte, error)
	opened map[string]opened // by digest
	// A row does not tell the max_record_bytes of its day. What was refused as
	// too large is held against today's; all else was within its own.
	strict, lenient *event.Decoder
}

// opened is the engine of a digest, or why it cannot be had.
type opened struct {
	engine *rules.Engine
	err    error
}

// maxOpened bounds the engines in memory.
const maxOpened = 16

func newPast(c *config, db *clickhouse.Sink) *past {
	limits := c.loop().Limits
	strict := event.NewDecoder(limits)
	limits.MaxBytes = math.MaxInt
	return &past{load: db.LoadPack, opened: make(map[string]opened), strict: strict, lenient: event.NewDecoder(limits)}
}

// rules returns the engine of a digest. An error made by pipeline.Wait, and
// ctx's own, may pass; any other says why it cannot be had.
func (p *past) rules(ctx context.Context, digest string) (*rules.Engine, error) {
	o, known := p.opened[digest]
	if !known {
		o.engine, o.err = p.open(ctx, digest)
		if _, waits := pipeline.Waiting(o.err); waits || ctx.Err() != nil {
			return nil, o.err
		}
		if len(p.opened) == maxOpened {
			clear(p.opened)
		}
		p.opened[digest] = o
	}
	return o.engine, o.err
}

func (p *past) open(ctx context.Context, digest string) (*rules.Engine, error) {
	archive, err := p.load(ctx, digest)
	if err != nil {
		return nil, err
	}
	pack, err := rules.OpenArchive(archive)
	if err != nil {
		return nil, err
	}
	if pack.Digest() != digest {
		return nil, fmt.Errorf("what the table packs keeps as %s has the digest %s: it was altered; restore the row", digest, pack.Digest())
	}
	return rules.NewEngine(pack), nil
}

// judge gives the row as a worker would make it now, by the rules given.
func (p *past) judge(j *clickhouse.Judged, engine *rules.Engine) *pipeline.Row {
	row := &pipeline.Row{Offset: j.Offset, Timestamp: j.Timestamp, Headers: j.Headers, Raw: j.Raw, Tombstone: j.Tombstone}
	if j.Tombstone {
		return row
	}
	decoder := p.lenient
	if j.Failure == codeTooLarge {
		decoder = p.strict
	}
	e := &event.Event{}
	if row.Failure = decoder.Decode(e, j.Raw, headersOf(j.Headers)); row.Failure == nil {
		row.Failure = clickhouse.Fits(e)
	}
	if row.Failure == nil {
		row.Event = e
		row.Verdicts = engine.Judge(nil, row.Event, row.Timestamp)
	}
	return row
}

// codeTooLarge is the failure code of a record that is longer than
// worker.max_record_bytes.
const codeTooLarge = "too_large"

func headersOf(headers []pipeline.Header) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, h := range headers {
			if !yield(h.Key, h.Value) {
				return
			}
		}
	}
}

// rejudged is a row that was judged again, whose event is still to be compared.
type rejudged struct {
	pipeline.Row
	held pipeline.Hash // Judged.Derived of the stored row
}

// A comparison costs the server some milliseconds however few rows it takes;
// records are a megabyte at most.
const (
	againRows  = 2000
	againBytes = 4 << 20
)

// rejudge judges every row of a range again and compares what was said of it,
// and its event.
func (a *audit) rejudge(ctx context.Context, part *auditPartition, p clickhouse.Part, first, last int64) error {
	var some []rejudged
	bytes := 0
	for j, err := range a.db.Judged(ctx, p, first, last) {
		if err != nil {
			return err
		}
		a.progress.done(1)
		engine, err := a.past.rules(ctx, j.Digest)
		if _, waits := pipeline.Waiting(err); waits || ctx.Err() != nil {
			return err
		}
		if err != nil {
			part.NotRejudged++
			a.report.notRejudged(j.Digest, err)
			continue
		}
		part.Rejudged++
		row := a.past.judge(j, engine)
		if j.Calendar != engine.CalendarVersion() {
			a.differs(part, j.Offset, "", "calendar_version")
		}
		for _, d := range j.Differences(row) {
			a.differs(part, j.Offset, d.Rule, d.Column)
		}
		some = append(some, rejudged{*row, j.Derived})
		if bytes += len(j.Raw); len(some) >= againRows || bytes >= againBytes {
			if err := a.compare(ctx, part, p, some); err != nil {
				return err
			}
			clear(some)
			some, bytes = some[:0], 0
		}
	}
	return a.compare(ctx, part, p, some)
}

// compare holds the stored columns of events against those of the rows judged
// again. Of rows at one offset, which the chain's audit reports, it takes one.
func (a *audit) compare(ctx context.Context, part *auditPartition, p clickhouse.Part, some []rejudged) error {
	slices.SortFunc(some, func(x, y rejudged) int { return cmp.Compare(x.Offset, y.Offset) })
	some = slices.CompactFunc(some, func(x, y rejudged) bool { return x.Offset == y.Offset })
	if len(some) == 0 {
		return nil
	}
	rows := make([]pipeline.Row, len(some))
	for i := range some {
		rows[i] = some[i].Row
	}
	digests, err := a.db.Derived(ctx, &pipeline.Batch{Topic: p.Topic, Partition: p.Partition, Rows: rows})
	if err != nil {
		return err
	}
	var unlike []pipeline.Row
	for i := range some {
		if digests[i] != some[i].held {
			unlike = append(unlike, rows[i])
		}
	}
	if len(unlike) == 0 {
		return nil
	}
	names, err := a.db.Unlike(ctx, p, &pipeline.Batch{Topic: p.Topic, Partition: p.Partition, Rows: unlike})
	if err != nil {
		return err
	}
	for i := range unlike {
		for _, name := range names[i] {
			a.differs(part, unlike[i].Offset, "", name)
		}
	}
	return nil
}

func (a *audit) differs(part *auditPartition, offset int64, rule, column string) {
	part.Problems++
	a.report.problem(problem{Kind: kindDiffers, Topic: part.Topic, Partition: part.Partition, First: offset, Last: offset, Rule: rule, Column: column,
		Says: "column " + column + " is not what reading and judging the record again gives"})
}
