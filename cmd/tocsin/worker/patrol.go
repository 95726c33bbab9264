package worker

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/audit"
	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// patrol is the reconciler beside a worker's loop.
type patrol struct {
	*audit.Reconciler
	every, window, own time.Duration
	maxAge             func(now time.Time) time.Time // config.NATS.Remembered
	published          prometheus.Counter
	log                *slog.Logger

	away   bool            // the last look ended early
	failed map[string]bool // candidates whose failure was logged
}

// newPatrol returns the patrol of a worker with the configuration c.
func newPatrol(c *config.Config, db *clickhouse.Sink, stream *nats.Sink, registry prometheus.Registerer, log *slog.Logger) *patrol {
	p := &patrol{Reconciler: audit.NewReconciler(c, db, stream),
		every: c.NATS.ReconcileEvery, window: c.NATS.ReconcileWindow, own: c.InFlight(), maxAge: c.NATS.Remembered, log: log, failed: make(map[string]bool),
		published: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Name: "reconciled_alerts_total",
			Help: "Alerts published again because the stream had lost them."})}
	registry.MustRegister(p.published)
	return p
}

// run looks at once, because a start may follow a power cut, and then again and
// again until ctx is cancelled. A server that is away ends a look and not the loop;
// the next look asks again.
func (p *patrol) run(ctx context.Context) {
	for {
		once, cancel := context.WithTimeout(ctx, p.every)
		p.once(once, time.Now())
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-time.After(p.every):
		}
	}
}

const (
	// shownIDs bounds a line of the log.
	shownIDs = 20
	// shownFailures bounds the candidates that are logged one by one.
	shownFailures = 1000
)

// once looks at the candidates of the window, and logs the result in one line.
func (p *patrol) once(ctx context.Context, at time.Time) {
	var ids []string
	n := 0
	_, err := p.Look(ctx, at.Add(-p.window), at.Add(-p.own), p.maxAge(at), func(one audit.Reconciled) {
		if one.Err != nil {
			if !p.failed[one.ID] && len(p.failed) < shownFailures {
				p.failed[one.ID] = true
				p.log.Error("the alert stream lacks a candidate that cannot be published", "candidate", one.ID, "rule", one.Rule,
					"topic", one.Topic, "partition", one.Partition, "offset", one.Offset, "error", one.Err)
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
