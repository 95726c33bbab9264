package pipeline

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules"
)

// topicPartition names a Kafka partition.
type topicPartition struct {
	topic     string
	partition int32
}

func (tp topicPartition) String() string { return fmt.Sprintf("%s/%d", tp.topic, tp.partition) }

// partition is what a worker knows of a partition for as long as it owns it
// without interruption. It is made in the first cycle that has a record of it
// and forgotten when it is revoked or lost.
type partition struct {
	topicPartition
	// head is the chain's value before the next record.
	head Hash
	// pending is the intent that must be replayed before anything else; nil
	// when there is none. While it is set the next record is its first.
	pending *intent
	// settled says that everything before next is stored and published, and
	// that the group does not know it yet: the next commit tells.
	settled bool
	next    int64 // offset after the last settled record, or first of pending
	epoch   int32 // leader epoch of the record before next; -1 unknown

	open *openBatch
	slab slab
}

// openBatch is a batch that a cycle is filling.
type openBatch struct {
	Batch
	rules    *rules.Engine
	head     Hash // chain's value after the last row
	before   Hash // chain's value before the first row
	epoch    int32
	urgent   bool  // it has a candidate
	complete bool  // a replay that has reached its last record
	overrun  int64 // first record beyond a replay's end that was fetched; -1 none
}

// readMarks asks the group for what it knows of the partitions and makes them
// known. It runs inside a cycle, so that no other member can commit for them.
func (s *session) readMarks(ctx context.Context, fresh []topicPartition) error {
	request := make(map[string][]int32)
	for _, tp := range fresh {
		request[tp.topic] = append(request[tp.topic], tp.partition)
	}
	offsets, err := kadm.NewClient(s.client).FetchOffsets(ctx, s.Group)
	if err != nil {
		return fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	for _, tp := range fresh {
		p := &partition{topicPartition: tp, epoch: -1}
		committed, ok := offsets.Lookup(tp.topic, tp.partition)
		switch {
		case ok && committed.Err != nil:
			return fmt.Errorf("read the offset of %s in group %s: %w", tp, s.Group, committed.Err)
		case ok && committed.At >= 0:
			m, err := parseMark(committed.Metadata, committed.At)
			if err != nil {
				return stop(fmt.Errorf("%s in group %s: %w", tp, s.Group, err))
			}
			p.head, p.pending, p.next = m.Head, m.Intent, committed.At
		default:
			// Nothing was ever committed: the first start of this partition,
			// whose place first_start chose. The chain begins at zero.
			p.next = -1
		}
		s.partitions[tp] = p
		if p.pending != nil {
			s.log.Info("replaying", "partition", tp.String(), "first", p.next, "last", p.pending.Last, "rules", short(p.pending.Digest))
		}
	}
	return nil
}

// commitment is what the group is told before the batch is stored: begin here,
// and a batch of exactly these records under exactly these rules may exist.
func (b *openBatch) commitment(p *partition) commitment {
	return commitment{p.topicPartition, b.First, p.epoch, mark{b.before, &intent{b.Last, b.Digest}}}
}

// completion is what the group is told when everything before next is done.
func (p *partition) completion() commitment {
	return commitment{p.topicPartition, p.next, p.epoch, mark{Head: p.head}}
}

// settle records that the open batch is stored and published.
func (p *partition) settle() {
	p.head, p.next, p.epoch = p.open.head, p.open.Last+1, p.open.epoch
	p.pending, p.settled = nil, true
}

func (p *partition) rewind(offset int64) map[string]map[int32]kgo.EpochOffset {
	return map[string]map[int32]kgo.EpochOffset{p.topic: {p.partition: {Epoch: -1, Offset: offset}}}
}

// retriable reports whether Kafka says that the same request may succeed later.
func retriable(err error) bool { return kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) }

func short(digest string) string { return digest[:min(len(digest), 12)] }
