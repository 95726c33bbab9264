package pipeline

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"tocsin/rules/event"
)

// admit opens batches for the polled partitions and fills them in parallel. It returns
// how many records it took.
func (s *session) admit(ctx context.Context, fetches kgo.Fetches) (n int, err error) {
	began := time.Now()
	runs := make(map[*partition][][]*kgo.Record)
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		p := s.partitions[topicPartition{f.Topic, f.Partition}]
		if len(f.Records) == 0 || p == nil {
			return // its records are fetched again when it begins
		}
		p.end = f.LastStableOffset
		if p.tail != nil && len(p.hand) == 0 && f.Records[0].Offset > p.next {
			s.forgo(p)
		}
		p.refused = 0
		records := p.unsettled(f.Records)
		if len(records) == 0 || !p.takes() { // behind a batch that could not be unpacked, none is taken
			s.client.SetOffsets(p.rewind(p.wanted()))
			return
		}
		runs[p] = append(runs[p], records)
		n += len(records)
	})
	ctx, span := s.judging(ctx, n)
	defer span.End()
	room := s.room.Load()
	var group errgroup.Group
	group.SetLimit(parallel)
	for p, runs := range runs {
		b := p.open()
		if b == nil {
			if b, err = s.open(ctx, p, runs[0][0].Offset); err != nil {
				return 0, errors.Join(group.Wait(), err)
			}
		}
		p.waits(b, waitingSince(runs[0][0], began)) // the first record is the oldest
		for _, records := range runs {
			b.slab.events = s.spare.lend(b.slab.events, len(records))
		}
		group.Go(func() error {
			for _, records := range runs {
				if b.cut = !p.fill(b, records, &s.Config, &s.room); b.cut {
					break
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	s.taken += room - s.room.Load()
	for p := range runs {
		s.filled(p, time.Now())
	}
	if n > 0 {
		s.metrics.step("judge", time.Since(began))
	}
	return n, nil
}

// takes reports whether the next records of the partition may be taken now. They wait
// for the look at a replay, because their chain goes on from what is stored.
func (p *partition) takes() bool {
	for _, b := range p.hand {
		if b.refused != "" || b.replay && b.complete && !b.checked {
			return false
		}
	}
	return !p.givenUp && (p.open() != nil || len(p.hand) < inHand)
}

// filled sends the client back to the first record that was not taken, and forgets a
// batch that found no room.
func (s *session) filled(p *partition, now time.Time) {
	b := p.open()
	b.grown = now
	if len(b.Rows) == 0 {
		p.hand = p.hand[:len(p.hand)-1]
		s.release(b)
		if len(p.hand) == 0 {
			s.forget(p)
		}
	}
	if b.cut {
		s.client.SetOffsets(p.rewind(p.wanted()))
	}
}

// parallel is how many partitions are judged at once.
var parallel = runtime.GOMAXPROCS(0)

// findingSize is the approximate size in bytes of a finding with its explanation
// and its alert (measured: TestIntegrationMemoryIsAsThePageSays).
const findingSize = 8 << 10

// fill turns records of one partition into rows of its open batch, in offset
// order, until the batch is full or no room is left. It reports whether it took all of
// them. Calls for different partitions run at once and share only room.
func (p *partition) fill(b *batch, records []*kgo.Record, c *Config, room *atomic.Int64) bool {
	judge := p.judgeFor(b.limits)
	promise := p.promiseOf(b)
	for _, rec := range records {
		switch {
		case promise != nil && rec.Offset > promise.Last:
			// A replay is exactly the promised range. Its last record may be gone by
			// now (compaction), but its range, and so its token, stay the same.
			b.complete, b.Last, b.epoch = true, promise.Last, rec.LeaderEpoch
			return false
		case promise == nil && (room.Load() <= 0 || len(b.Rows) >= c.MaxRecords):
			return false
		}
		row := Row{Offset: rec.Offset, Timestamp: Timestamp(rec), Key: rec.Key, Raw: rec.Value, Tombstone: rec.Value == nil,
			RawHash: sha256.Sum256(rec.Value)}
		size := int(unsafe.Sizeof(row)) + len(rec.Key) + len(rec.Value)
		for _, h := range rec.Headers {
			row.Headers = append(row.Headers, Header{h.Key, h.Value})
			size += int(unsafe.Sizeof(h)) + len(h.Key) + len(h.Value)
		}
		if !row.Tombstone {
			e := b.slab.event()
			b.slab.verdicts = judge.Complete(&row, e, b.rules, b.slab.verdicts)
			size += e.Size()
		}
		for i := range row.Verdicts {
			if row.Verdicts[i].Candidate() {
				b.hit = true
				size += findingSize
			}
		}
		room.Add(-int64(size))
		b.size += int64(size)
		b.add(row, rec.LeaderEpoch)
		if promise != nil && rec.Offset == promise.Last {
			b.complete = true
		}
	}
	return true
}

// judgeFor returns the partition's judge for limits.
func (p *partition) judgeFor(limits event.Limits) *Judge {
	if p.judge == nil || p.limits != limits {
		p.judge, p.limits = NewJudge(limits), limits
	}
	return p.judge
}

// add appends a row to the batch, and links it to the chain.
func (b *batch) add(row Row, epoch int32) {
	s := b.slab
	if len(b.Rows) == 0 {
		b.First, b.At, b.opened = row.Offset, row.Timestamp, epoch
	}
	row.Judged, s.framed = b.judgement(&row, s.framed)
	b.head, s.framed = link(b.head, &row, s.framed)
	row.Chain = b.head
	b.Last, b.epoch = row.Offset, epoch
	s.rows = append(s.rows, row)
	b.Rows = s.rows
}
