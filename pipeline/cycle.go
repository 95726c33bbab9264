package pipeline

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// cycle polls, judges, declares, stores, publishes and settles. It returns an
// error when the membership is of no more use.
//
// There are two deadlines from outside. When ctx is cancelled (the worker is
// told to stop) or a rebalance waits, the cycle polls no more and finishes
// what it holds, within DrainTimeout or RebalanceGrace; what is unfinished
// then is abandoned: rewound, and replayed by whoever owns it next.
func (s *session) cycle(ctx context.Context) error {
	// Work outlives ctx, because a batch that was declared is better finished
	// than replayed; it is bounded by the deadlines above.
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	defer abandon()
	gather, enough := context.WithCancel(ctx)
	defer enough()
	bounded := func(grace time.Duration) {
		enough()
		select {
		case <-work.Done():
		case <-time.After(grace):
			abandon()
		}
	}
	unhook := context.AfterFunc(ctx, func() { bounded(s.DrainTimeout) })
	defer unhook()
	hurry := context.CancelFunc(func() { bounded(s.RebalanceGrace) })
	s.hurry.Store(&hurry)
	defer s.hurry.Store(nil)

	defer s.client.AllowRebalance()
	held, err := s.gather(gather, work)
	defer s.release(held)
	if err != nil {
		s.abandon(held)
		return err
	}
	if err := s.declare(work, held); err != nil {
		s.abandon(held)
		return err
	}
	err = s.deliverAll(work, held)
	s.abandon(held) // what was not settled
	if err != nil && (work.Err() == nil || !errors.Is(err, context.Canceled)) {
		return err // not merely what abandon made of it
	}
	if gather.Err() != nil {
		// Somebody else may own the partitions next, or nobody for a while:
		// tell the group now what else the next cycle would have told it. The
		// work may have been abandoned; this one commit is still owed, and has
		// a bound of its own.
		return s.tell(context.WithoutCancel(work))
	}
	return nil
}

