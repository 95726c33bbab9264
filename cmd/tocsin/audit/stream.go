package audit

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// Candidates and alerts are compared in chunks, so that neither side is ever in
// memory as a whole.
const (
	candidateChunk = 500    // a request to the stream for each candidate
	alertChunk     = 20_000 // one query of the table for the whole chunk
)

// candidates compares the candidates of a partition with the alert stream.
// Candidates beyond the group's commit may not be published yet, and are only
// counted. So are candidates that are older than the stream's maximal age.
func (a *audit) candidates(ctx context.Context, part *partition, e clickhouse.Extent) error {
	var some []clickhouse.Candidate
	ask := func() error {
		counts, err := a.stream.Held(ctx, ids(some))
		if err != nil {
			return err
		}
		for i, c := range some {
			p := problem{Topic: c.Topic, TopicID: part.TopicID, Partition: c.Partition, First: c.Offset, Last: c.Offset, Rule: c.Rule, Candidate: c.ID}
			switch {
			case counts[i] == 0:
				p.Kind, p.Message = kindNotAlerted, "the alert stream does not hold it; tocsin reconcile publishes it"
			case counts[i] > 1:
				p.Kind, p.Message = kindAlertedTwice, fmt.Sprintf("the alert stream holds %d alerts about it", counts[i])
			default:
				continue
			}
			part.Problems++
			a.report.problem(p)
		}
		some = some[:0]
		return nil
	}
	remembered := a.config.NATS.Remembered(time.Now())
	for c, err := range a.db.Candidates(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		part.Candidates++
		if at := a.anchors[e.Part]; at != nil && c.Offset >= at.Offset {
			part.InFlight++
			continue
		}
		if c.Stored.Before(remembered) {
			part.Forgotten++
			continue
		}
		if some = append(some, c); len(some) == candidateChunk {
			if err := ask(); err != nil {
				return err
			}
		}
	}
	return ask()
}

// ids are the ids of candidates.
func ids(some []clickhouse.Candidate) []string {
	all := make([]string, len(some))
	for i := range some {
		all[i] = some[i].ID
	}
	return all
}

// alerts compares the alerts of the stream with the candidates of the table. An alert
// does not wait for its row, so one whose record is beyond the rows and beyond the
// group's commit is in flight, and only counted. Every other alert has a row. Without
// the group's commits none counts as in flight. A time range restricts alerts to those
// that the stream took in it.
func (a *audit) alerts(ctx context.Context, extents []clickhouse.Extent) error {
	ends := make(map[clickhouse.Part]int64, len(extents))
	for _, e := range extents {
		ends[e.Part] = e.Last + 1
		if at := a.anchors[e.Part]; at != nil {
			ends[e.Part] = max(at.Offset, e.Last+1)
		}
	}
	inFlight := func(p nats.Published) bool {
		at, err := clickhouse.ParsePlace(p.Record)
		part := clickhouse.Part{Cluster: a.config.Kafka.Cluster, Topic: at.Topic, TopicID: at.ID.String(), Partition: at.Partition}
		return a.anchors != nil && err == nil && slices.Contains(a.config.Kafka.Topics, at.Topic) && at.Offset >= ends[part]
	}
	var some []nats.Published
	ask := func() error {
		if len(some) == 0 {
			return nil
		}
		ids := make([]string, len(some))
		for i := range some {
			ids[i] = some[i].CandidateID
		}
		raised, err := a.db.Raised(ctx, ids)
		if err != nil {
			return err
		}
		for _, p := range some {
			switch {
			case raised[p.CandidateID]:
			case inFlight(p):
				a.report.Total.InFlight++
			default:
				a.report.problem(problem{Kind: kindNoRow, Sequence: p.Sequence, Candidate: p.CandidateID,
					Message: "the alert stream holds an alert about the candidate, and no row raised it"})
			}
		}
		some = some[:0]
		return nil
	}
	a.progress.Begin("alerts", "alerts", 0)
	for p, err := range a.stream.All(ctx, a.from, a.to) {
		if err != nil {
			return err
		}
		a.report.Total.Alerts++
		a.progress.Done(1)
		if some = append(some, p); len(some) == alertChunk {
			if err := ask(); err != nil {
				return err
			}
		}
	}
	return ask()
}
