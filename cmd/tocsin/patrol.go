package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// loopsOwn is how old a row must be before its alert is looked for: what is
// younger than an intent the loop may be publishing. It need not be exact.
func (c *config) loopsOwn() time.Duration { return c.Worker.IntentTTL + c.ClickHouse.InsertTimeout }

// patrol is the reconciler beside a worker's loop.
type patrol struct {
	*reconciler
	every, window, own time.Duration
	maxAge             func(now time.Time) time.Time // natsConfig.remembered
	published          prometheus.Counter
	log                *slog.Logger

	away   bool            // the last look ended early
	failed map[string]bool // candidates whose failure was logged
}

// newPatrol returns the patrol that c asks for.
func newPatrol(c *config, db *clickhouse.Sink, stream *nats.Sink, registry prometheus.Registerer, log *slog.Logger) *patrol {
	p := &patrol{reconciler: &reconciler{cluster: c.Kafka.Cluster, db: db, stream: stream, past: newPast(c, db)},
		every: c.NATS.ReconcileEvery, window: c.NATS.ReconcileWindow, own: c.loopsOwn(), maxAge: c.NATS.remembered, log: log, failed: make(map[string]bool),
		published: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Name: "reconciled_alerts_total",
			Help: "Alerts published again because the stream had lost them."})}
	registry.MustRegister(p.published)
	return p
}

// run looks at once, because a start may follow a power cut, and then again and
// again until ctx is cancelled. A server that is away is no concern of the
// loop's: the next look comes.
func (p *patrol) run(ctx context.Context) {
	for {
		once, cancel := context.WithTimeout(ctx, p.every)
		p.once(once, now())
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.every):
		}
	}
}

// shownIDs bounds a line of the log.
const shownIDs = 20

// once looks at what the window holds, and logs what it did in one line.
func (p *patrol) once(ctx context.Context, at time.Time) {
	var ids []string
	n := 0
	_, err := p.look(ctx, at.Add(-p.window), at.Add(-p.own), p.maxAge(at), func(one reconciled) {
		if one.err != nil {
			if !p.failed[one.ID] && len(p.failed) < shownProblems {
				p.failed[one.ID] = true
				p.log.Error("the alert stream lacks a candidate that cannot be published", "candidate", one.ID, "rule", one.Rule,
					"topic", one.Topic, "partition", one.Partition, "offset", one.Offset, "error", one.err)
			}
			return
		}
		n++
		p.published.Inc()
		if len(ids) < shownIDs {
			ids = append(ids, one.ID)
		}
	})
	if n > 0 {
		p.log.Warn("published alerts that the stream had lost", "alerts", n, "candidates", ids)
	}
	if err != nil && !p.away && !errors.Is(err, context.Canceled) {
		p.log.Warn("reconciliation put off", "again_in", p.every, "error", err)
	}
	p.away = err != nil
}
