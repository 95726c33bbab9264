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
func (s *session) cycle(ctx context.Context) (err error) {
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

	s.rules = s.library.Current()
	defer func() { s.spans.end(err) }()
	turn := &turn{client: s.client}
	defer turn.end()
	held, err := s.gather(gather, work)
	defer s.release(held)
	if err != nil {
		s.abandon(held)
		return err
	}
	traced := s.spans.gathered(work, held)
	if err := s.declare(traced, turn, held); err != nil {
		s.abandon(held)
		return err
	}
	s.place()
	err = s.deliverAll(traced, held)
	s.abandon(held) // what was not settled
	if err != nil && (work.Err() == nil || !errors.Is(err, context.Canceled)) {
		return err // not merely what abandon made of it
	}
	if gather.Err() != nil {
		// Somebody else may own the partitions next, or nobody for a while:
		// tell the group now what else the next cycle would have told it. The
		// work may have been abandoned; this one commit is still owed, and has
		// a bound of its own.
		return s.tell(context.WithoutCancel(traced), turn)
	}
	return nil
}

// deliverAll delivers every batch that is ready, those with candidates first:
// the inserts of a cycle share the server, and a candidate must not wait until
// all of them are done. Nor are more delivered at once than a store has
// connections for: waiting for one would count as a failure.
func (s *session) deliverAll(ctx context.Context, held []*partition) error {
	for _, urgent := range []bool{true, false} {
		group, each := errgroup.WithContext(ctx)
		group.SetLimit(deliveries)
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

// deliveries is how many batches are delivered at once.
const deliveries = 12

// declare commits an intent for each batch and, in the same commit, the
// completion of every partition that has none: in steady state that is one
// commit a cycle. A replay is declared again, as it was: so a batch is stored
// only by a member that the group has just acknowledged, however long it was
// away.
func (s *session) declare(ctx context.Context, t *turn, held []*partition) error {
	var all []commitment
	for _, p := range held {
		if p.open.ready() {
			all = append(all, p.open.commitment(p))
		}
	}
	for _, p := range s.partitions {
		if p.settled && (p.open == nil || !p.open.ready()) {
			all = append(all, p.completion())
		}
	}
	began := time.Now() // before the commit, because its acknowledgement may be late
	if err := s.commit(ctx, t, all); err != nil {
		return err
	}
	for _, p := range held {
		if p.open.ready() {
			p.open.Declared, p.open.IntentTTL = began, s.IntentTTL
			p.pending, p.settled, p.next = &intent{p.open.Last, p.open.Digest, p.open.limits.MaxBytes}, false, p.open.First
		}
	}
	return nil
}

// tell commits the completion of every settled partition.
func (s *session) tell(ctx context.Context, t *turn) error {
	var all []commitment
	for _, p := range s.partitions {
		if p.settled {
			all = append(all, p.completion())
		}
	}
	return s.commit(ctx, t, all)
}

// commit sends commitments and marks what was settled as told. A refusal ends
// the session: the member is expelled or fenced, and a commit that was refused
// is never tried again under another generation.
func (s *session) commit(ctx context.Context, t *turn, all []commitment) (err error) {
	if len(all) == 0 {
		return nil
	}
	ctx, span := s.committing(ctx, len(all))
	defer func() { end(span, err) }()
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	began := time.Now()
	if err := t.commit(ctx, all); err != nil {
		return err
	}
	s.metrics.step("commit", time.Since(began))
	for _, c := range all {
		s.partitions[c.topicPartition].settled = false
	}
	return nil
}

// deliver stores and publishes the open batch of one partition and settles it.
// One that has become too old to be stored is left unsettled: it is rewound,
// declared again and looked for.
func (s *session) deliver(ctx context.Context, p *partition) error {
	b := &p.open.Batch
	held := false
	if p.open.replay {
		// It may be stored, and for longer than the store remembers its token.
		err := s.persist(ctx, p, "look", func(ctx context.Context) (err error) {
			var chain Hash
			if chain, held, err = s.store.Holds(ctx, b); held {
				// Not what was computed here: compaction may have taken records
				// of the range since.
				p.open.head = chain
			}
			if _, waits := Waiting(err); err != nil && !waits && b.Late(time.Now()) {
				// Perhaps another group, which knew nothing of the intent, has
				// stored the records otherwise: the declaration will say.
				return ErrLate
			}
			return err
		})
		if err != nil {
			return s.late(p, err)
		}
	}
	if !held {
		if err := s.persist(ctx, p, "store", func(ctx context.Context) error { return s.store.Store(ctx, b) }); err != nil {
			return s.late(p, err)
		}
		s.metrics.stored(b)
	}
	if alerts := b.Alerts(); len(alerts) > 0 {
		if err := s.persist(ctx, p, "publish", func(ctx context.Context) error { return s.publisher.Publish(ctx, alerts) }); err != nil {
			return err
		}
		s.metrics.published(alerts)
	}
	p.settle()
	return nil
}

// late takes an error of a step for what it is, unless it is that the batch
// came too late: that ends its delivery and nothing else.
func (s *session) late(p *partition, err error) error {
	if !errors.Is(err, ErrLate) {
		return err
	}
	s.log.Warn("declaring a batch again: it came too late to be stored", "partition", p.String(), "first", p.open.First, "last", p.open.Last)
	return nil
}

// persist tries a step of a partition until it succeeds. An error that passes
// is waited for, without end: only a rebalance or the worker's own end breaks
// the wait. Any other error stops the worker.
func (s *session) persist(ctx context.Context, p *partition, step string, try func(context.Context) error) (err error) {
	ctx, span := s.tracing(ctx, step, p)
	defer func() { end(span, err) }()
	pause := backoff{min: s.BackoffMin, max: s.BackoffMax}
	for was := ""; ; {
		began := time.Now()
		once, cancel := context.WithTimeout(ctx, s.StepTimeout)
		err := try(once)
		cancel()
		if err == nil {
			s.metrics.step(step, time.Since(began))
			if was != "" {
				s.proceeding(was)
			}
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, ErrLate) {
			return err
		}
		what, ok := Waiting(err)
		if !ok && !errors.Is(err, context.DeadlineExceeded) {
			return stop(fmt.Errorf("%s: %w", step, err))
		}
		if !ok {
			what = step + ": no answer within step_timeout"
		}
		s.waiting(what, was, err)
		was = what
		s.health.fail(p.topicPartition, err)
		s.metrics.retried(step)
		retrying(span, err)
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
		case p.open.done:
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
		settled = settled || p.open.done
		p.open = nil
		s.spare.take(p.slab.events, s.MaxBytes)
		// Together the partitions keep rows for no more than four cycles.
		p.slab.reset(4 * s.MaxRecords / max(len(s.partitions), 1))
	}
	quiet := len(held) == 0
	switch {
	case settled:
		s.cycles++
		s.proceeding("")
	case quiet && !s.owing():
		// What a sink was waited for went to another member.
		for _, w := range s.health.Status(time.Now(), 0).Waits {
			if w.For != waitKafka && w.For != waitLogin {
				s.proceeding(w.For)
			}
		}
	}
	s.metrics.idle()
	for _, p := range s.partitions {
		s.metrics.holds(p.oldest) // what was abandoned
	}
	s.place()
}

// place tells the status page where the worker is.
func (s *session) place() {
	places := make(map[topicPartition]Place, len(s.partitions)+len(s.unread))
	for tp := range s.unread {
		places[tp] = Place{Topic: tp.topic, Partition: tp.partition, Next: -1, End: -1, Promised: -1}
	}
	for tp, p := range s.partitions {
		places[tp] = p.place()
	}
	s.health.place(places)
}

// owing reports whether a batch was promised here and is not settled, or a
// partition has not begun.
func (s *session) owing() bool {
	if len(s.unread) > 0 {
		return true
	}
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
	var large *kgo.ErrDecompressTooLarge
	switch {
	case errors.Is(f.Err, context.Canceled), errors.Is(f.Err, context.DeadlineExceeded):
		return nil
	case errors.Is(f.Err, kgo.ErrClientClosed):
		return fmt.Errorf("the Kafka client is closed: %w", f.Err)
	case errors.As(f.Err, &group), retriable(f.Err), s.refused(f.Err) != nil:
		return Wait(waitKafka, f.Err)
	case errors.As(f.Err, &large):
		// The client's own words advise to skip it.
		return stop(fmt.Errorf("fetch %s/%d: the batch that a producer sent as offsets %d to %d unpacks to more than a worker's memory is meant for, and nothing is passed over: "+
			"find out who sent it, and have smaller batches sent (batch.size)", f.Topic, f.Partition, large.Offset, large.NextOffset-1))
	}
	return stop(fmt.Errorf("fetch %s/%d: %w", f.Topic, f.Partition, f.Err))
}
