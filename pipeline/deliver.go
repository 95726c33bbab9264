package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"
)

// deliveries is how many batches are delivered at once. It is at most the number
// of a store's connections: a wait for a connection would count as a failed try.
const deliveries = 12

// deliver publishes and stores every batch that is ready, and settles those that are
// published and stored. Once the intent of a new batch is acknowledged its candidates
// are certain: the next owner of the partition judges exactly these records by exactly
// these rules. So its alerts wait for no insert. An abandoned delivery is no error.
func (s *session) deliver(ctx context.Context, held []*partition) error {
	group, each := errgroup.WithContext(ctx)
	var checked, certain []*partition // the alerts of checked ones wait for a look at the rows
	for _, p := range held {
		switch {
		case !p.open.ready():
		case p.open.replay || p.began != nil:
			checked = append(checked, p)
		default:
			certain = append(certain, p)
			group.Go(func() error { return s.publish(each, p) })
		}
	}
	group.Go(func() error { return s.storeAll(each, checked, certain) })
	err := group.Wait()
	for _, p := range held {
		if p.open.done() {
			p.settle()
		}
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// storeAll stores every batch, and publishes the checked ones. These go first, because
// their alerts wait for it.
func (s *session) storeAll(ctx context.Context, checked, certain []*partition) error {
	group, each := errgroup.WithContext(ctx)
	group.SetLimit(deliveries)
	for _, p := range checked {
		group.Go(func() error { return s.storeChecked(each, p) })
	}
	for _, p := range certain {
		group.Go(func() error { return s.storeOne(each, p) })
	}
	return group.Wait()
}

// storeChecked looks at the rows before it stores and publishes a batch: at the first
// since the assignment, whether they agree with the mark, and for a replay, whether
// its own are there already. A batch that is too late to be stored stays unsettled: it
// is rewound, declared again and looked for.
func (s *session) storeChecked(ctx context.Context, p *partition) error {
	if p.began != nil {
		if err := s.persist(ctx, p, "compare", func(ctx context.Context) error { return s.compare(ctx, p) }); err != nil {
			return s.unlessLate(p, err)
		}
	}
	if p.open.replay {
		certain, err := s.look(ctx, p)
		if err != nil || !certain {
			return s.unlessLate(p, err)
		}
	}
	group, each := errgroup.WithContext(ctx)
	group.Go(func() error { return s.publish(each, p) })
	if !p.open.stored {
		group.Go(func() error { return s.storeOne(each, p) })
	}
	return group.Wait()
}

// look looks for the rows of a replay. An earlier try may have stored it, so long ago
// that the store has forgotten the token. It reports whether the batch may be
// published, and stored if its rows are not there.
func (s *session) look(ctx context.Context, p *partition) (certain bool, err error) {
	b := &p.open.Batch
	quiet := time.Since(p.lost) >= s.quiet() // before the look
	err = s.persist(ctx, p, "look", func(ctx context.Context) error {
		stored, held, err := s.store.Holds(ctx, b)
		switch {
		case !held:
			return b.overtaken(err)
		case stored.Rows == len(b.Rows) && stored.Chain != p.open.head:
			return p.altered(stored.Chain)
		}
		// The stored chain differs from the computed one when compaction
		// has since removed records of the range.
		p.open.head, p.open.stored = stored.Chain, true
		return nil
	})
	if err != nil {
		return false, err
	}
	if !p.open.stored && !p.lost.IsZero() {
		if quiet {
			s.renumber(p)
		}
		return false, nil
	}
	return true, nil
}

// storeOne stores the open batch of one partition.
func (s *session) storeOne(ctx context.Context, p *partition) error {
	b := &p.open.Batch
	err := s.persist(ctx, p, "store", func(ctx context.Context) error { return b.overtaken(s.store.Store(ctx, b)) })
	if errors.Is(err, ErrLost) {
		s.lose(p)
		return nil
	}
	if err != nil {
		return s.unlessLate(p, err)
	}
	p.open.stored = true
	s.metrics.stored(b)
	if p.open.begins {
		s.metrics.notUnpacked(p.topic)
	}
	return nil
}

// publish publishes the alerts of the open batch of one partition.
func (s *session) publish(ctx context.Context, p *partition) error {
	if alerts := p.open.Alerts(); len(alerts) > 0 {
		if err := s.persist(ctx, p, "publish", func(ctx context.Context) error { return s.publisher.Publish(ctx, alerts) }); err != nil {
			return err
		}
		s.metrics.published(alerts)
	}
	p.open.published = true
	return nil
}

// unlessLate returns err, or nil for ErrLate: a late batch ends its own delivery
// only.
func (s *session) unlessLate(p *partition, err error) error {
	if !errors.Is(err, ErrLate) {
		return err
	}
	s.log.Warn("declaring a batch again: it came too late to be stored", "partition", p.String(), "first", p.open.First, "last", p.open.Last)
	return nil
}

// persist retries a step of a partition until it succeeds. An error that passes
// is retried without end: only a rebalance or the end of the worker breaks the
// wait. ErrLate and ErrLost are returned. Any other error stops the worker.
func (s *session) persist(ctx context.Context, p *partition, step string, try func(context.Context) error) (err error) {
	ctx, span := s.tracing(ctx, step, p)
	defer func() { endSpan(span, err) }()
	return s.retry().until(ctx, func(ctx context.Context) (wait string, err error) {
		began := time.Now()
		once, cancel := context.WithTimeout(ctx, s.StepTimeout)
		defer cancel()
		if err := try(once); err != nil {
			return s.failed(ctx, span, p, step, err)
		}
		s.metrics.step(step, time.Since(began))
		return "", nil
	})
}

// failed returns what a step waits for after a failed try, and counts the try
// if there will be another.
func (s *session) failed(ctx context.Context, span trace.Span, p *partition, step string, err error) (wait string, _ error) {
	wait, ok := Waiting(err)
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, ErrLate), errors.Is(err, ErrLost):
		return "", err
	case !ok && errors.Is(err, context.DeadlineExceeded):
		wait = step + ": " + NoAnswer
	case !ok:
		return "", stop(fmt.Errorf("%s: %w", step, err))
	}
	s.health.fail(p.topicPartition, err)
	s.metrics.retried(step)
	retrying(span, err)
	return wait, err
}
