package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// Reconciler publishes the candidates that ClickHouse holds and the alert stream
// lacks. JetStream acknowledges an alert before it syncs it to disk, so a power cut
// can take alerts that the loop has settled. Only a comparison of both finds them.
//
// Several reconcilers may run at once, beside workers: the stream accepts one alert
// about a matter, from any sender. A candidate whose batch the loop has stored and
// not yet published is therefore harmless: the second sender finds the alert there,
// and both write the same bytes.
type Reconciler struct {
	cluster string
	db      *clickhouse.Sink
	stream  *nats.Sink
	past    *past
	dry     bool // publish nothing
}

// NewReconciler returns the reconciler of a configuration, on its sinks.
func NewReconciler(c *config.Config, db *clickhouse.Sink, stream *nats.Sink) *Reconciler {
	return &Reconciler{cluster: c.Kafka.Cluster, db: db, stream: stream, past: newPast(db)}
}

// Look checks the matters that rows stored in [from, to) raised, publishes the
// candidates that the stream lacks, and calls each for every one of them. The
// stream must hold every alert since the instant remembered; the alert of a matter
// is that of its first row since then. Look returns the number of matters. The
// error is that of an unreachable server. A candidate that cannot be published is
// passed to each with its error, and skipped.
func (r *Reconciler) Look(ctx context.Context, from, to, remembered time.Time, each func(Reconciled)) (matters int, err error) {
	var some []clickhouse.Candidate
	settle := func() error {
		missing, err := r.missing(ctx, some, from, remembered)
		if err != nil {
			return err
		}
		some = some[:0]
		for _, c := range missing {
			one := Reconciled{ID: c.ID, Rule: c.Rule, Topic: c.Topic, Partition: c.Partition, Offset: c.Offset, Message: "would be published"}
			if !r.dry {
				one.Message = "published"
				if one.Err = r.publish(ctx, c); one.Err != nil {
					if _, waits := pipeline.Waiting(one.Err); waits || ctx.Err() != nil {
						return one.Err
					}
					one.Message = "not published: " + one.Err.Error()
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

// missing returns the candidates that the stream lacks, each with the first row
// that raised it.
func (r *Reconciler) missing(ctx context.Context, some []clickhouse.Candidate, from, remembered time.Time) ([]clickhouse.Candidate, error) {
	absent, err := r.stream.Missing(ctx, ids(some))
	if err != nil || len(absent) == 0 {
		return nil, err
	}
	if !from.After(remembered) {
		return slices.DeleteFunc(slices.Clone(some), func(c clickhouse.Candidate) bool { return !slices.Contains(absent, c.ID) }), nil
	}
	// An earlier row than the first since from may have raised the matter. The
	// alert is that of the earlier row, with its deadline.
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
// raised it, under the rules that judged that row.
func (r *Reconciler) publish(ctx context.Context, c clickhouse.Candidate) error {
	id, err := pipeline.ParseTopicID(c.TopicID)
	if err != nil {
		return fmt.Errorf("the record's topic id was altered: see tocsin audit: %w", err)
	}
	for l, err := range r.db.Links(ctx, c.Part, c.Offset, c.Offset) {
		if err != nil {
			return err
		}
		if l.Stored != l.Computed {
			return errors.New("the record was altered: see tocsin audit")
		}
		if l.Judged != l.Rejudged {
			return errors.New("the judgement of the record was altered: see tocsin audit")
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
				return r.stream.Publish(ctx, []pipeline.Alert{{Topic: c.Topic, TopicID: id, Partition: c.Partition, Offset: c.Offset, Observed: rules.Observed(j.Timestamp),
					Digest: j.Digest, Event: row.Event, Verdict: v}})
			}
		}
	}
	return errors.New("judging the record again does not give this candidate: see tocsin audit --rejudge")
}

// Reconciled is one candidate that the stream lacked.
type Reconciled struct {
	ID        string `json:"candidate_id"`
	Rule      string `json:"rule"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Message   string `json:"message"`
	Err       error  `json:"-"` // why it could not be published
}

// String returns the candidate in one line.
func (r Reconciled) String() string {
	return fmt.Sprintf("%s  rule %s, %s/%d offset %d: %s", r.ID, r.Rule, r.Topic, r.Partition, r.Offset, r.Message)
}
