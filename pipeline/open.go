package pipeline

import (
	"context"
	"fmt"

	"tocsin/rules"
	"tocsin/rules/event"
)

// openBatch is a batch that a cycle is filling.
type openBatch struct {
	Batch
	rules     *rules.Engine
	limits    event.Limits // under which its records are read
	replay    bool         // an earlier cycle, of this worker or another, declared it
	head      Hash         // chain's value after the last row
	before    Hash         // chain's value before the first row
	epoch     int32
	complete  bool       // true unless it is a replay that lacks records
	stored    bool       // its rows are in the store
	published bool       // its alerts are delivered
	overrun   int64      // first record fetched beyond the end of a replay or beyond the room; -1 none
	refused   unpackable // of the intent
	begins    bool       // with refused: its first row is that of the batch's first offset
}

// open opens a batch: a replay under the rules of its intent, otherwise a new one
// under the rules of the cycle. first is the offset of the first record at hand.
func (s *session) open(ctx context.Context, p *partition, first int64) error {
	engine, limits, number := s.rules, s.Limits, 0
	if p.pending != nil {
		limits.MaxBytes, number = p.pending.MaxBytes, p.pending.Number
		if first != p.next {
			return stop(fmt.Errorf("%s: a batch from offset %d to %d was promised and may be stored, but Kafka's first record is now at %d: "+
				"records that were not yet settled have expired or were deleted. First compare with the rows stored for that range", p.topicPartition, p.next, p.pending.Last, first))
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
		Batch: Batch{Cluster: s.Cluster, Topic: p.topic, TopicID: p.id, Partition: p.partition, Digest: engine.Digest(), Calendar: engine.CalendarVersion(), MaxBytes: limits.MaxBytes, Number: number},
		rules: engine, limits: limits, replay: p.pending != nil, head: p.head, before: p.head, complete: p.pending == nil, overrun: -1,
	}
	return nil
}

// done reports whether the batch is settled at the end of its delivery.
func (b *openBatch) done() bool { return b.stored && b.published }

// ready reports whether the batch can be declared and delivered. An incomplete
// replay cannot: it must be exactly the promised range.
func (b *openBatch) ready() bool { return len(b.Rows) > 0 && b.complete }

// commitment is committed before the batch is stored. It means: begin here, and
// exactly these records may be stored under exactly these rules.
func (b *openBatch) commitment(p *partition) commitment {
	return commitment{p.topicPartition, b.First, p.epoch, mark{p.id, b.before, b.intent()}}
}

// intent is the promise to store exactly this batch.
func (b *openBatch) intent() *intent {
	return &intent{Last: b.Last, Digest: b.Digest, MaxBytes: b.limits.MaxBytes, Number: b.Number, Refused: b.refused}
}
