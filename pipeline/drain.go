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

// reached reports whether the group has settled everything before until. The
// group is asked, not memory, because other workers may own the rest.
func (s *session) reached(ctx context.Context, until offsets) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	adm := kadm.NewClient(s.client)
	committed, err := adm.FetchOffsets(ctx, s.Group)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) || retriable(err) {
			return false, nil // asked again after the next cycle
		}
		return false, fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	starts, err := adm.ListStartOffsets(ctx, s.Topics...)
	if err != nil {
		return false, nil
	}
	for tp, end := range until {
		if start, ok := starts.Lookup(tp.topic, tp.partition); end == 0 || (ok && start.Offset >= end) {
			continue // nothing there to be stored
		}
		o, ok := committed.Lookup(tp.topic, tp.partition)
		if !ok || o.At < 0 {
			return false, nil
		}
		if m, err := parseMark(o.Metadata, o.At); err != nil || (m.Intent != nil && o.At < end) {
			return false, nil
		}
		if o.At < end && !s.markersOnly(ctx, tp, o.At, end) {
			return false, nil
		}
	}
	return true, nil
}

// markersOnly reports whether a partition's offsets from first to end, without
// end, hold nothing that is ever stored: markers of transactions, and records
// of those that were aborted. No commit passes over them before a record comes.
// That it cannot be told in time counts as no; it is asked again.
func (s *session) markersOnly(ctx context.Context, tp topicPartition, first, end int64) bool {
	client, err := kgo.NewClient(append(s.Kafka[:len(s.Kafka):len(s.Kafka)],
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{tp.topic: {tp.partition: kgo.NewOffset().At(first)}}))...)
	if err != nil {
		return false
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(ctx)
		if fetches.Err() != nil {
			return false
		}
		for _, rec := range fetches.Records() {
			if !rec.Attrs.IsControl() {
				return false
			}
			if rec.Offset >= end-1 {
				return true
			}
		}
	}
}
