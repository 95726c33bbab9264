package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"golang.org/x/sync/errgroup"
)

// A mark and the rows must agree. The rows end before the mark, with the chain that
// the mark carries, and Kafka holds no record between them; or the rows also hold
// exactly the promised batch. The promise is that of the mark, or what this worker
// has declared since: another member may have replayed that. If no row is stored, the
// mark carries the seed of the log. A mark that disagrees was not made by a worker, or
// rows were altered or removed. A worker that continued would hide records or store
// them twice.
//
// A worker compares before its first insert into a partition, not when the
// partition begins, so it can begin while the store is away. An idle worker compares
// its idle partitions.

// compare returns an error that stops the worker when the stored rows contradict
// began, the mark at which the partition began, at the offset from. Another member may
// have taken the partition over while this one stood still: its rows go on beyond the
// mark. So a contradiction counts only if the group's mark is still the one this worker
// knows, and otherwise compare returns ErrLate.
func (s *session) compare(ctx context.Context, known commitment, began *mark, from int64, replays bool) error {
	err := s.agree(ctx, known, began, from, replays)
	var stopped *stopError
	if errors.As(err, &stopped) {
		stands, unread := s.stands(ctx, known)
		switch {
		case unread != nil:
			return Wait(WaitKafka, unread)
		case !stands:
			return ErrLate
		}
	}
	return err
}

// agree compares the mark with the rows. Until then the worker has stored nothing, so
// known, the mark that it committed last, differs from began in its promises at most.
func (s *session) agree(ctx context.Context, known commitment, began *mark, from int64, replays bool) error {
	tp, log := known.topicPartition, Log{s.Cluster, known.topic, known.mark.Topic, known.partition}
	tail, stored, err := s.store.Tail(ctx, log, from)
	if errors.Is(err, ErrForgets) {
		return nil
	}
	if err != nil {
		return err
	}
	switch {
	case !stored && began.Head == Seed(log.ID, log.Partition):
	case stored && tail.Last+1 == from && tail.Chain == began.Head:
	case stored && tail.Last+1 < from && tail.Chain == began.Head:
		// The chain alone does not show whether a record stands between: a mark that
		// was set forward has the chain of the last row too. Kafka shows it.
		_, hidden, err := s.recordIn(ctx, tp, tail.Last+1, from)
		if err != nil {
			return Wait(WaitKafka, err)
		}
		if hidden {
			return s.contradiction(tp, from, tail, stored)
		}
	case stored && known.mark.promises(tail) && tail.Before == began.Head:
		if !replays {
			// Somebody has stored the batch that this worker has just cut. It is
			// declared again, and then looked for: the store may have forgotten it.
			return ErrLate
		}
	default:
		return s.contradiction(tp, from, tail, stored)
	}
	return nil
}

// promises reports whether the first promise of the mark is the stored batch.
func (m *mark) promises(stored Tail) bool {
	return len(m.Promises) > 0 && m.Promises[0].First == stored.First && m.Promises[0].Last == stored.Last
}

// stands reports whether the group's mark is the one that this worker committed last,
// or at which the partition began. Once another member has committed, it is not.
func (s *session) stands(ctx context.Context, known commitment) (bool, error) {
	committed, err := kadm.NewClient(s.client).FetchOffsets(ctx, s.Group)
	if err != nil {
		return false, fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	o, ok := committed.Lookup(known.topic, known.partition)
	if ok && o.Err != nil {
		return false, fmt.Errorf("read the offset of %s in group %s: %w", known, s.Group, o.Err)
	}
	return ok && o.At == known.offset && o.Metadata == known.mark.metadata(), nil
}

// retryCompare is how long an idle worker pauses after the store did not answer a
// comparison.
const retryCompare = 10 * time.Second

// compareIdle compares some of the partitions without records to store, at most
// deliveries of them a call.
func (s *session) compareIdle(ctx context.Context) error {
	if time.Now().Before(s.compareAt) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(deliveries)
	n := 0
	for _, p := range s.partitions {
		if p.began == nil {
			continue
		}
		if n++; n > deliveries {
			break
		}
		group.Go(func() error {
			err := s.compare(ctx, p.commitment(), p.began, p.from, true)
			if err == nil {
				p.began = nil
			}
			return err
		})
	}
	err := group.Wait()
	var stopped *stopError
	if err != nil && !errors.As(err, &stopped) {
		s.log.Debug("compare marks with rows", "error", err)
		s.compareAt = time.Now().Add(retryCompare)
		return nil
	}
	return err
}

// contradiction returns the error that stops the worker. It names the defect of the
// mark, the records concerned, the command that shows them, and the remedy.
func (s *session) contradiction(p topicPartition, from int64, tail Tail, stored bool) error {
	const way = "Stop every worker of the group and find out who committed the offset or changed the rows: tocsin audit --topic %s. " +
		"Then delete the offsets of the group (kafka-consumer-groups --delete-offsets --group %s --topic %s): workers begin with the last stored batch"
	remedy := fmt.Sprintf(way, p.topic, s.Group, p.topic)
	show := func(first, last int64) string {
		return fmt.Sprintf("kafka-console-consumer --topic %s --partition %d --offset %d --max-messages %d", p.topic, p.partition, first, last+1-first)
	}
	switch {
	case !stored:
		return stop(fmt.Errorf("%s: the group's mark is at offset %d and goes on from earlier rows, and no row of the partition is stored. "+
			"The database is another one, or its rows were removed. %s", p, from, remedy))
	case tail.Last+1 < from:
		return stop(fmt.Errorf("%s: the group's mark is at offset %d and the rows end at %d: it would hide the records %d to %d, which no worker stored. Kafka shows them: %s. %s",
			p, from, tail.Last, tail.Last+1, from-1, show(tail.Last+1, from-1), remedy))
	case tail.Last >= from:
		return stop(fmt.Errorf("%s: the group's mark is at offset %d and the rows go on to %d: it would store the records %d to %d again. %s",
			p, from, tail.Last, from, tail.Last, remedy))
	}
	return stop(fmt.Errorf("%s: the group's mark at offset %d has another chain than the row before it: the mark was forged, or a row was altered. %s", p, from, remedy))
}

// altered returns the error that stops the worker when the records in Kafka differ
// from the stored ones. The message asks to keep both as evidence.
func (p *partition) altered(b *batch, stored Hash) error {
	return stop(fmt.Errorf("%s: the records %d to %d are stored with the chain %x, and Kafka now has records of those offsets with the chain %x: "+
		"the rows or the records were altered. Nothing is published; keep both, and see tocsin audit --topic %s", p, b.First, b.Last, stored, b.head, p.topic))
}
