package pipeline

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// ready reports whether the batch can be declared and delivered. An unfinished
// replay cannot: it must be exactly the range that was promised.
func (b *openBatch) ready() bool { return len(b.Rows) > 0 && b.complete }

// gather polls and judges until the cycle has MaxRecords or MaxBytes, Linger has
// passed since its first record, a record is a candidate, or ctx is cancelled; and
// on, until every replay that it has begun is whole, or StepTimeout has passed
// without a record of one: the other partitions do not wait for a leader that
// is away. It returns the partitions that have an open batch. Without any
// record it returns after Linger, so that an idle worker still tells the group
// what it has settled.
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
	for {
		poll, cancel := context.WithDeadline(ctx, deadline)
		fetches := s.client.PollRecords(poll, s.wants(n))
		cancel()
		if len(fetches) == 0 {
			// What was ready is gone, and the client holds off no rebalance for
			// a poll that returns nothing. The next one says that time is up.
			continue
		}
		for _, f := range fetches.Errors() {
			if err := s.fetchError(f); err != nil {
				return held, err
			}
		}
		if err := s.begin(work); err != nil {
			return held, err
		}
		more, candidate, err := s.judge(work, fetches, &held)
		if err != nil {
			return held, err
		}
		if n == 0 && more > 0 {
			deadline = time.Now().Add(s.Linger)
		}
		n += more
		s.metrics.gathered(more)
		late := !time.Now().Before(deadline)
		replaying := incomplete(held)
		switch {
		case ctx.Err() != nil:
			return held, nil
		case done && late && more == 0 && len(replaying) > 0:
			s.waiting(waitKafka, "", fmt.Errorf("the promised records of %d partitions do not come", len(replaying)))
			return held, nil
		case !done && !candidate && n < s.MaxRecords && s.room.Load() > s.each && !late:
			continue
		case len(replaying) == 0:
			return held, nil
		}
		// Only the replays are of interest now: the rest would grow the cycle
		// beyond its bound.
		if !done || more > 0 {
			done, deadline = true, time.Now().Add(s.StepTimeout)
			paused = s.pauseOthers(replaying)
		}
	}
}

// wants returns how many records the next poll may return in a cycle of n. What
// is polled and finds no room is fetched again, so it is no more than will find
// some if records are as large as the last ones.
func (s *session) wants(n int) int {
	most := s.MaxRecords - n
	if s.each > 0 {
		most = min(most, int(s.room.Load()/s.each))
	}
	return max(most, 1)
}

func incomplete(held []*partition) map[topicPartition]bool {
	left := make(map[topicPartition]bool)
	for _, p := range held {
		if !p.open.complete {
			left[p.topicPartition] = true
		}
	}
	return left
}

func (s *session) pauseOthers(replaying map[topicPartition]bool) map[string][]int32 {
	others := make(map[string][]int32)
	for tp := range s.partitions {
		if !replaying[tp] {
			others[tp.topic] = append(others[tp.topic], tp.partition)
		}
	}
	s.client.PauseFetchPartitions(others)
	return others
}

// judge opens batches for the partitions that were polled and judges their
// records, partition by partition in parallel.
func (s *session) judge(ctx context.Context, fetches kgo.Fetches, held *[]*partition) (n int, candidate bool, err error) {
	type polled struct {
		tp      topicPartition
		records []*kgo.Record
	}
	var all []polled
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		tp := topicPartition{f.Topic, f.Partition}
		p := s.partitions[tp]
		if len(f.Records) == 0 || p == nil {
			return // what has not begun is fetched again when it does
		}
		p.end = f.LastStableOffset
		if p.tail != nil && p.open == nil && f.Records[0].Offset > p.next {
			s.forgo(p)
		}
		records := p.unsettled(f.Records)
		if len(records) == 0 {
			s.client.SetOffsets(p.rewind(p.wanted())) // which the client refuses before a poll has returned something
			return
		}
		all = append(all, polled{tp, records})
		n += len(records)
		if at := timestamp(records[0]); p.oldest.IsZero() || at.Before(p.oldest) {
			p.oldest = at // a partition's first record is its oldest
		}
		s.metrics.holds(p.oldest)
	})
	began := time.Now()
	ctx, span := s.judging(ctx, n)
	defer span.End()
	byPartition := make(map[*partition][][]*kgo.Record)
	for _, f := range all {
		p := s.partitions[f.tp]
		if p.open == nil {
			if err := s.open(ctx, p, f.records[0]); err != nil {
				return 0, false, err
			}
			*held = append(*held, p)
		}
		byPartition[p] = append(byPartition[p], f.records)
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	found := make(chan bool, len(byPartition))
	for p, runs := range byPartition {
		for _, records := range runs {
			p.slab.events = s.spare.lend(p.slab.events, len(records))
		}
		group.Go(func() error {
			hit := false
			for _, records := range runs {
				hit = p.judge(records, &s.Config, &s.room) || hit
			}
			found <- hit
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, false, err
	}
	close(found)
	for hit := range found {
		candidate = candidate || hit
	}
	if n > 0 {
		s.metrics.step("judge", time.Since(began))
	}
	return n, candidate, nil
}

// open begins a batch: a replay under the rules that its intent names, else a
// new one under the rules of the cycle.
func (s *session) open(ctx context.Context, p *partition, first *kgo.Record) error {
	engine, limits := s.rules, s.Limits
	if p.pending != nil {
		limits.MaxBytes = p.pending.MaxBytes
		if first.Offset != p.next {
			return stop(fmt.Errorf("%s: a batch from offset %d to %d was promised and may be stored, but Kafka's first record is now at %d: "+
				"records that were not yet settled have expired or were deleted. Compare with the rows stored for that range before anything else", p.topicPartition, p.next, p.pending.Last, first.Offset))
		}
		if p.pending.Digest != engine.Digest() {
			err := s.persist(ctx, p, "rules", func(ctx context.Context) (err error) {
				engine, err = s.library.ByDigest(ctx, p.pending.Digest)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	p.digest = engine.Digest()
	p.open = &openBatch{
		Batch: Batch{Cluster: s.Cluster, Topic: p.topic, Partition: p.partition, Digest: engine.Digest(), Calendar: engine.CalendarVersion()},
		rules: engine, limits: limits, replay: p.pending != nil, head: p.head, before: p.head, complete: p.pending == nil, overrun: -1,
	}
	return nil
}
