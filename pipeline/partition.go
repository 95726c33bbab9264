package pipeline

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// topicPartition names a Kafka partition.
type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.partition) }

// partition is the state of a partition while a worker owns it without
// interruption. It is made in the first cycle after the assignment (see start.go)
// and forgotten when the partition is revoked or lost.
type partition struct {
	topicPartition
	id TopicID
	// head is the chain's value before the next record.
	head Hash
	// pending is the intent that must be replayed first; nil when there is none.
	// While it is set, next is its first record.
	pending *intent
	// tail is the stored batch behind pending when the group had no mark;
	// otherwise nil.
	tail *Tail
	// began is the mark at which the partition began; nil without a mark, and once
	// the mark agrees with the rows.
	began *mark
	from  int64 // the offset of began
	// lost is when the rows of pending were found missing although the store
	// remembers their insert; zero when they were not.
	lost time.Time
	// refused is how often a batch of the partition has found no room to be unpacked
	// since one had; see aside.go.
	refused int
	// settled reports that every record before next is stored and published and
	// that no commit has recorded it yet.
	settled bool
	next    int64 // offset after the last settled record, or first of pending
	epoch   int32 // leader epoch of the record before next; -1 unknown

	// More for the status page; see Progress.
	end       int64 // -1 unknown
	oldest    time.Time
	digest    string
	settledAt time.Time // when a batch was last settled

	open *openBatch
	slab slab
}

// completion is committed when every record before next is stored and published.
func (p *partition) completion() commitment {
	return commitment{p.topicPartition, p.next, p.epoch, mark{Topic: p.id, Head: p.head}}
}

// settle records that the open batch is stored and published.
func (p *partition) settle() {
	p.head, p.next, p.epoch = p.open.head, p.open.Last+1, p.open.epoch
	p.pending, p.tail, p.lost, p.settled = nil, nil, time.Time{}, true
	p.oldest, p.settledAt = time.Time{}, time.Now()
}

// progress is how far the worker is in the partition.
func (p *partition) progress() Progress {
	at := Progress{Topic: p.topic, TopicID: p.id, Partition: p.partition, Next: p.next, End: p.end, Promised: -1, Oldest: p.oldest, Digest: p.digest, Settled: p.settledAt}
	if p.pending != nil {
		at.Promised = p.pending.Last
	}
	return at
}

// retriable reports whether the same request may succeed later.
func retriable(err error) bool { return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) }

func short(digest string) string { return digest[:min(len(digest), 12)] }
