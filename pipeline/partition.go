package pipeline

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules/event"
)

// topicPartition names a Kafka partition.
type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.partition) }

// inHand is how many batches of a partition a worker holds at most: one that is being
// stored, and one that is open.
const inHand = 2

// partition is the state of a partition while a worker owns it without
// interruption. It is made in the first round after the assignment (see start.go)
// and forgotten when the partition is revoked or lost.
type partition struct {
	topicPartition
	id TopicID
	// next is the offset after the last settled record, or the first one of promised.
	next  int64
	head  Hash  // chain's value before next
	epoch int32 // leader epoch of the record before next, or of one after it; -1 unknown
	// promised are the promises of the group's mark that are not settled, in offset
	// order, at most two. The batches in hand stand for the first of them, in order. A
	// promise without a batch in hand is replayed before anything else.
	promised []intent
	// hand are the batches in hand, in offset order, at most inHand. The last one is
	// open until it is sealed.
	hand []*batch
	// settled reports that every record before next is stored and published and
	// that no commit has recorded it yet.
	settled bool

	// tail is the stored batch behind promised when the group had no mark;
	// otherwise nil.
	tail *Tail
	// began is the mark at which the partition began; nil without a mark, and once
	// the mark agrees with the rows.
	began *mark
	from  int64 // the offset of began
	// lost is when the rows of the first promise were found missing although the store
	// remembers their insert; zero when they were not.
	lost time.Time
	// refused is how often a batch of the partition has found no room to be unpacked
	// since one had; see aside.go.
	refused int

	jobs    int  // goroutines that work on its batches
	givenUp bool // its batches are dropped once those have ended
	paused  bool // it is not fetched, because it can take no records
	judge   *Judge
	limits  event.Limits // of judge

	// More for the status page; see Progress.
	end       int64 // -1 unknown
	oldest    time.Time
	digest    string
	settledAt time.Time // when a batch was last settled
}

// open returns the batch that takes the next records; nil when there is none.
func (p *partition) open() *batch {
	if n := len(p.hand); n > 0 && !p.hand[n-1].sealed {
		return p.hand[n-1]
	}
	return nil
}

// promise returns the promise that the next batch must keep; nil when there is none.
func (p *partition) promise() *intent {
	if n := len(p.hand); n < len(p.promised) {
		return &p.promised[n]
	}
	return nil
}

// due reports whether the next commit must cover the partition.
func (p *partition) due() bool {
	return slices.ContainsFunc(p.hand, func(b *batch) bool { return b.due })
}

// promiseOf returns the promise that a batch in hand must keep; nil when it is a new
// one.
func (p *partition) promiseOf(b *batch) *intent {
	if i := slices.Index(p.hand, b); b.replay && i < len(p.promised) {
		return &p.promised[i]
	}
	return nil
}

// commitment is what a commit records of the partition: every record before its offset
// is stored and published, and the batches in hand that are due, or that were declared
// before, are promised.
func (p *partition) commitment() commitment {
	c := commitment{p.topicPartition, p.next, p.epoch, mark{Topic: p.id, Head: p.head}}
	for _, b := range p.hand {
		switch {
		case b.replay:
			c.mark.Promises = append(c.mark.Promises, p.promised[len(c.mark.Promises)])
		case b.due, b.declared > 0:
			c.mark.Promises = append(c.mark.Promises, b.intent())
		}
	}
	if n := len(c.mark.Promises); n < len(p.promised) {
		c.mark.Promises = append(c.mark.Promises, p.promised[n:]...)
	}
	if len(c.mark.Promises) > 0 && c.mark.Promises[0].First > c.offset {
		// No record lies between. What lay there, an aborted transaction or what compaction
		// removed, may be of another leader epoch than the record before it.
		c.offset, c.epoch = c.mark.Promises[0].First, -1
		if len(p.hand) > 0 {
			c.epoch = p.hand[0].opened
		}
	}
	return c
}

// acknowledged notes that the group has accepted a commitment, which was sent at a
// time.
func (p *partition) acknowledged(c commitment, at time.Time, ttl time.Duration) {
	p.settled, p.next, p.epoch, p.promised = false, c.offset, c.epoch, c.mark.Promises
	for _, b := range p.hand[:min(len(p.hand), len(p.promised))] {
		if b.due {
			b.Declared, b.IntentTTL = at, ttl
		}
		if b.ready() {
			b.declared = len(b.Rows)
		}
		b.due = false
	}
}

// settle ends the first batch in hand, which is stored and published.
func (p *partition) settle() *batch {
	b := p.hand[0]
	p.hand, p.promised = slices.Delete(p.hand, 0, 1), p.promised[1:]
	p.head, p.next, p.epoch = b.head, b.Last+1, b.epoch
	p.tail, p.lost, p.settled = nil, time.Time{}, true
	p.oldest, p.settledAt = time.Time{}, time.Now()
	if len(p.hand) > 0 {
		p.oldest = p.hand[0].oldest
	}
	return b
}

// waits notes the Kafka timestamp of a record in hand.
func (p *partition) waits(b *batch, since time.Time) {
	if b.oldest.IsZero() || since.Before(b.oldest) {
		b.oldest = since
	}
	if p.oldest.IsZero() || since.Before(p.oldest) {
		p.oldest = since
	}
}

// progress is how far the worker is in the partition.
func (p *partition) progress() Progress {
	at := Progress{Topic: p.topic, TopicID: p.id, Partition: p.partition, Next: p.next, End: p.end, Promised: -1, Oldest: p.oldest, Digest: p.digest, Settled: p.settledAt}
	if n := len(p.promised); n > 0 {
		at.Promised = p.promised[n-1].Last
	}
	return at
}

// wanted is the offset of the next record to take: every record before it is
// settled or in hand.
func (p *partition) wanted() int64 {
	if n := len(p.hand); n > 0 && len(p.hand[n-1].Rows) > 0 {
		return p.hand[n-1].Last + 1
	}
	if i := p.promise(); i != nil {
		return i.First
	}
	return p.next
}

// unsettled returns the records from the wanted offset on. They are in offset
// order.
func (p *partition) unsettled(records []*kgo.Record) []*kgo.Record {
	for len(records) > 0 && records[0].Offset < p.wanted() {
		records = records[1:]
	}
	return records
}

func (p *partition) rewind(offset int64) map[string]map[int32]kgo.EpochOffset {
	return map[string]map[int32]kgo.EpochOffset{p.topic: {p.partition: {Epoch: -1, Offset: offset}}}
}

// alone is the argument of the client's calls for one partition.
func (tp topicPartition) alone() map[string][]int32 {
	return map[string][]int32{tp.topic: {tp.partition}}
}

// retriable reports whether the same request may succeed later.
func retriable(err error) bool { return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) }

func short(digest string) string { return digest[:min(len(digest), 12)] }
