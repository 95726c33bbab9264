package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"
)

// deliveries is how many questions about rows are asked at once. It is at most the
// number of a store's connections: a wait for a connection would count as a failed try.
const deliveries = 12

// launch starts, for each partition with batches in hand, what can be done now, beside
// what is under way:
//
//	check    look at the rows, before the first batch since the assignment and before a
//	         replay: do they agree with the mark, are the batch's own there already
//	publish  the alerts of the promised rows, one message a candidate
//	store    a sealed batch, in one insert
//
// Once an intent is acknowledged its candidates are certain: the next owner of the
// partition judges exactly these records by exactly these rules. So alerts wait for no
// insert, and those of the open batch go out while the batch before it is stored.
func (s *session) launch(work context.Context) {
	for _, p := range slices.Clone(s.held) { // one that is settled leaves it
		for i, b := range p.hand {
			if p.givenUp || b.declared == 0 {
				break
			}
			b.checked = b.checked || !b.replay && p.began == nil
			if !b.checked {
				if i == 0 && !b.checking {
					s.check(work, p, b)
				}
				break
			}
			if b.published < b.declared && !b.publishing {
				s.publish(work, p, b)
			}
			if i == 0 && b.sealed && !b.stored && !b.storing {
				s.storeOne(work, p, b)
			}
		}
		s.settle(p)
	}
}

// start runs a step of a partition's batch beside the loop. The end that the step
// returns is executed by the loop.
func (s *session) start(work context.Context, p *partition, b *batch, step string, do func(ctx context.Context, span trace.Span) (end func(error) error, err error)) {
	p.jobs++
	s.underWay++
	ctx, span := s.tracing(work, step, b)
	ends := s.ends
	go func() {
		end, err := do(ctx, span)
		endSpan(span, err)
		ends <- func() error {
			p.jobs--
			failed := end(err)
			s.settle(p)
			if work.Err() != nil && errors.Is(err, context.Canceled) {
				return nil // abandoned
			}
			return failed
		}
		(*s.wake.Load())()
	}()
}

// collect executes the ends of steps that have come. If there is none yet, it waits
// for one until a channel is closed. A step that was abandoned is no error.
func (s *session) collect(until <-chan struct{}) (err error) {
	for n := 0; s.underWay > 0; n++ {
		var end func() error
		select {
		case end = <-s.ends:
		default:
			if n > 0 {
				return err
			}
			select {
			case end = <-s.ends:
			case <-until:
				return err
			}
		}
		s.underWay--
		err = errors.Join(err, end())
	}
	return err
}

// closed is the argument of collect that does not wait.
var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// settle settles the batches of a partition that are stored and published, and drops
// those of one that is given up.
func (s *session) settle(p *partition) {
	switch {
	case p.givenUp && p.jobs == 0:
		s.drop(p)
	case !p.givenUp && len(p.hand) > 0 && p.hand[0].sealed && p.hand[0].done() && !p.hand[0].publishing:
		b := p.settle()
		b.endSpan(nil)
		s.release(b)
		s.settlements++
		s.health.proceeding("", s.log)
		if len(p.hand) == 0 {
			s.forget(p)
		}
	}
}

// giveUp drops the batches of a partition as soon as no step of them is under way. What
// was promised of them is replayed.
func (s *session) giveUp(p *partition) {
	p.givenUp = true
	s.settle(p)
}

// check looks at the rows before a batch is published and stored.
func (s *session) check(work context.Context, p *partition, b *batch) {
	b.checking = true
	began, known := p.began, p.commitment()
	quiet := p.lost.IsZero() || time.Since(p.lost) >= s.quiet() // before the look
	s.start(work, p, b, "check", func(ctx context.Context, span trace.Span) (func(error) error, error) {
		var stored Held
		var held bool
		err := s.persist(ctx, span, p.topicPartition, "check", func(ctx context.Context) (err error) {
			if began != nil {
				if err := s.compare(ctx, known, began, p.from, b.replay); err != nil {
					return err
				}
			}
			if b.replay {
				stored, held, err = s.store.Holds(ctx, &b.Batch)
			}
			return b.overtaken(err)
		})
		return func(err error) error {
			b.checking = false
			if err == nil {
				p.began = nil
				return s.checked(p, b, stored, held, quiet)
			}
			return s.unlessLate(p, b, err)
		}, err
	})
}

