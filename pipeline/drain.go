package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// offsets is an offset for each partition.
type offsets map[topicPartition]int64

// endOffsets returns the end of every partition of the topics.
func (w *Worker) endOffsets(ctx context.Context) (offsets, error) {
	client, err := kgo.NewClient(w.Kafka...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListCommittedOffsets(ctx, w.Topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, err
	}
	ends := make(offsets)
	listed.Each(func(o kadm.ListedOffset) { ends[topicPartition{o.Topic, o.Partition}] = o.Offset })
	for _, topic := range w.Topics {
		if len(listed[topic]) == 0 {
			return nil, fmt.Errorf("there is no topic %s", topic)
		}
	}
	return ends, nil
}

// reached reports whether the group has settled every record before until. It asks
// the group, because other workers may own some partitions.
func (s *session) reached(ctx context.Context, until offsets) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	adm := kadm.NewClient(s.client)
	committed, err := adm.FetchOffsets(ctx, s.Group)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || retriable(err) {
			return false, nil // asked again after the next turn
		}
		return false, fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	starts, err := adm.ListStartOffsets(ctx, s.Topics...)
	if err != nil {
		return false, nil
	}
	for tp, end := range until {
		if start, ok := starts.Lookup(tp.topic, tp.partition); end == 0 || (ok && start.Offset >= end) {
			continue // there is nothing to store
		}
		o, ok := committed.Lookup(tp.topic, tp.partition)
		if !ok || o.At < 0 {
			return false, nil
		}
		if m, err := parseMark(o.Metadata, o.At); err != nil || (len(m.Promises) > 0 && o.At < end) {
			return false, nil
		}
		if o.At < end {
			// No commit covers markers and aborted records until a record follows.
			if _, found, err := s.recordIn(ctx, tp, o.At, end); found || err != nil {
				return false, nil // asked again after the next turn
			}
		}
	}
	return true, nil
}
