package main

import (
	"context"
	"iter"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
)

// past judges stored rows again, by the rules that judged them first.
type past struct {
	library *library
	decoder *event.Decoder
	opened  map[string]opened // by digest
}

// opened is the engine of a digest, or why it cannot be had.
type opened struct {
	engine *rules.Engine
	err    error
}

func newPast(c *config, db *clickhouse.Sink) (*past, error) {
	_, engine, err := c.Rules.openEngine()
	if err != nil {
		return nil, err
	}
	calendars, err := openCalendars(c.Rules.Calendar)
	if err != nil {
		return nil, err
	}
	return &past{
		library: &library{current: engine, calendars: calendars, load: db.LoadPack, earlier: make(map[string]*rules.Engine)},
		decoder: event.NewDecoder(c.loop().Limits), opened: make(map[string]opened),
	}, nil
}

// judge gives the row as a worker would make it now. The error says why the
// digest's rules cannot be had; ctx's own is told apart by the caller.
func (p *past) judge(ctx context.Context, j *clickhouse.Judged) (*pipeline.Row, error) {
	o, known := p.opened[j.Digest]
	if !known {
		o.engine, o.err = p.library.ByDigest(ctx, j.Digest)
		if _, waits := pipeline.Waiting(o.err); waits || ctx.Err() != nil {
			return nil, o.err // it may be had the next time
		}
		p.opened[j.Digest] = o
	}
	if o.err != nil {
		return nil, o.err
	}
	row := &pipeline.Row{Offset: j.Offset, Timestamp: j.Timestamp, Headers: j.Headers, Raw: j.Raw, Tombstone: j.Tombstone}
	if j.Tombstone {
		return row, nil
	}
	e := &event.Event{}
	if row.Failure = p.decoder.Decode(e, j.Raw, headersOf(j.Headers)); row.Failure == nil {
		row.Failure = clickhouse.Fits(e)
	}
	if row.Failure == nil {
		row.Event = e
		row.Verdicts = o.engine.Judge(nil, row.Event, row.Timestamp)
	}
	return row, nil
}

func headersOf(headers []pipeline.Header) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, h := range headers {
			if !yield(h.Key, h.Value) {
				return
			}
		}
	}
}

// again is some rows that were judged again, whose events are still to be
// compared.
type again struct {
	rows  []pipeline.Row
	held  []pipeline.Hash // Judged.Derived of each
	bytes int
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
	var some again
	for j, err := range a.db.Judged(ctx, p, first, last) {
		if err != nil {
			return err
		}
		row, err := a.past.judge(ctx, j)
		if _, waits := pipeline.Waiting(err); waits || ctx.Err() != nil {
			return err
		}
		if err != nil {
			part.NotRejudged++
			a.report.notRejudged(j.Digest, err)
			continue
		}
		part.Rejudged++
		a.progress.rows(1)
		for _, d := range j.Differences(row) {
			a.differs(part, j.Offset, d.Rule, d.Column)
		}
		some.rows, some.held, some.bytes = append(some.rows, *row), append(some.held, j.Derived), some.bytes+len(j.Raw)
		if len(some.rows) >= againRows || some.bytes >= againBytes {
			if err := a.compare(ctx, part, p, &some); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return a.compare(ctx, part, p, &some)
}

// compare holds the stored columns of events against those of the rows judged
// again.
func (a *audit) compare(ctx context.Context, part *auditPartition, p clickhouse.Part, some *again) error {
	if len(some.rows) == 0 {
		return nil
	}
	digests, err := a.db.Derived(ctx, &pipeline.Batch{Topic: p.Topic, Partition: p.Partition, Rows: some.rows})
	if err != nil {
		return err
	}
	for i := range some.rows {
		if digests[i] == some.held[i] {
			continue
		}
		one := &pipeline.Batch{Topic: p.Topic, Partition: p.Partition, First: some.rows[i].Offset, Rows: some.rows[i : i+1]}
		names, err := a.db.Unlike(ctx, p, one)
		if err != nil {
			return err
		}
		for _, name := range names {
			a.differs(part, one.First, "", name)
		}
	}
	clear(some.rows)
	some.rows, some.held, some.bytes = some.rows[:0], some.held[:0], 0
	return nil
}

func (a *audit) differs(part *auditPartition, offset int64, rule, column string) {
	part.Problems++
	a.report.problem(problem{Kind: kindVerdict, Topic: part.Topic, Partition: part.Partition, First: offset, Last: offset, Rule: rule,
		Says: "column " + column + " is not what reading and judging the record again gives"})
}
