package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// Where a newly assigned partition begins:
//
//	the group has a mark    at the committed offset; an intent in the mark is
//	                        replayed first
//	no mark, rows stored    with the last stored batch, as if it were promised
//	                        and not settled: the group's offsets were deleted or
//	                        have expired, or the group was renamed
//	a mark of an earlier    at the first record: the topic was deleted and
//	topic of the name       created again, and is a new log beside the old one
//	no mark, no rows        at the first record if the topic is known, by marks on
//	                        other partitions or by rows of an earlier topic of the
//	                        name; otherwise at first_start
//
// The last batch is replayed because its alerts may be missing: its worker may
// have ended after the store. Alerts of earlier batches are published, because a
// batch is declared only after the one before it is settled.

// sighting is the last stored batch of a partition as the last look found it.
type sighting struct {
	tail  Tail
	since time.Time // when it was first seen unchanged
}

// begin begins the partitions that were assigned since the last poll. It runs
// inside a turn, so no other member can commit for them. A partition that may
// not begin yet stays unread; and is tried again.
func (s *session) begin(ctx context.Context) error {
	if len(s.unread) == 0 || time.Now().Before(s.beginAt) {
		return nil
	}
	s.beginAt = time.Now().Add(idlePoll) // for those that stay unread
	defer func() { s.reportNow(time.Now()) }()
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	ids, err := s.topicIDs(ctx)
	if err != nil {
		return err
	}
	s.ids = ids
	committed, err := kadm.NewClient(s.client).FetchOffsets(ctx, s.Group)
	if err != nil {
		return fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	extents, err := s.extents(ctx)
	if err != nil {
		return err
	}
	known := knownTopics(committed)
	var unmarked []topicPartition
	var again []madeAgain
	for tp := range s.unread {
		o, ok := committed.Lookup(tp.topic, tp.partition)
		switch {
		case ok && o.Err != nil:
			return fmt.Errorf("read the offset of %s in group %s: %w", tp, s.Group, o.Err)
		case !ok || o.At < 0:
			unmarked = append(unmarked, tp)
			continue
		}
		p, old, err := s.marked(tp, o, extents[tp])
		if err != nil {
			return stop(err)
		}
		if old != nil {
			again = append(again, *old)
			continue
		}
		s.know(p)
		for _, i := range p.promised {
			s.log.Info("replaying", "partition", tp.String(), "first", i.First, "last", i.Last, "rules", short(i.Digest))
		}
	}
	if len(again) > 0 {
		if err := s.earlier(ctx, again); err != nil {
			return err
		}
		s.beginAgain(again, extents)
		return errMadeAgain
	}
	return s.beginUnmarked(ctx, unmarked, known, extents)
}

// knownTopics are the topics with a mark on some partition.
func knownTopics(committed kadm.OffsetResponses) map[string]bool {
	known := make(map[string]bool)
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Err == nil && o.At >= 0 {
			known[o.Topic] = true
		}
	})
	return known
}

// marked returns a partition that begins at its mark, or the mark that an earlier
// topic of the name left. An error stops the worker.
func (s *session) marked(tp topicPartition, o kadm.OffsetResponse, kept extent) (*partition, *madeAgain, error) {
	m, err := parseMark(o.Metadata, o.At)
	if err != nil {
		return nil, nil, fmt.Errorf("%s in group %s: %w", tp, s.Group, err)
	}
	id := s.ids[tp.topic]
	if m.Topic != id {
		if m.Topic == (TopicID{}) || id == (TopicID{}) {
			return nil, nil, fmt.Errorf("%s in group %s: the committed offset is of topic id %q and the brokers report %q: they can no longer be told apart. "+
				"Configure a new group and another kafka.cluster", tp, s.Group, m.Topic, id)
		}
		return nil, &madeAgain{tp, m, o.At}, nil
	}
	if err := kept.check(o.At); err != nil {
		return nil, nil, fmt.Errorf("%s: the mark of group %s is at offset %d, %w", tp, s.Group, o.At, err)
	}
	return &partition{topicPartition: tp, id: id, epoch: -1, end: -1, head: m.Head, promised: m.Promises, next: o.At, began: &m, from: o.At}, nil, nil
}

