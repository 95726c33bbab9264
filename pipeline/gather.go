package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// gather polls once and judges what came. The poll ends with the first records, at
// s.next, when a step ends, or when the turn is hurried. Then a replay that lacks
// records is given up, and nothing is polled.
func (s *session) gather(polling, work context.Context) error {
	replaying := s.replaying()
	if polling.Err() != nil {
		s.giveUpAll(replaying)
		return nil
	}
	if !s.polls() {
		return nil
	}
	if s.replaysOnly() {
		defer s.client.ResumeFetchPartitions(s.pauseOthers(replaying))
	}
	s.pauseFull()
	poll, wake := context.WithDeadline(polling, s.next)
	defer wake()
	s.wake.Store(&wake)
	if len(s.ends) > 0 {
		wake()
	}
	var fetches kgo.Fetches
	for len(fetches) == 0 {
		// A poll whose records were withdrawn returns nothing. At the deadline a poll
		// returns an error.
		fetches = s.client.PollRecords(poll, s.wants())
	}
	// begin precedes the errors, because a client that still reads a deleted log
	// reports its offset as out of range.
	if err := s.begin(work); err != nil {
		return err
	}
	if most := 2 * inHand * len(s.partitions); cap(s.ends) < most && s.underWay == 0 {
		s.ends = make(chan func() error, most) // so that no step waits for the loop
	}
	for _, f := range fetches.Errors() {
		if err := s.fetchError(f); err != nil {
			return err
		}
	}
	if err := s.sameLogs(fetches); err != nil {
		return err
	}
	s.unhold()
	refused, err := s.refusals(work, fetches)
	if err != nil {
		return err
	}
	more, err := s.admit(work, fetches)
	if err != nil {
		return err
	}
	s.metrics.gathered(more + refused)
	s.forsake(time.Now())
	return nil
}

// polls reports whether the loop may poll: there is room, or a replay lacks records.
func (s *session) polls() bool {
	return !s.replaysOnly() && !s.clogged() || len(s.replaying()) > 0
}

// clogged reports whether an open batch is full and its partition is being stored. Its
// partition would have to be paused, and what the client has fetched of it, perhaps a
// large batch that it has unpacked, would be thrown away. While the store answers, the
// loop rather waits for it. While it is away, the other partitions go on.
func (s *session) clogged() bool {
	for _, p := range s.held {
		if b := p.open(); !p.paused && b != nil && b.full(&s.Config) {
			return !s.health.waitsNow()
		}
	}
	return false
}

// replaysOnly reports whether no other records may be taken than those of replays. A
// turn in which a partition was set aside ends soon.
func (s *session) replaysOnly() bool {
	return s.full() || len(s.held) > 0 && len(s.aside) > 0
}

// full reports whether there is no room for another record.
func (s *session) full() bool { return s.room.Load() <= s.each && len(s.held) > 0 }

// mostPolled bounds the records of a poll, so that a candidate waits for few others.
const mostPolled = 500

// wants returns how many records the next poll may return. The number assumes records
// as large as in the last batch. No more are polled than fit, because a record without
// room is fetched again.
func (s *session) wants() int {
	most := min(mostPolled, s.MaxRecords)
	if s.each > 0 {
		most = min(most, int(s.room.Load()/s.each))
	}
	return max(most, 1)
}

// replaying returns the partitions with a replay in hand that lacks records, except
// those that are set aside.
func (s *session) replaying() (all []*partition) {
	for _, p := range s.held {
		if b := p.open(); b != nil && !b.complete && !p.givenUp && !s.aside[p.topicPartition] {
			all = append(all, p)
		}
	}
	return all
}

// forsake gives up the replays of which no record has come for StepTimeout, for a
// leader that is away. They begin again.
func (s *session) forsake(now time.Time) {
	var all []*partition
	for _, p := range s.replaying() {
		if now.Sub(p.open().grown) >= s.StepTimeout {
			all = append(all, p)
		}
	}
	if len(all) > 0 {
		s.health.waiting(WaitKafka, "", fmt.Errorf("the promised records of %d partitions do not arrive", len(all)), s.log)
		s.giveUpAll(all)
	}
}

func (s *session) giveUpAll(all []*partition) {
	for _, p := range all {
		s.giveUp(p)
	}
}

// pauseOthers pauses every partition that is not replaying, and returns the paused
// ones. Those that are paused for longer are left out.
func (s *session) pauseOthers(replaying []*partition) map[string][]int32 {
	keep := make(map[topicPartition]bool)
	for _, p := range replaying {
		keep[p.topicPartition] = true
	}
	others := make(map[string][]int32)
	for tp, p := range s.partitions {
		if !keep[tp] && p.lost.IsZero() && !p.paused && !s.aside[tp] {
			others[tp.topic] = append(others[tp.topic], tp.partition)
		}
	}
	s.client.PauseFetchPartitions(others)
	return others
}

// pauseFull stops the fetching of the partitions that can take no records, until they
// can. The client drops what it has fetched of them, so this is the last resort: when
// no partition can take records, nothing is polled.
func (s *session) pauseFull() {
	for _, p := range s.held {
		if !p.paused && !p.accepts(&s.Config) {
			p.paused = true
			s.client.PauseFetchPartitions(p.alone())
		}
	}
}

// accepts reports whether records of the partition may be polled.
func (p *partition) accepts(c *Config) bool {
	b := p.open()
	return p.takes() && (b == nil || !b.full(c))
}

// unpause resumes the fetching of a partition that can take records again.
func (s *session) unpause(p *partition) {
	if !p.paused || !p.accepts(&s.Config) {
		return
	}
	p.paused = false
	if p.lost.IsZero() && !s.aside[p.topicPartition] {
		s.client.ResumeFetchPartitions(p.alone())
	}
}

// fetchError classifies the error of a fetch. It returns nil when the poll merely
// ended.
func (s *session) fetchError(f kgo.FetchError) error {
	var group *kgo.ErrGroupSession
	switch {
	case unpacking(f.Err):
		return nil // refusals handles it
	case errors.Is(f.Err, context.Canceled), errors.Is(f.Err, context.DeadlineExceeded):
		return nil
	case errors.Is(f.Err, kgo.ErrClientClosed):
		return fmt.Errorf("the Kafka client is closed: %w", f.Err)
	case errors.As(f.Err, &group), retriable(f.Err), s.refused(f.Err) != nil:
		return Wait(WaitKafka, f.Err)
	}
	if errors.Is(f.Err, kerr.OffsetOutOfRange) {
		return stop(fmt.Errorf("fetch %s/%d: Kafka no longer has the next record to store: it has expired, was deleted, or the log was truncated. "+
			"tocsin check compares the group's mark with Kafka's first and last offset, and names the way on: %w", f.Topic, f.Partition, f.Err))
	}
	return stop(fmt.Errorf("fetch %s/%d: %w", f.Topic, f.Partition, f.Err))
}
