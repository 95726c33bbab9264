package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// gather polls and judges until the cycle has MaxRecords or MaxBytes, until Linger
// has passed since its first record, until a record is a candidate, or until ctx
// is cancelled. Without any record it returns after Linger, so that an idle
// worker commits its completions.
//
// It then polls only for the replays that it has begun, until each is complete or
// StepTimeout has passed without a record of one. The bound keeps the other
// partitions from waiting for a leader that is away. It returns the partitions with
// an open batch.
func (s *session) gather(ctx, work context.Context) (held []*partition, err error) {
	var (
		n        int
		done     bool
		deadline = time.Now().Add(s.Linger)
		paused   map[string][]int32
	)
	defer func() {
		if paused != nil {
			s.client.ResumeFetchPartitions(paused)
		}
		rows := int64(0)
		for _, p := range held {
			rows += int64(len(p.open.Rows))
		}
		if rows > 0 {
			s.each = (int64(s.MaxBytes) - s.room.Load()) / rows
		}
	}()
	s.room.Store(int64(s.MaxBytes))
	if s.lone != nil {
		deadline = deadline.Add(2 * fetchWait) // a fetch without the partition may be under way
	}
	for {
		poll, cancel := context.WithDeadline(ctx, deadline)
		fetches := s.client.PollRecords(poll, s.wants(n))
		cancel()
		if len(fetches) == 0 {
			// The records were withdrawn. A poll that returns nothing does not
			// block rebalancing; at the deadline a poll returns an error.
			continue
		}
		// begin precedes the errors, because a client that still reads a
		// deleted log reports its offset as out of range.
		if err := s.begin(work); err != nil {
			return held, err
		}
		for _, f := range fetches.Errors() {
			if err := s.fetchError(f); err != nil {
				return held, err
			}
		}
		if err := s.sameLogs(fetches); err != nil {
			return held, err
		}
		s.unhold()
		refused, err := s.refusals(work, fetches, &held, n)
		if err != nil {
			return held, err
		}
		more, candidate, err := s.admit(work, fetches, &held)
		if err != nil {
			return held, err
		}
		more += refused
		if n == 0 && more > 0 {
			deadline = time.Now().Add(s.Linger)
		}
		n += more
		s.metrics.gathered(more)
		late := !time.Now().Before(deadline)
		replaying := s.incomplete(held)
		switch {
		case ctx.Err() != nil, s.crowded && len(held) == 0:
			return held, nil
		case done && late && more == 0 && len(replaying) > 0:
			s.health.waiting(WaitKafka, "", fmt.Errorf("the promised records of %d partitions do not arrive", len(replaying)), s.log)
			return held, nil
		case !done && !candidate && n < s.MaxRecords && s.room.Load() > s.each && !late:
			continue
		case len(replaying) == 0:
			return held, nil
		}
		// From now on only replays are polled: other records would grow the
		// cycle beyond its bound.
		if !done || more > 0 {
			done, deadline = true, time.Now().Add(s.StepTimeout)
			paused = s.pauseOthers(replaying)
		}
	}
}

// wants returns how many records the next poll may return in a cycle that has n.
// The number assumes records as large as in the last cycle. No more are polled than
// fit, because a record without room is fetched again.
func (s *session) wants(n int) int {
	most := s.MaxRecords - n
	if s.each > 0 {
		most = min(most, int(s.room.Load()/s.each))
	}
	return max(most, 1)
}

// incomplete returns the partitions whose replay lacks records, except those that
// get none in this cycle.
func (s *session) incomplete(held []*partition) map[topicPartition]bool {
	left := make(map[topicPartition]bool)
	for _, p := range held {
		if !p.open.complete && !s.aside[p.topicPartition] {
			left[p.topicPartition] = true
		}
	}
	return left
}

// pauseOthers pauses every partition that is not replaying, and returns the paused
// ones. Those that hold or setAside has paused are left out, because they stay
// paused for longer.
func (s *session) pauseOthers(replaying map[topicPartition]bool) map[string][]int32 {
	others := make(map[string][]int32)
	for tp := range s.partitions {
		if !replaying[tp] && s.partitions[tp].lost.IsZero() && !s.aside[tp] {
			others[tp.topic] = append(others[tp.topic], tp.partition)
		}
	}
	s.client.PauseFetchPartitions(others)
	return others
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
