package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// reconciler publishes the candidates that ClickHouse holds and the alert
// stream lacks. JetStream acknowledges before it has synced, so a power cut
// takes alerts that the loop has settled, and only a look at both tells.
//
// It may look while workers work, several at once: the stream takes an alert
// about a matter once, whoever sends it. One whose batch the loop has stored
// and not yet published is therefore harmless too: whoever comes second finds
// it there, and both write the same bytes.
type reconciler struct {
	cluster string
	db      *clickhouse.Sink
	stream  *nats.Sink
	past    *past
	dry     bool // nothing is published
}

// look looks at the matters that rows stored in [from, to) raised, publishes
// what the stream lacks, and calls each for every such candidate. remembered is
// the instant since which the stream must hold every alert: the alert is that
// of the first row since. It returns how many matters there are. The error is
// that of a server which is away; a candidate that cannot be published is told
// to each and left.
func (r *reconciler) look(ctx context.Context, from, to, remembered time.Time, each func(reconciled)) (matters int, err error) {
	var some []clickhouse.Candidate
	settle := func() error {
		missing, err := r.missing(ctx, some, from, remembered)
		if err != nil {
			return err
		}
		some = some[:0]
		for _, c := range missing {
			one := reconciled{ID: c.ID, Rule: c.Rule, Topic: c.Topic, Partition: c.Partition, Offset: c.Offset, Says: "would be published"}
			if !r.dry {
				one.Says = "published"
				if one.err = r.publish(ctx, c); one.err != nil {
					if _, waits := pipeline.Waiting(one.err); waits || ctx.Err() != nil {
						return one.err
					}
					one.Says = "not published: " + one.err.Error()
				}
			}
			each(one)
		}
		return nil
	}
	for c, err := range r.db.Matters(ctx, r.cluster, from, to) {
		if err != nil {
			return matters, err
		}
		matters++
		if some = append(some, c); len(some) == candidateChunk {
			if err := settle(); err != nil {
				return matters, err
			}
		}
	}
	return matters, settle()
}

// missing returns those of the candidates that the stream lacks, each with the
// first row that raised it.
func (r *reconciler) missing(ctx context.Context, some []clickhouse.Candidate, from, remembered time.Time) ([]clickhouse.Candidate, error) {
	absent, err := r.stream.Missing(ctx, ids(some))
	if err != nil || len(absent) == 0 {
		return nil, err
	}
	if !from.After(remembered) {
		return slices.DeleteFunc(slices.Clone(some), func(c clickhouse.Candidate) bool { return !slices.Contains(absent, c.ID) }), nil
	}
	// A matter may have been raised long before the time that was looked at:
	// its alert is the one of then, with the deadline of then.
	var first []clickhouse.Candidate
	for c, err := range r.db.Matters(ctx, r.cluster, remembered, time.Time{}, absent...) {
		if err != nil {
			return nil, err
		}
		first = append(first, c)
	}
	return first, nil
}

// publish publishes a candidate as it was published first: from the row that
// raised it, under the rules that judged it then.
func (r *reconciler) publish(ctx context.Context, c clickhouse.Candidate) error {
	for l, err := range r.db.Links(ctx, c.Part, c.Offset, c.Offset) {
		if err != nil {
			return err
		}
		if l.Stored != l.Computed {
			return errors.New("the record was altered: see tocsin audit")
		}
	}
	for j, err := range r.db.Judged(ctx, c.Part, c.Offset, c.Offset) {
		if err != nil {
			return err
		}
		engine, err := r.past.rules(ctx, j.Digest)
		if err != nil {
			return err
		}
		row := r.past.judge(j, engine)
		for _, v := range row.Verdicts {
			if v.Candidate() && v.Finding.CandidateID == c.ID {
				return r.stream.Publish(ctx, []pipeline.Alert{{Topic: c.Topic, Partition: c.Partition, Offset: c.Offset, Observed: j.Timestamp,
					Digest: j.Digest, Event: row.Event, Verdict: v}})
			}
		}
	}
	return errors.New("judging the record again does not give it: see tocsin audit --rejudge")
}
