package pipeline

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"
)

// turn is the loop's hold on the group: it makes rounds until nothing is in hand. An
// error ends the session.
//
// The turn is hurried when ctx is cancelled (the worker must stop) or a rebalance
// waits. It then stops polling, and finishes the batches that it holds within
// DrainTimeout or RebalanceGrace. A batch that is unfinished by then is abandoned: the
// next owner of the partition replays it.
func (s *session) turn(ctx context.Context) (err error) {
	polling, work, done := s.bounded(ctx)
	defer done()
	group := &turn{client: s.client}
	defer group.end()
	s.beginTurn()
	idle := true
	for over := false; !over && err == nil; {
		over, err = s.round(polling, work, group)
		idle = idle && over
	}
	if err == nil && idle {
		err = s.compareIdle(polling)
	}
	if err != nil {
		done() // ends the work
	}
	err = s.endTurn(err)
	last := context.WithoutCancel(work) // these commits have a bound of their own
	switch {
	case len(s.again) > 0:
		// The session ends, with err, after this commit.
		if refused := s.commit(last, group, s.again); refused != nil {
			return refused
		}
	case err == nil:
		// The next declaration may be another member's, or come late.
		err = s.commitSettled(last, group)
	}
	return err
}

// round polls once, and judges what came; takes back what has been stored and
// published; promises what is due, in one commit; and starts to publish and to store
// what is promised. It reports whether nothing is left to do.
func (s *session) round(polling, work context.Context, group *turn) (over bool, err error) {
	s.rules = s.library.Current()
	defer func() { s.span.end(err) }()
	if err := s.gather(polling, work); err != nil {
		return false, err
	}
	if err := s.collect(closed); err != nil {
		return false, err
	}
	if len(s.held) == 0 || work.Err() != nil {
		return true, nil
	}
	if err := s.declare(work, group, s.due(time.Now(), polling.Err() != nil)); err != nil {
		return false, err
	}
	s.launch(work)
	s.report()
	s.health.beat()
	switch {
	case polling.Err() != nil:
		err = s.collect(nil)
	case !s.polls():
		pause, end := context.WithTimeout(polling, idlePoll)
		err = s.collect(pause.Done())
		end()
	}
	return len(s.held) == 0, err
}

// beginTurn begins a turn with the whole budget and nothing in hand.
func (s *session) beginTurn() {
	s.room.Store(int64(s.MaxBytes))
	s.next = time.Now().Add(idlePoll)
	if s.lone != nil {
		s.next = s.next.Add(2 * fetchWait) // a fetch without the partition may be under way
	}
}

// idlePoll is how long a turn waits for its first record.
const idlePoll = 250 * time.Millisecond

// endTurn waits for what is under way, which ends soon, and abandons the batches that
// are left in hand. It returns err, or else the error of a step.
func (s *session) endTurn(err error) error {
	for s.underWay > 0 {
		if failed := s.collect(nil); err == nil {
			err = failed
		}
	}
	for len(s.held) > 0 {
		s.drop(s.held[0])
	}
	s.readmit()
	if !s.owing() {
		// Batches that waited for a sink went to another member.
		for _, w := range s.health.Status(time.Now(), 0).Waits {
			if w.For != WaitKafka && w.For != WaitLogin {
				s.health.proceeding(w.For, s.log)
			}
		}
	}
	s.reportNow(time.Now())
	return err
}

// due seals the batches whose rows are to be stored now, as many as may be stored at
// once, and returns the partitions that the next commit must cover. The commit also
// covers an open batch with a candidate that is not promised yet. Whatever is left is
// due at s.next, or when a step ends.
func (s *session) due(now time.Time, closing bool) (all []*partition) {
	free := s.Stores
	var ripe []*partition
	s.next = now.Add(s.StepTimeout)
	for _, p := range s.held {
		first, last := p.hand[0], p.hand[len(p.hand)-1]
		switch {
		case p.givenUp:
			continue
		case first.sealed:
			if !first.stored {
				free--
			}
		case !first.ready():
		case closing || s.ripe(p, now):
			ripe = append(ripe, p)
		default:
			s.next = earlier(s.next, first.since.Add(s.Linger))
		}
		if last.hit && !last.sealed && last.ready() && p.began == nil {
			last.due, last.hit = true, false
		}
	}
	slices.SortStableFunc(ripe, func(a, b *partition) int { return cmp.Compare(a.hand[0].since.UnixNano(), b.hand[0].since.UnixNano()) })
	for _, p := range ripe[:max(min(free, len(ripe)), 0)] {
		p.hand[0].sealed, p.hand[0].due = true, true
	}
	for _, p := range s.held {
		if p.due() {
			all = append(all, p)
		}
		s.unpause(p)
	}
	return all
}

// ripe reports whether the first batch in hand, which is open, is to be stored.
func (s *session) ripe(p *partition, now time.Time) bool {
	b := p.hand[0]
	return b.replay || b.refused != "" || b.full(&s.Config) || s.full() || len(s.aside) > 0 ||
		b.hit && p.began != nil || // its alerts wait for a look at the rows
		!now.Before(b.since.Add(s.Linger))
}

