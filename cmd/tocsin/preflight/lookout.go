package preflight

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/nats"
)

// Lookout looks for the hazards of tocsin check for as long as a worker works: a
// disk fills up, and a certificate expires, after the start. One goroutine uses it.
type Lookout struct {
	look  func(ctx context.Context) []result
	gauge *prometheus.GaugeVec
	log   *slog.Logger
	began bool     // it has looked
	stand []result // the hazards of the last look
}

// lookoutEvery is the pause between two looks. A look asks each server a few
// questions, and no disk fills up, nor certificate expires, faster.
const lookoutEvery = 10 * time.Minute

// newWarnings is a worker's metric of hazards.
func newWarnings() *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tocsin", Name: "warnings",
		Help: "1 for each hazard that tocsin check warns of, as of the last look."}, []string{"part", "code"})
}

// NewLookout returns the lookout of a worker with the configuration c. It
// registers its metric.
func NewLookout(c *config.Config, stream *nats.Sink, registry prometheus.Registerer, log *slog.Logger) *Lookout {
	look := func(ctx context.Context) []result { return probe{c, time.Now}.hazards(ctx, stream) }
	l := &Lookout{gauge: newWarnings(), log: log, look: look}
	registry.MustRegister(l.gauge)
	return l
}

// Run looks again and again until ctx is cancelled.
func (l *Lookout) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookoutEvery):
			// Production guarantees are enforced at the start. A later hazard is
			// logged; it does not stop a running worker.
			_ = l.Once(ctx)
		}
	}
}

// Once looks, logs the hazards that have come and gone since the last look, and sets
// the metric. The hazards of a server that does not answer stay as they were; the
// loop reports that it is away. The error is a hazard that production excludes.
func (l *Lookout) Once(ctx context.Context) (err error) {
	bounded, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found := l.look(bounded)
	if ctx.Err() != nil {
		return nil // stopped
	}
	var stand []result
	for _, f := range found {
		// After the first look the loop reports results without a code, such as a
		// server that does not answer.
		if !l.began || f.Code != "" && !slices.ContainsFunc(l.stand, f.same) {
			l.log.Warn("preflight", "part", f.Part, "level", f.Level, "code", f.Code, "message", f.Message, "remedy", f.Remedy)
		}
		if f.Code == "" {
			continue
		}
		stand = append(stand, f)
		l.gauge.WithLabelValues(f.Part, f.Code).Set(1)
		if f.Level == levelFailure && slices.Contains(promised, f.Code) {
			err = errors.Join(err, fmt.Errorf("production is true, and %s: %s", f.Message, f.Remedy))
		}
	}
	for _, f := range l.stand {
		switch unseen := func(g result) bool { return g.Part == f.Part && g.Code == "" && g.Level == levelFailure }; {
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
