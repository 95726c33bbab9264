package pipeline

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"tocsin/rules"
	"tocsin/rules/event"
)

// admit opens batches for the polled partitions and fills them in parallel.
func (s *session) admit(ctx context.Context, fetches kgo.Fetches, held *[]*partition) (n int, candidate bool, err error) {
	type polled struct {
		tp      topicPartition
		records []*kgo.Record
	}
	var all []polled
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		tp := topicPartition{f.Topic, f.Partition}
		p := s.partitions[tp]
		if len(f.Records) == 0 || p == nil {
			return // its records are fetched again when it begins
		}
		if p.open != nil && p.open.refused != "" {
			return // they come after a batch that is a batch of its own
		}
		p.end = f.LastStableOffset
		if p.tail != nil && p.open == nil && f.Records[0].Offset > p.next {
			s.forgo(p)
		}
		p.refused = 0
		records := p.unsettled(f.Records)
		if len(records) == 0 {
			s.client.SetOffsets(p.rewind(p.wanted()))
			return
		}
		all = append(all, polled{tp, records})
		n += len(records)
		if at := waitingSince(records[0], time.Now()); p.oldest.IsZero() || at.Before(p.oldest) {
			p.oldest = at // the first record is the oldest
		}
		s.metrics.unsettledSince(p.oldest)
	})
	began := time.Now()
	ctx, span := s.judging(ctx, n)
	defer span.End()
	byPartition := make(map[*partition][][]*kgo.Record)
	for _, f := range all {
		p := s.partitions[f.tp]
		if p.open == nil {
			if err := s.open(ctx, p, f.records[0].Offset); err != nil {
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
				hit = p.fill(records, &s.room) || hit
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

// parallel is how many partitions are judged at once.
var parallel = runtime.GOMAXPROCS(0)

// slab is the storage of a partition's batches. It is reused from cycle to cycle,
// and its content does not outlive the cycle that filled it.
type slab struct {
	judge    *Judge
	limits   event.Limits   // of judge
	events   []*event.Event // lent by spare
	used     int
	rows     []Row
	verdicts []rules.Verdict
	framed   []byte // buffer of judgement and link
}

// reset empties the slab. Storage for more than keep rows is freed.
func (s *slab) reset(keep int) {
	s.events, s.used = s.events[:0], 0
	clear(s.rows) // frees the fetched bytes
	clear(s.verdicts)
	s.rows, s.verdicts = s.rows[:0], s.verdicts[:0]
	if cap(s.rows) > keep {
		s.rows, s.verdicts = nil, nil
	}
}

func (s *slab) event() *event.Event {
	s.used++
	return s.events[s.used-1]
}

// findingSize is the approximate size in bytes of a finding with its explanation
// and its alert (measured: TestMemoryIsAsThePageSays).
const findingSize = 8 << 10

// fill turns records of one partition into rows of its open batch, in offset
// order, until the cycle has no room left. It reports whether a row is a
// candidate. Calls for different partitions run at once and share only room.
func (p *partition) fill(records []*kgo.Record, room *atomic.Int64) (candidate bool) {
	b := p.open
	if p.slab.judge == nil || p.slab.limits != b.limits {
		p.slab.judge, p.slab.limits = NewJudge(b.limits), b.limits
	}
	for _, rec := range records {
		if p.pending != nil && rec.Offset > p.pending.Last {
			// A replay is exactly the promised range: later records are fetched
			// again for another batch. Its last record may be gone by now
			// (compaction), but its range, and so its token, stay the same.
			b.complete, b.Last = true, p.pending.Last
			if b.overrun < 0 { // a later poll must not move it forward
				b.overrun = rec.Offset
			}
			break
		}
		if p.pending == nil && (b.overrun >= 0 || room.Load() <= 0) {
			// The record is fetched again for a later cycle. Partitions are filled
			// in any order, so each of them finds room in time.
			if b.overrun < 0 {
				b.overrun = rec.Offset
			}
			break
		}
		row := Row{Offset: rec.Offset, Timestamp: Timestamp(rec), Key: rec.Key, Raw: rec.Value, Tombstone: rec.Value == nil,
			RawHash: sha256.Sum256(rec.Value)}
		size := int(unsafe.Sizeof(row)) + len(rec.Key) + len(rec.Value)
		for _, h := range rec.Headers {
			row.Headers = append(row.Headers, Header{h.Key, h.Value})
			size += int(unsafe.Sizeof(h)) + len(h.Key) + len(h.Value)
		}
		if !row.Tombstone {
			e := p.slab.event()
			p.slab.verdicts = p.slab.judge.Complete(&row, e, b.rules, p.slab.verdicts)
			size += e.Size()
		}
		for i := range row.Verdicts {
			if row.Verdicts[i].Candidate() {
				candidate = true
				size += findingSize
			}
		}
		room.Add(-int64(size))
		p.add(row, rec.LeaderEpoch)
		if p.pending != nil && rec.Offset == p.pending.Last {
			b.complete = true
		}
	}
	return candidate
}

// add appends a row to the open batch, and links it to the chain.
func (p *partition) add(row Row, epoch int32) {
	b := p.open
	if len(p.slab.rows) == 0 {
		b.First, b.At = row.Offset, row.Timestamp
	}
	row.Judged, p.slab.framed = b.judgement(&row, p.slab.framed)
	b.head, p.slab.framed = link(b.head, &row, p.slab.framed)
	row.Chain = b.head
	b.Last, b.epoch = row.Offset, epoch
	p.slab.rows = append(p.slab.rows, row)
	b.Rows = p.slab.rows
}
