package pipeline

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/trace"

	"tocsin/rules"
	"tocsin/rules/event"
)

// batch is a batch in hand. Its fields belong to the loop. The goroutines that store
// and publish it read the rows that are declared, which no longer change.
type batch struct {
	Batch
	rules   *rules.Engine
	limits  event.Limits // under which its records are read
	replay  bool         // it was promised before; its range is exactly the promised one
	head    Hash         // chain's value after the last row
	opened  int32        // leader epoch of the first record
	epoch   int32        // leader epoch of the last record, or of the one behind its range
	refused unpackable   // of the intent
	begins  bool         // with refused: its first row is that of the batch's first offset
	slab    *slab
	span    trace.Span // nil where it is not traced
	size    int64      // bytes of the budget that it takes
	since   time.Time  // when its first record came
	grown   time.Time  // when its last record came
	oldest  time.Time  // Kafka timestamp of its oldest record

	complete bool // true unless it is a replay that lacks records
	cut      bool // records of the last poll were not taken: they are fetched again
	hit      bool // a row that is not declared holds a candidate
	due      bool // the next commit promises it, or promises more of it
	sealed   bool // its range is final; it is stored once a commit has promised that
	declared int  // rows that the group's mark promises

	checked    bool // its alerts and its rows need no look at the stored rows first, or have had it
	checking   bool
	stored     bool
	storing    bool
	published  int // rows whose alerts are delivered
	publishing bool
}

// open opens a batch: a replay under the rules of its promise, otherwise a new one
// under the rules of the round. first is the offset of the first record at hand.
func (s *session) open(ctx context.Context, p *partition, first int64) (*batch, error) {
	engine, limits, number, promise, span := s.rules, s.Limits, 0, p.promise(), s.tracked(ctx)
	if promise != nil {
		limits.MaxBytes, number = promise.MaxBytes, promise.Number
		if first != promise.First {
			return nil, stop(fmt.Errorf("%s: a batch from offset %d to %d was promised and may be stored, but Kafka's first record is now at %d: "+
				"records that were not yet settled have expired or were deleted. First compare with the rows stored for that range", p.topicPartition, promise.First, promise.Last, first))
		}
		if promise.Digest != engine.Digest() {
			ctx, loading := s.tracing(ctx, "rules", &batch{span: span})
			err := s.persist(ctx, loading, p.topicPartition, "rules", func(ctx context.Context) (err error) {
				engine, err = s.library.ByDigest(ctx, promise.Digest)
				return err
			})
			if endSpan(loading, err); err != nil {
				return nil, err
			}
		}
	}
	p.digest = engine.Digest()
	head := p.head
	if n := len(p.hand); n > 0 {
		head = p.hand[n-1].head
	}
	b := &batch{
		Batch: Batch{Cluster: s.Cluster, Topic: p.topic, TopicID: p.id, Partition: p.partition, Digest: engine.Digest(), Calendar: engine.CalendarVersion(), MaxBytes: limits.MaxBytes, Number: number},
		rules: engine, limits: limits, replay: promise != nil, head: head, complete: promise == nil,
		slab: s.spare.slab(), span: span, since: time.Now(), grown: time.Now(),
	}
	if len(p.hand) == 0 {
		s.held = append(s.held, p)
	}
	p.hand = append(p.hand, b)
	return b, nil
}

// ready reports whether the batch can be declared and delivered. An incomplete
// replay cannot: it must be exactly the promised range.
func (b *batch) ready() bool { return len(b.Rows) > 0 && b.complete }

// done reports whether the batch can be settled.
func (b *batch) done() bool { return b.stored && b.published == len(b.Rows) }

// full reports whether the batch is as large as one may be. It may exceed its bytes by
// the records of a poll.
func (b *batch) full(c *Config) bool {
	return !b.replay && (len(b.Rows) >= c.MaxRecords || b.size >= int64(c.MaxBytes)/2)
}

// intent is the promise to store exactly this batch, as far as it goes now.
func (b *batch) intent() intent {
	return intent{First: b.First, Last: b.Last, Digest: b.Digest, MaxBytes: b.limits.MaxBytes, Number: b.Number, Refused: b.refused}
}
