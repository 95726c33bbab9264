package audit

import (
	"cmp"
	"context"
	"slices"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// rejudged is a row that was judged again and whose event is not compared yet.
type rejudged struct {
	pipeline.Row
	held pipeline.Hash // Judged.Derived of the stored row
}

// Rows are compared many at a time: a comparison costs the server some
// milliseconds, even of one row. Records are a megabyte at most.
const (
	againRows  = 2000
	againBytes = 4 << 20
)

// rejudge judges every row of a range again and compares its verdicts, findings,
// failure and event with those stored.
func (a *audit) rejudge(ctx context.Context, part *partition, p clickhouse.Part, first, last int64) error {
	var some []rejudged
	bytes := 0
	for j, err := range a.db.Judged(ctx, p, first, last) {
		if err != nil {
			return err
		}
		a.progress.Done(1)
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

// compare compares the stored columns of events with those of the rows judged
// again. It takes one row of each offset: the chain's audit reports doubled rows.
func (a *audit) compare(ctx context.Context, part *partition, p clickhouse.Part, some []rejudged) error {
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

func (a *audit) differs(part *partition, offset int64, rule, column string) {
	part.Problems++
	a.report.problem(problem{Kind: kindDiffers, Topic: part.Topic, TopicID: part.TopicID, Partition: part.Partition, First: offset, Last: offset, Rule: rule, Column: column,
		Message: "column " + column + " differs from the result of reading and judging the record again"})
}