// deliverAll delivers every batch that is ready, those with candidates first:
// the inserts of a cycle share the server, and a candidate must not wait until
// all of them are done.
func (s *session) deliverAll(ctx context.Context, held []*partition) error {
	for _, urgent := range []bool{true, false} {
		group, each := errgroup.WithContext(ctx)
		for _, p := range held {
			if p.open.ready() && p.open.urgent == urgent {
				group.Go(func() error { return s.deliver(each, p) })
			}
		}
		if err := group.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// declare commits an intent for each new batch and, in the same commit, the
// completion of every partition that has none: in steady state that is one
// commit a cycle. Batches whose intent is refused are dropped from held.
func (s *session) declare(ctx context.Context, held []*partition) error {
	var all []commitment
	for _, p := range held {
		if p.open.ready() && p.pending == nil {
			all = append(all, p.open.commitment(p))
		}
	}
	declared := len(all)
	for _, p := range s.partitions {
		if p.settled && (p.open == nil || !p.open.ready()) {
			all = append(all, p.completion())
		}
	}
	if len(held) > 0 && declared == 0 && len(all) == 0 {
		return nil // only replays, whose intents stand
	}
	if err := s.commit(ctx, all); err != nil {
		return err
	}
	for _, p := range held {
		if p.open.ready() {
			p.pending, p.settled, p.next = &intent{p.open.Last, p.open.Digest}, false, p.open.First
		}
	}
	return nil
}

// tell commits the completion of every settled partition.
func (s *session) tell(ctx context.Context) error {
	var all []commitment
	for _, p := range s.partitions {
		if p.settled {
			all = append(all, p.completion())
		}
	}
	return s.commit(ctx, all)
}

// commit sends commitments and marks what was settled as told. A refusal ends
// the session: the member is expelled or fenced, and a commit that was refused
// is never tried again under another generation.
func (s *session) commit(ctx context.Context, all []commitment) error {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	began := time.Now()
	if err := commit(ctx, s.client, all); err != nil {
		return err
	}
	s.metrics.step("commit", time.Since(began))
	for _, c := range all {
		s.partitions[c.topicPartition].settled = false
	}
	return nil
}

// deliver stores and publishes the open batch of one partition and settles it.
func (s *session) deliver(ctx context.Context, p *partition) error {
	b := &p.open.Batch
	if err := s.persist(ctx, "store", func(ctx context.Context) error { return s.store.Store(ctx, b) }); err != nil {
		return err
	}
	s.metrics.stored(b)
	if alerts := b.Alerts(); len(alerts) > 0 {
		if err := s.persist(ctx, "publish", func(ctx context.Context) error { return s.publisher.Publish(ctx, alerts) }); err != nil {
			return err
		}
		s.metrics.published(alerts)
	}
	p.settle()
	return nil
}

// persist tries a step until it succeeds. An error that passes is waited for,
// without end: only a rebalance or the worker's own end breaks the wait. Any
// other error stops the worker.
func (s *session) persist(ctx context.Context, step string, try func(context.Context) error) error {
	pause := backoff{min: s.BackoffMin, max: s.BackoffMax}
	for waited := false; ; waited = true {
		began := time.Now()
		once, cancel := context.WithTimeout(ctx, s.StepTimeout)
		err := try(once)
		cancel()
		if err == nil {
			s.metrics.step(step, time.Since(began))
			if waited {
				s.proceeding("")
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		what, ok := Waiting(err)
		if !ok && !errors.Is(err, context.DeadlineExceeded) {
			return stop(fmt.Errorf("%s: %w", step, err))
		}
		if !ok {
			what = step + ": no answer within step_timeout"
		}
		s.waiting(what, err)
		s.metrics.retried(step)
		s.health.turn()
		if !pause.sleep(ctx) {
			return ctx.Err()
		}
	}
}

// abandon rewinds every held batch that is not settled, so that it is fetched
// again by this member if it keeps the partition. Whether it was stored is
// unknown; its intent, once declared, says how to replay it.
func (s *session) abandon(held []*partition) {
	for _, p := range held {
		switch {
		case p.settled:
			if p.open.overrun >= 0 {
				s.client.SetOffsets(p.rewind(p.open.overrun))
			}
		case len(p.open.Rows) > 0:
			s.client.SetOffsets(p.rewind(p.open.First))
			s.metrics.abandoned()
		}
	}
}

// release ends the cycle's use of its batches.
func (s *session) release(held []*partition) {
	settled := false
	for _, p := range held {
		settled = settled || p.settled
		p.open = nil
		p.slab.reset()
	}
	quiet := len(held) == 0
	switch {
	case settled:
		s.cycles++
		s.proceeding("")
	case quiet && !s.owing():
		// What a sink was waited for went to another member.
		if what := s.health.Status(time.Now(), 0).WaitingFor; what != waitKafka {
			s.proceeding(what)
		}
	}
	s.metrics.idle()
}

// owing reports whether a batch was promised here and is not settled.
func (s *session) owing() bool {
	for _, p := range s.partitions {
		if p.pending != nil {
			return true
		}
	}
	return false
}

// parallel is how many partitions are judged at once.
var parallel = runtime.GOMAXPROCS(0)

// fetchError sorts a fetch's error: nil when the poll merely ended.
func (s *session) fetchError(f kgo.FetchError) error {
	var group *kgo.ErrGroupSession
	switch {
	case errors.Is(f.Err, context.Canceled), errors.Is(f.Err, context.DeadlineExceeded):
		return nil
	case errors.Is(f.Err, kgo.ErrClientClosed):
		return fmt.Errorf("the Kafka client is closed: %w", f.Err)
	case errors.As(f.Err, &group), retriable(f.Err):
		return Wait(waitKafka, f.Err)
	}
	hint := ""
	if s.FirstStart == StartRefused {
		hint = ". If this is the first start of group " + s.Group + ", choose first_start: earliest or latest; if it is not, its offsets are gone or its name is wrong"
	}
	return stop(fmt.Errorf("fetch %s/%d: %w%s", f.Topic, f.Partition, f.Err, hint))
}