// know begins a partition. It may have been held back while the client did not find its
// mark.
func (s *session) know(p *partition) {
	s.client.ResumeFetchPartitions(p.alone())
	s.partitions[p.topicPartition] = p
	delete(s.unread, p.topicPartition)
}

// beginUnmarked begins partitions without a committed offset.
func (s *session) beginUnmarked(ctx context.Context, unmarked []topicPartition, known map[string]bool, extents map[topicPartition]extent) error {
	if len(unmarked) == 0 {
		return nil
	}
	tails, err := s.tails(ctx, unmarked)
	if err != nil {
		return err
	}
	waits := false
	for _, tp := range unmarked {
		found, ok := tails[tp]
		if !ok {
			continue // it stays unread
		}
		log, tail, stored := s.logOf(tp), found.tail, found.stored
		p := &partition{topicPartition: tp, id: log.ID, head: Seed(log.ID, tp.partition), epoch: -1, end: -1, settled: true}
		switch {
		case stored && !s.still(tp, tail):
			waits = true
			s.client.PauseFetchPartitions(tp.alone())
			continue
		case stored:
			if err := s.continues(tp, tail, extents[tp]); err != nil {
				return stop(err)
			}
			p.next, p.head, p.settled = tail.First, tail.Before, false
			p.promised, p.tail = []intent{{First: tail.First, Last: tail.Last, Digest: tail.Digest, MaxBytes: tail.MaxBytes, Refused: unpackable(tail.Refused)}}, &tail
			s.log.Warn("no committed offset: beginning with the last batch stored", "partition", tp.String(), "group", s.Group, "first", tail.First, "last", tail.Last)
			if extents[tp].first > tail.First {
				s.forgo(p)
			}
		case tail.Earlier:
			s.restart(log, TopicID{}, extents[tp].first)
			p.next = extents[tp].first
		case known[tp.topic] && extents[tp].first < extents[tp].end:
			s.log.Info("a new partition of a known topic begins at its first record", "partition", tp.String(), "first", extents[tp].first)
			p.next = extents[tp].first
		case s.FirstStart == StartEarliest, extents[tp].first == extents[tp].end: // nothing to choose between
			p.next = extents[tp].first
		case s.FirstStart == StartLatest:
			p.next = extents[tp].end
		default:
			return stop(s.unchosen(tp))
		}
		// The client is at the oldest record, or beyond records that a poll has
		// returned.
		s.client.SetOffsets(p.rewind(p.next))
		s.know(p)
	}
	if waits {
		s.health.waiting(waitTail, "", fmt.Errorf("group %s has no committed offsets, but rows are stored: if another group stores into the same table, stop it or give it another kafka.cluster", s.Group), s.log)
	} else {
		s.health.proceeding(waitTail, s.log)
	}
	return nil
}

// continues returns why a partition without a committed offset cannot begin after
// its last row, or nil.
func (s *session) continues(tp topicPartition, tail Tail, kept extent) error {
	if err := kept.check(tail.Last + 1); err != nil {
		return fmt.Errorf("%s: group %s has no committed offset, the last row stored is of offset %d, %w", tp, s.Group, tail.Last, err)
	}
	return nil
}

// unchosen is the error of a partition for which first_start must be chosen.
func (s *session) unchosen(tp topicPartition) error {
	return fmt.Errorf("%s: group %s has no committed offset, and no row of it is stored. If this is the first start of the group, "+
		"choose first_start: earliest or latest; otherwise kafka.group or kafka.cluster is wrong", tp, s.Group)
}

// found is the store's answer about the last batch of a partition.
type found struct {
	tail   Tail
	stored bool
}