// checked decides, after a look at the rows, what becomes of a batch. An earlier try
// may have stored it, so long ago that the store has forgotten the token.
func (s *session) checked(p *partition, b *batch, stored Held, held, quiet bool) error {
	switch {
	case held && stored.Rows == len(b.Rows) && stored.Chain != b.head:
		return p.altered(b, stored.Chain)
	case held:
		// The stored chain differs from the computed one when compaction has since
		// removed records of the range.
		b.head, b.stored = stored.Chain, true
	case !p.lost.IsZero():
		if quiet {
			s.renumber(p)
		}
		s.giveUp(p)
		return nil
	}
	b.checked = true
	return nil
}

// storeOne stores a batch.
func (s *session) storeOne(work context.Context, p *partition, b *batch) {
	b.storing = true
	s.start(work, p, b, "store", func(ctx context.Context, span trace.Span) (func(error) error, error) {
		err := s.persist(ctx, span, p.topicPartition, "store", func(ctx context.Context) error { return b.overtaken(s.store.Store(ctx, &b.Batch)) })
		return func(err error) error {
			b.storing = false
			switch {
			case errors.Is(err, ErrLost):
				s.lose(p)
				return nil
			case err != nil:
				return s.unlessLate(p, b, err)
			}
			b.stored = true
			s.metrics.stored(&b.Batch)
			if b.begins {
				s.metrics.notUnpacked(p.topic)
			}
			return nil
		}, err
	})
}

// publish publishes the alerts of the promised rows of a batch that are not published
// yet.
func (s *session) publish(work context.Context, p *partition, b *batch) {
	to := b.declared
	alerts := b.alerts(b.published, to)
	if len(alerts) == 0 {
		b.published = to
		return
	}
	b.publishing = true
	s.start(work, p, b, "publish", func(ctx context.Context, span trace.Span) (func(error) error, error) {
		err := s.persist(ctx, span, p.topicPartition, "publish", func(ctx context.Context) error { return s.publisher.Publish(ctx, alerts) })
		return func(err error) error {
			b.publishing = false
			if err == nil {
				b.published = to
				s.metrics.published(alerts)
			}
			return err
		}, err
	})
}

// unlessLate returns err, or nil for ErrLate: the partition of a late batch is given
// up. The batch is declared again and looked for.
func (s *session) unlessLate(p *partition, b *batch, err error) error {
	if !errors.Is(err, ErrLate) {
		return err
	}
	s.log.Warn("declaring a batch again: it came too late to be stored", "partition", p.String(), "first", b.First, "last", b.Last)
	s.giveUp(p)
	return nil
}

// persist retries a step of a partition until it succeeds. An error that passes
// is retried without end: only a rebalance or the end of the worker breaks the
// wait. ErrLate and ErrLost are returned. Any other error stops the worker.
func (s *session) persist(ctx context.Context, span trace.Span, tp topicPartition, step string, try func(context.Context) error) (err error) {
	r := s.retry()
	r.beside = true
	return r.until(ctx, func(ctx context.Context) (wait string, err error) {
		began := time.Now()
		once, cancel := context.WithTimeout(ctx, s.StepTimeout)
		defer cancel()
		if err := try(once); err != nil {
			return s.failed(ctx, span, tp, step, err)
		}
		s.metrics.step(step, time.Since(began))
		return "", nil
	})
}

// failed returns what a step waits for after a failed try, and counts the try
// if there will be another.
func (s *session) failed(ctx context.Context, span trace.Span, tp topicPartition, step string, err error) (wait string, _ error) {
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
	s.health.fail(tp, err)
	s.metrics.retried(step)
	retrying(span, err)
	return wait, err
}
