package pipeline

import (
	"context"
	"time"
)

// cycle is one round of the loop: it gathers batches, declares them, delivers
// them and settles them with the group. An error ends the session.
//
// It is hurried when ctx is cancelled (the worker must stop) or a rebalance
// waits. It then stops polling, and finishes the batches that it holds within
// DrainTimeout or RebalanceGrace. A batch that is unfinished by then is
// abandoned: the next owner of the partition replays it.
func (s *session) cycle(ctx context.Context) (err error) {
	polling, work, done := s.bounded(ctx)
	defer done()
	s.rules = s.library.Current()
	defer func() { s.spans.end(err) }()
	turn := &turn{client: s.client}
	defer turn.end()

	held, err := s.gather(polling, work)
	defer s.release(held)
	if err == nil {
		work = s.spans.gathered(work, held)
		err = s.declare(work, turn, held)
	}
	if err == nil {
		s.report()
		err = s.deliver(work, held)
	}
	if err == nil && len(held) == 0 {
		err = s.compareIdle(polling)
	}
	s.abandon(held)
	if len(s.again) > 0 {
		// The session ends, with err, after this commit.
		if refused := s.commit(work, turn, s.again); refused != nil {
			return refused
		}
	}
	if err == nil && polling.Err() != nil {
		// The next declaration may be another member's, or come late, so the
		// completions are committed now. This commit is made even when the work
		// was abandoned, and has a bound of its own.
		err = s.commitSettled(context.WithoutCancel(work), turn)
	}
	return err
}

// declare commits an intent for each batch that is ready. The same commit carries
// the completion of every settled partition without such a batch, so in steady
// state a cycle makes one commit. A replay is declared again, unchanged: a member
// stores a batch only after the group acknowledged its own intent, however long
// the member was away.
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
			p.pending, p.settled, p.next = p.open.intent(), false, p.open.First
		}
	}
	return nil
}

// commitSettled commits the completion of every settled partition.
func (s *session) commitSettled(ctx context.Context, t *turn) error {
	var all []commitment
	for _, p := range s.partitions {
		if p.settled {
			all = append(all, p.completion())
		}
	}
	return s.commit(ctx, t, all)
}

// commit sends commitments. A refusal ends the session, because it means that
// the member is expelled or fenced. A refused commit is never sent again under
// another generation.
func (s *session) commit(ctx context.Context, t *turn, all []commitment) (err error) {
	if len(all) == 0 {
		return nil
	}
	ctx, span := s.committing(ctx, len(all))
	defer func() { endSpan(span, err) }()
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	began := time.Now()
	if err := t.commit(ctx, all); err != nil {
		return err
	}
	s.metrics.step("commit", time.Since(began))
	for _, c := range all {
		if p := s.partitions[c.topicPartition]; p != nil {
			p.settled = false
		}
	}
	return nil
}

// abandon rewinds the client to the first record that is not settled: the first of
// an unsettled batch, or the first one fetched beyond a settled batch. If this
// member keeps the partition, it fetches from there again. An abandoned batch
// may be stored or not; its intent, if it was declared, orders its replay.
func (s *session) abandon(held []*partition) {
	for _, p := range held {
		switch {
		case p.open.done():
			if p.open.overrun >= 0 {
				s.client.SetOffsets(p.rewind(p.open.overrun))
			}
		case len(p.open.Rows) == 0 && p.open.overrun >= 0: // it found no room
			s.client.SetOffsets(p.rewind(p.open.overrun))
		case len(p.open.Rows) > 0:
			s.client.SetOffsets(p.rewind(p.open.First))
			s.metrics.abandoned()
			if !p.lost.IsZero() {
				s.hold(p)
			}
		}
	}
}

// release ends the cycle's use of its batches.
func (s *session) release(held []*partition) {
	settled := false
	for _, p := range held {
		settled = settled || p.open.done()
		p.open = nil
		s.spare.take(p.slab.events, s.MaxBytes)
		// All partitions together keep rows for at most four cycles.
		p.slab.reset(4 * s.MaxRecords / max(len(s.partitions), 1))
	}
	switch {
	case settled:
		s.cycles++
		s.health.proceeding("", s.log)
	case len(held) == 0 && !s.owing():
		// Batches that waited for a sink went to another member.
		for _, w := range s.health.Status(time.Now(), 0).Waits {
			if w.For != WaitKafka && w.For != WaitLogin {
				s.health.proceeding(w.For, s.log)
			}
		}
	}
	s.readmit()
	s.metrics.idle()
	for _, p := range s.partitions {
		s.metrics.unsettledSince(p.oldest) // of abandoned batches
	}
	s.report()
}

// report puts the progress in each partition on the status page.
func (s *session) report() {
	all := make(map[topicPartition]Progress, len(s.partitions)+len(s.unread))
	for tp := range s.unread {
		all[tp] = Progress{Topic: tp.topic, TopicID: s.ids[tp.topic], Partition: tp.partition, Next: -1, End: -1, Promised: -1}
	}
	for tp, p := range s.partitions {
		all[tp] = p.progress()
	}
	s.health.report(all)
}

// owing reports whether a promised batch is unsettled here, or an assigned
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
