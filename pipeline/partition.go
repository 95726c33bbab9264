package pipeline

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules"
	"tocsin/rules/event"
)

// topicPartition names a Kafka partition.
type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.partition) }

// partition is what a worker knows of a partition for as long as it owns it
// without interruption. It is made in the first cycle after its assignment (see
// start.go) and forgotten when it is revoked or lost.
type partition struct {
	topicPartition
	// head is the chain's value before the next record.
	head Hash
	// pending is the intent that must be replayed before anything else; nil
	// when there is none. While it is set the next record is its first.
	pending *intent
	// tail is the stored batch that pending stands for where the group had no
	// mark; else nil.
	tail *Tail
	// settled says that everything before next is stored and published, and
	// that the group does not know it yet: the next commit tells.
	settled bool
	next    int64 // offset after the last settled record, or first of pending
	epoch   int32 // leader epoch of the record before next; -1 unknown

	// What the status page says besides; see Place.
	end       int64 // -1 unknown
	oldest    time.Time
	digest    string
	settledAt time.Time // when a batch was last settled

	open *openBatch
	slab slab
}

// openBatch is a batch that a cycle is filling.
type openBatch struct {
	Batch
	rules    *rules.Engine
	limits   event.Limits // under which its records are read
	replay   bool         // an earlier cycle, here or elsewhere, has declared it
	head     Hash         // chain's value after the last row
	before   Hash         // chain's value before the first row
	epoch    int32
	urgent   bool  // it has a candidate
	complete bool  // a replay that has reached its last record
	done     bool  // stored and published
	overrun  int64 // first record fetched beyond the end of a replay, or for which there was no room; -1 none
}

// commitment is what the group is told before the batch is stored: begin here,
// and a batch of exactly these records under exactly these rules may exist.
func (b *openBatch) commitment(p *partition) commitment {
	return commitment{p.topicPartition, b.First, p.epoch, mark{b.before, &intent{b.Last, b.Digest, b.limits.MaxBytes}}}
}

// completion is what the group is told when everything before next is done.
func (p *partition) completion() commitment {
	return commitment{p.topicPartition, p.next, p.epoch, mark{Head: p.head}}
}

// settle records that the open batch is stored and published.
func (p *partition) settle() {
	p.head, p.next, p.epoch = p.open.head, p.open.Last+1, p.open.epoch
	p.pending, p.tail, p.settled, p.open.done = nil, nil, true, true
	p.oldest, p.settledAt = time.Time{}, time.Now()
}

// place is where the worker is in the partition.
func (p *partition) place() Place {
	at := Place{Topic: p.topic, Partition: p.partition, Next: p.next, End: p.end, Promised: -1, Oldest: p.oldest, Digest: p.digest, Settled: p.settledAt}
	if p.pending != nil {
		at.Promised = p.pending.Last
	}
	return at
}

// retriable reports whether Kafka says that the same request may succeed later.
func retriable(err error) bool { return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) }

func short(digest string) string { return digest[:min(len(digest), 12)] }