// tails looks for the last rows of the partitions, several at a time, and returns the
// answers that came in time; a later try asks about the others. Where a topic has no row,
// as at a first start, one answer is that for all its partitions.
//
// Where there are more partitions than a step has time for, the last looks fail: a
// connection's deadline may pass before ctx ends. That is no error, because an error ends
// the session, and the partitions that begin now would begin again. It is an error that no
// answer came at all.
func (s *session) tails(ctx context.Context, unmarked []topicPartition) (map[topicPartition]found, error) {
	var mu sync.Mutex
	all := make(map[topicPartition]found)
	none := make(map[string]bool)              // topics without a row
	group, begins := errgroup.WithContext(ctx) // no look begins after one that failed
	group.SetLimit(deliveries)
	for _, tp := range unmarked {
		log := s.logOf(tp)
		group.Go(func() error {
			if begins.Err() != nil {
				return nil
			}
			mu.Lock()
			tail, stored, err := Tail{None: none[tp.topic]}, false, error(nil)
			mu.Unlock()
			if !tail.None {
				tail, stored, err = s.store.Tail(ctx, log, 0)
			}
			switch {
			case err == nil, errors.Is(err, ErrForgets):
				mu.Lock()
				defer mu.Unlock()
				all[tp] = found{tail, stored}
				none[tp.topic] = tail.None || none[tp.topic]
				return nil
			case ctx.Err() != nil:
				return nil
			}
			return fmt.Errorf("find the last row of %s: %w", tp, err)
		})
	}
	err := group.Wait()
	if len(all) > 0 {
		return all, nil
	}
	if err == nil {
		err = fmt.Errorf("find the last rows of %d partitions: %w", len(unmarked), ctx.Err())
	}
	return nil, err
}

// still reports whether tail has been the end of the rows for so long that no
// insert can be under way. An earlier worker of a group whose offsets are gone
// stores nothing after its last intent has expired, and the group accepts no
// further intent of it.
func (w *Worker) still(tp topicPartition, tail Tail) bool {
	seen, ok := w.sightings[tp]
	if !ok || seen.tail != tail {
		w.sightings[tp] = sighting{tail, time.Now()}
		return false
	}
	return time.Since(seen.since) > w.IntentTTL+w.StepTimeout
}

// explicit gives the client the first offset of each partition without a committed
// one. SetOffsets ignores a partition until the client has an offset of it, which
// otherwise is after its first record: at a batch that it cannot unpack, never.
func explicit(ctx context.Context, client *kgo.Client, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	var topics []string
	for topic, partitions := range offsets {
		for _, o := range partitions {
			if o.EpochOffset().Offset < 0 {
				topics = append(topics, topic)
				break
			}
		}
	}
	if len(topics) == 0 {
		return offsets, nil
	}
	first, err := kadm.NewClient(client).ListStartOffsets(ctx, topics...)
	if err == nil {
		err = first.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list the first offsets of the topics: %w", err)
	}
	for _, topic := range topics {
		for partition, o := range offsets[topic] {
			if l, ok := first.Lookup(topic, partition); ok && o.EpochOffset().Offset < 0 {
				offsets[topic][partition] = kgo.NewOffset().At(l.Offset)
			}
		}
	}
	return offsets, nil
}

// extent is the range of offsets that Kafka keeps of a partition. end is the offset
// after the last.
type extent struct{ first, end int64 }

// check returns why a partition cannot begin at an offset, or nil.
func (e extent) check(offset int64) error {
	switch {
	case offset < e.first:
		return fmt.Errorf("and Kafka's first record is now at %d: those between have expired and were never stored. They cannot be restored: "+
			"account for the loss, then choose another kafka.cluster and kafka.group and first_start: earliest, which stores what the topic still has", e.first)
	case offset > e.end:
		return fmt.Errorf("and Kafka ends at %d: the log was truncated, or this is another cluster. If the brokers have lost records, "+
			"choose another kafka.cluster and kafka.group and first_start: earliest; otherwise correct kafka.brokers", e.end)
	}
	return nil
}

// extents asks Kafka for the extents of the topics' partitions.
func (s *session) extents(ctx context.Context) (map[topicPartition]extent, error) {
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
	extents := make(map[topicPartition]extent)
	first.Each(func(o kadm.ListedOffset) {
		to, _ := end.Lookup(o.Topic, o.Partition)
		extents[topicPartition{o.Topic, o.Partition}] = extent{o.Offset, to.Offset}
	})
	return extents, nil
}

// forgo gives up the replay of a stored batch whose first record is gone from
// Kafka.
func (s *session) forgo(p *partition) {
	s.log.Warn("the last batch stored cannot be replayed, its records are gone: tocsin reconcile publishes its missing alerts",
		"partition", p.String(), "first", p.tail.First, "last", p.tail.Last)
	p.next, p.head, p.settled = p.tail.Last+1, p.tail.Chain, true
	p.promised, p.tail = nil, nil
}
