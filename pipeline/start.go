package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Where a partition begins that was just assigned:
//
//	the group has a mark    at the committed offset; a mark with an intent is
//	                        replayed first
//	no mark, rows stored    with the last batch, as if it had been promised and
//	                        not done: the group's offsets were deleted, have
//	                        expired, or the group was renamed
//	no mark, no rows        as first_start says
//
// The last batch, because its alerts may be missing: its worker may have ended
// after the store. Those of earlier batches are not, because a batch is declared
// after the one before it is settled.

// sighting is the end of a partition's rows as it was last seen.
type sighting struct {
	tail  Tail
	since time.Time // when it was first seen like this
}

// waitTail is what is waited for before a partition without a mark begins with
// its last batch.
const waitTail = "the rows of partitions without a committed offset to stand still"

// begin makes the partitions known that were assigned since the last poll. It
// runs inside a cycle, so that no other member can commit for them. Those that
// may not begin yet stay unread, and are looked at again in the next cycle.
func (s *session) begin(ctx context.Context) error {
	if len(s.unread) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	committed, err := kadm.NewClient(s.client).FetchOffsets(ctx, s.Group)
	if err != nil {
		return fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	var unmarked []topicPartition
	for tp := range s.unread {
		o, ok := committed.Lookup(tp.topic, tp.partition)
		switch {
		case ok && o.Err != nil:
			return fmt.Errorf("read the offset of %s in group %s: %w", tp, s.Group, o.Err)
		case !ok || o.At < 0:
			unmarked = append(unmarked, tp)
			continue
		}
		m, err := parseMark(o.Metadata, o.At)
		if err != nil {
			return stop(fmt.Errorf("%s in group %s: %w", tp, s.Group, err))
		}
		s.know(&partition{topicPartition: tp, epoch: -1, end: -1, head: m.Head, pending: m.Intent, next: o.At})
		if m.Intent != nil {
			s.log.Info("replaying", "partition", tp.String(), "first", o.At, "last", m.Intent.Last, "rules", short(m.Intent.Digest))
		}
	}
	return s.beginUnmarked(ctx, unmarked)
}

func (s *session) know(p *partition) {
	s.partitions[p.topicPartition] = p
	delete(s.unread, p.topicPartition)
}

// beginUnmarked begins partitions of which the group knows nothing.
func (s *session) beginUnmarked(ctx context.Context, unmarked []topicPartition) error {
	if len(unmarked) == 0 {
		return nil
	}
	kept, err := s.kept(ctx)
	if err != nil {
		return err
	}
	waits := false
	for _, tp := range unmarked {
		tail, stored, err := s.store.Tail(ctx, s.Cluster, tp.topic, tp.partition)
		if err != nil {
			return fmt.Errorf("find the last row of %s: %w", tp, err)
		}
		p := &partition{topicPartition: tp, epoch: -1, end: -1, settled: true}
		switch {
		case stored && !s.still(tp, tail):
			waits = true
			s.client.PauseFetchPartitions(map[string][]int32{tp.topic: {tp.partition}})
			continue
		case stored:
			if err := kept[tp].holds(tail.Last + 1); err != nil {
				return stop(fmt.Errorf("%s: group %s has no committed offset, the last row stored is of offset %d, %w", tp, s.Group, tail.Last, err))
			}
			// The limit of its records' size is not stored; it is this worker's.
			p.next, p.head, p.settled = tail.First, tail.Before, false
			p.pending, p.tail = &intent{Last: tail.Last, Digest: tail.Digest, MaxBytes: s.Limits.MaxBytes}, &tail
			s.log.Warn("no committed offset: beginning with the last batch stored", "partition", tp.String(), "group", s.Group, "first", tail.First, "last", tail.Last)
			if kept[tp].first > tail.First {
				s.forgo(p)
			}
		case s.FirstStart == StartEarliest, kept[tp].first == kept[tp].end: // nothing to choose between
			p.next = kept[tp].first
		case s.FirstStart == StartLatest:
			p.next = kept[tp].end
		default:
			return stop(fmt.Errorf("%s: group %s has no committed offset, and no row of it is stored. If this is the first start of the group, "+
				"choose first_start: earliest or latest; if it is not, its name is wrong, or kafka.cluster is", tp, s.Group))
		}
		// Where the client stands depends on whether a poll has returned
		// something of the partition: past it, so it is set back, or at the
		// oldest record, and then what comes first is left alone (see judge).
		s.client.SetOffsets(p.rewind(p.next))
		s.client.ResumeFetchPartitions(map[string][]int32{tp.topic: {tp.partition}})
		s.know(p)
	}
	if waits {
		s.waiting(waitTail, "", errors.New("group "+s.Group+" has no committed offsets, but rows are stored: if another group stores into the same table, stop it or give it another kafka.cluster"))
	} else {
		s.proceeding(waitTail)
	}
	return nil
}

// still reports whether no row has been added after tail for so long that
// nobody can be about to add one: a worker of the group whose offsets are gone
// stores nothing once its last intent is too old, and the group that has
// forgotten it accepts no other of it.
func (w *Worker) still(tp topicPartition, tail Tail) bool {
	seen, ok := w.sightings[tp]
	if !ok || seen.tail != tail {
		w.sightings[tp] = sighting{tail, time.Now()}
		return false
	}
	return time.Since(seen.since) > w.IntentTTL+w.StepTimeout
}

// extent is what Kafka keeps of a partition: offsets first to end, without end.
type extent struct{ first, end int64 }

// holds says why a partition cannot begin at an offset.
func (e extent) holds(offset int64) error {
	switch {
	case offset < e.first:
		return fmt.Errorf("and Kafka's first record is now at %d: those between have expired and were never stored. Nothing can be mended here: "+
			"keep what the topic still has, and store it under another kafka.cluster once the loss is accounted for", e.first)
	case offset > e.end:
		return fmt.Errorf("and Kafka ends at %d: the topic was deleted and made again, or is another cluster's. Give the new one another kafka.cluster", e.end)
	}
	return nil
}

// kept asks what Kafka keeps of the topics' partitions.
func (s *session) kept(ctx context.Context) (map[topicPartition]extent, error) {
	adm := kadm.NewClient(s.client)
	first, err := adm.ListStartOffsets(ctx, s.Topics...)
	if err == nil {
		err = first.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the first offsets of the topics: %w", err)
	}
	end, err := adm.ListEndOffsets(ctx, s.Topics...)
	if err == nil {
		err = end.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the end offsets of the topics: %w", err)
	}
	kept := make(map[topicPartition]extent)
	first.Each(func(o kadm.ListedOffset) {
		to, _ := end.Lookup(o.Topic, o.Partition)
		kept[topicPartition{o.Topic, o.Partition}] = extent{o.Offset, to.Offset}
	})
	return kept, nil
}

// forgo gives up the replay of a batch that is known to be stored, because its
// first record is gone from Kafka.
func (s *session) forgo(p *partition) {
	s.log.Warn("the last batch stored cannot be replayed, its records are gone: tocsin reconcile publishes what alerts of it are missing",
		"partition", p.String(), "first", p.tail.First, "last", p.tail.Last)
	p.next, p.head, p.settled = p.tail.Last+1, p.tail.Chain, true
	p.pending, p.tail = nil, nil
}

// wanted is the offset before which every record is settled or in the open
// batch.
func (p *partition) wanted() int64 {
	if p.open != nil && len(p.open.Rows) > 0 {
		return p.open.Last + 1
	}
	return p.next
}

// unsettled returns those of the records, in offset order, that are wanted.
func (p *partition) unsettled(records []*kgo.Record) []*kgo.Record {
	for len(records) > 0 && records[0].Offset < p.wanted() {
		records = records[1:]
	}
	return records
}

func (p *partition) rewind(offset int64) map[string]map[int32]kgo.EpochOffset {
	return map[string]map[int32]kgo.EpochOffset{p.topic: {p.partition: {Epoch: -1, Offset: offset}}}
}
