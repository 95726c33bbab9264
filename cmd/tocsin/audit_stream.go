package main

import (
	"context"
	"fmt"
	"time"

	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// Candidates and alerts are held against each other in chunks, so that neither
// side is ever in memory as a whole.
const (
	candidateChunk = 500    // the stream is asked for each
	alertChunk     = 20_000 // the table is read once for all of them
)

// candidates holds the candidates of a partition against the alert stream.
// Those beyond the group's commit may be on their way and are only counted; so
// are those that the stream has been allowed to forget.
func (a *audit) candidates(ctx context.Context, part *auditPartition, e clickhouse.Extent) error {
	var some []clickhouse.Candidate
	ask := func() error {
		counts, err := a.stream.Held(ctx, ids(some))
		if err != nil {
			return err
		}
		for i, c := range some {
			p := problem{Topic: c.Topic, Partition: c.Partition, First: c.Offset, Last: c.Offset, Rule: c.Rule, Candidate: c.ID}
			switch {
			case counts[i] == 0:
				p.Kind, p.Says = kindNotAlerted, "the alert stream does not hold it; tocsin reconcile publishes it"
			case counts[i] > 1:
				p.Kind, p.Says = kindAlertedTwice, fmt.Sprintf("the alert stream holds %d alerts about it", counts[i])
			default:
				continue
			}
			part.Problems++
			a.report.problem(p)
		}
		some = some[:0]
		return nil
	}
	remembered := a.config.NATS.remembered(now())
	for c, err := range a.db.Candidates(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		part.Candidates++
		if at := a.anchors[e.Part]; at != nil && c.Offset >= at.offset {
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

// remembered is the instant since which the stream must hold every alert.
func (n *natsConfig) remembered(now time.Time) time.Time {
	if n.MaxAge == 0 {
		return time.Time{}
	}
	return now.Add(-n.MaxAge)
}

// alerts holds the alerts of the stream against the candidates of the table. A
// row is stored before its alert is published, so every alert has one. With a
// time range, the alerts that the stream took in it.
func (a *audit) alerts(ctx context.Context) error {
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
			if !raised[p.CandidateID] {
				a.report.problem(problem{Kind: kindNoRow, Message: p.Sequence, Candidate: p.CandidateID,
					Says: "the alert stream holds an alert about it, and no row raised it"})
			}
		}
		some = some[:0]
		return nil
	}
	a.progress.begin("alerts", "alerts", 0)
	for p, err := range a.stream.All(ctx, a.from, a.to) {
		if err != nil {
			return err
		}
		a.report.Total.Alerts++
		a.progress.done(1)
		if some = append(some, p); len(some) == alertChunk {
			if err := ask(); err != nil {
				return err
			}
		}
	}
	return ask()
}