// declare commits an intent for each batch that is due. The same commit carries
// the completion of every settled partition. A replay is declared again, unchanged: a
// member stores a batch only after the group acknowledged its own intent, however long
// the member was away.
func (s *session) declare(ctx context.Context, group *turn, due []*partition) error {
	if len(due) == 0 {
		return nil
	}
	all := make([]commitment, 0, len(due))
	for _, p := range due {
		all = append(all, p.commitment())
	}
	for _, p := range s.partitions {
		if p.settled && !p.due() {
			all = append(all, p.commitment())
		}
	}
	return s.commit(ctx, group, all)
}

// commitSettled commits the completion of every settled partition.
func (s *session) commitSettled(ctx context.Context, group *turn) error {
	var all []commitment
	for _, p := range s.partitions {
		if p.settled {
			all = append(all, p.commitment())
		}
	}
	return s.commit(ctx, group, all)
}

// commit sends commitments. A refusal ends the session, because it means that
// the member is expelled or fenced. A refused commit is never sent again under
// another generation.
func (s *session) commit(ctx context.Context, group *turn, all []commitment) (err error) {
	if len(all) == 0 {
		return nil
	}
	ctx, span := s.committing(s.inRound(ctx), len(all))
	defer func() { endSpan(span, err) }()
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	began := time.Now() // before the commit, because its acknowledgement may be late
	if err := group.commit(ctx, all); err != nil {
		return err
	}
	s.metrics.step("commit", time.Since(began))
	for _, c := range all {
		if p := s.partitions[c.topicPartition]; p != nil {
			p.acknowledged(c, began, s.IntentTTL)
		}
	}
	return nil
}

// drop abandons the batches of a partition, none of which is under way. It rewinds the
// client to the first record that is not settled. If this member keeps the partition,
// it fetches from there again. A dropped batch may be stored or not; its intent, if it
// was declared, orders its replay.
func (s *session) drop(p *partition) {
	for _, b := range p.hand {
		if len(b.Rows) > 0 {
			s.metrics.abandoned()
		}
		b.endSpan(context.Canceled)
		s.release(b)
	}
	p.hand, p.givenUp = nil, false
	s.client.SetOffsets(p.rewind(p.wanted()))
	s.forget(p)
	if !p.lost.IsZero() {
		s.hold(p)
	}
}

// forget notes that a partition has nothing in hand.
func (s *session) forget(p *partition) {
	s.held = slices.DeleteFunc(s.held, func(q *partition) bool { return q == p })
	s.unpause(p)
}

// release frees what a batch has taken.
func (s *session) release(b *batch) {
	if len(b.Rows) > 0 {
		s.each = b.size / int64(len(b.Rows))
	}
	s.room.Add(b.size)
	s.spare.take(b.slab, s.MaxBytes)
	b.slab = nil
}

// report puts the progress in each partition on the status page, and the age of the
// oldest record among the metrics, if that is due.
func (s *session) report() {
	if now := time.Now(); now.Sub(s.reportedAt) >= reportEvery {
		s.reportNow(now)
	}
}

// reportEvery is how old the status page may be: a round is much shorter.
const reportEvery = 100 * time.Millisecond

// reportNow does so at once.
func (s *session) reportNow(now time.Time) {
	// The rate is that of about the last ten seconds.
	if since := now.Sub(s.reportedAt).Seconds(); since > 0 {
		weight := math.Exp(-since / 10)
		s.rate = weight*s.rate + (1-weight)*float64(s.taken)/since
		s.taken = 0
	}
	s.reportedAt = now
	held := InHand{Bytes: int64(s.MaxBytes) - s.room.Load(), Budget: int64(s.MaxBytes), Rate: s.rate}
	for _, p := range s.held {
		for _, b := range p.hand {
			held.Rows += len(b.Rows)
		}
	}
	all := make(map[topicPartition]Progress, len(s.partitions)+len(s.unread))
	for tp := range s.unread {
		all[tp] = Progress{Topic: tp.topic, TopicID: s.ids[tp.topic], Partition: tp.partition, Next: -1, End: -1, Promised: -1}
	}
	var oldest time.Time // of batches in hand, and of abandoned ones
	for tp, p := range s.partitions {
		all[tp] = p.progress()
		if oldest.IsZero() || !p.oldest.IsZero() && p.oldest.Before(oldest) {
			oldest = p.oldest
		}
	}
	s.metrics.unsettledSince(oldest)
	s.health.report(all, held)
}

// owing reports whether a promised batch is unsettled here, or an assigned
// partition has not begun.
func (s *session) owing() bool {
	if len(s.unread) > 0 {
		return true
	}
	for _, p := range s.partitions {
		if len(p.promised) > 0 {
			return true
		}
	}
	return false
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
