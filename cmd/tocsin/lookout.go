package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/sinks/nats"
)

// lookout looks for the hazards that tocsin check warns of for as long as a
// worker works: a disk fills up, and a certificate ends, after its start. One
// goroutine has it.
type lookout struct {
	look  func(ctx context.Context) []finding
	gauge *prometheus.GaugeVec
	log   *slog.Logger
	began bool      // it has looked
	stand []finding // the hazards of the last look
}

// lookoutEvery is the pause between two looks. They ask each server a few
// questions about itself, and no disk fills up, nor certificate ends, faster.
const lookoutEvery = 10 * time.Minute

// newWarnings is a worker's metric of hazards.
func newWarnings() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tocsin", Name: "warnings",
		Help: "1 for each hazard that tocsin check warns of, as of the last look."}, []string{"part", "code"})
}

// lookout returns the worker's, whose metric is registered.
func (w *assembly) lookout(stream *nats.Sink) *lookout {
	l := &lookout{gauge: newWarnings(), log: w.log, look: func(ctx context.Context) []finding {
		found := w.config.checkLogins(now())
		found = append(found, w.config.lookAtKafka(ctx, now)...)
		found = append(found, w.config.lookAtClickHouse(ctx, now)...)
		return append(found, w.config.lookAtNATS(ctx, stream, now)...)
	}}
	w.registry.MustRegister(l.gauge)
	return l
}

// run looks again and again until ctx is cancelled.
func (l *lookout) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookoutEvery):
			// What is promised to production was asked of the start alone: what
			// came later is told, and stops nobody who works.
			_ = l.once(ctx)
		}
	}
}

// once looks, tells the log of what has come and gone since, and sets the
// metric. What cannot be looked at now stays as it was and is not waited for: the
// loop says that a server is away. The error is what loses something where
// production is promised that nothing is.
func (l *lookout) once(ctx context.Context) (err error) {
	bounded, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found := l.look(bounded)
	if ctx.Err() != nil {
		return nil // told to stop
	}
	var stand []finding
	for _, f := range found {
		// Of what has no code, as that a server does not answer, the loop tells
		// from now on.
		if !l.began || f.Code != "" && !slices.ContainsFunc(l.stand, f.same) {
			l.log.Warn("preflight", "part", f.Part, "level", f.Level, "code", f.Code, "says", f.Says, "mend", f.Mend)
		}
		if f.Code == "" {
			continue
		}
		stand = append(stand, f)
		l.gauge.WithLabelValues(f.Part, f.Code).Set(1)
		if f.Level == levelFailure && slices.Contains(promised, f.Code) {
			err = errors.Join(err, fmt.Errorf("production is true, and %s: %s", f.Says, f.Mend))
		}
	}
	for _, f := range l.stand {
		switch unseen := func(g finding) bool { return g.Part == f.Part && g.Code == "" && g.Level == levelFailure }; {
		case slices.ContainsFunc(stand, f.same):
		case slices.ContainsFunc(found, unseen):
			stand = append(stand, f)
		default:
			l.log.Info("a hazard is gone", "part", f.Part, "code", f.Code)
			l.gauge.DeleteLabelValues(f.Part, f.Code)
		}
	}
	l.began, l.stand = true, stand
	return err
}
