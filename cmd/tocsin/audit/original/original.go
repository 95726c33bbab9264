// Package original reads the records that Kafka still holds. The audit compares rows
// with them, and a repair restores rows from them.
package original

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
)

// Broker reads committed records. It is no member of a group and commits nothing.
type Broker struct {
	options []kgo.Opt
	client  *kgo.Client
	logs    map[string]map[int32]Log // by topic and partition
	// unpacked is the most that a batch may take in memory, in bytes. A larger one is
	// an error.
	unpacked int
}

// Log is what Kafka holds of a partition.
type Log struct {
	TopicID    string
	First, End int64 // the first offset, and the one after the last committed record
	Compacted  bool  // records are removed by key
}

// Open reads the ids and offsets of the configured topics.
func Open(ctx context.Context, k *config.Kafka) (*Broker, error) {
	b := &Broker{options: k.Client(), logs: make(map[string]map[int32]Log), unpacked: 256 << 20}
	var err error
	if b.client, err = kgo.NewClient(b.options...); err != nil {
		return nil, err
	}
	if err := b.read(ctx, k.Topics); err != nil {
		b.client.Close()
		return nil, fmt.Errorf("the offsets of the topics cannot be read from Kafka: %w. Grant DESCRIBE on them", err)
	}
	return b, nil
}

func (b *Broker) read(ctx context.Context, topics []string) error {
	adm := kadm.NewClient(b.client)
	described, err := adm.ListTopics(ctx, topics...)
	if err != nil {
		return err
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	ends, err := adm.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return err
	}
	for _, t := range described {
		if t.Err != nil {
			continue // a topic that is gone holds nothing
		}
		compacted := compacted(ctx, adm, t.Topic)
		b.logs[t.Topic] = make(map[int32]Log)
		for _, p := range t.Partitions {
			start, ok := starts.Lookup(t.Topic, p.Partition)
			end, also := ends.Lookup(t.Topic, p.Partition)
			switch {
			case !ok || !also:
				return fmt.Errorf("%s/%d has no offsets", t.Topic, p.Partition)
			case start.Err != nil:
				return start.Err
			case end.Err != nil:
				return end.Err
			}
			b.logs[t.Topic][p.Partition] = Log{pipeline.TopicID(t.ID).String(), start.Offset, end.Offset, compacted}
		}
	}
	return nil
}

// compacted reports whether a topic is compacted, as far as its settings may be read.
func compacted(ctx context.Context, adm *kadm.Client, topic string) bool {
	settings, err := adm.DescribeTopicConfigs(ctx, topic)
	if err != nil || len(settings) == 0 {
		return false
	}
	return slices.ContainsFunc(settings[0].Configs, func(c kadm.Config) bool {
		return c.Key == "cleanup.policy" && strings.Contains(c.MaybeValue(), "compact")
	})
}

// Close ends the connections.
func (b *Broker) Close() { b.client.Close() }

// Log returns what Kafka held of a partition when the broker was opened, and false
// when it holds no topic of that name and id.
func (b *Broker) Log(topic, id string, partition int32) (Log, bool) {
	l, ok := b.logs[topic][partition]
	return l, ok && l.TopicID == id
}

// Records yields the committed records of a partition from offset first to last, as
// far as Kafka holds them. It yields none for markers of transactions and for records
// of aborted ones. An error ends the sequence.
func (b *Broker) Records(ctx context.Context, topic string, partition int32, first, last int64) iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		held := b.logs[topic][partition]
		first, end := max(first, held.First), min(last+1, held.End)
		if first >= end {
			return
		}
		client, err := kgo.NewClient(append(b.options[:len(b.options):len(b.options)],
			kgo.FetchIsolationLevel(kgo.ReadCommitted()),
			kgo.KeepControlRecords(), // the last offset may be a marker's
			kgo.ConsumeResetOffset(kgo.NoResetOffset()),
			kgo.FetchMaxPartitionBytes(1<<20),
			kgo.MaxDecompressBatchBytes(b.unpacked),
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(first)}}))...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer client.Close()
		for {
			fetches := client.PollFetches(ctx)
			for _, rec := range fetches.Records() {
				if rec.Offset < end && !rec.Attrs.IsControl() && !yield(rec, nil) {
					return
				}
				if first = rec.Offset + 1; first >= end {
					return
				}
			}
			err := fetches.Err()
			if errors.Is(err, kerr.TopicAuthorizationFailed) {
				err = fmt.Errorf("%w. Grant READ on the topic", err)
			}
			if err != nil {
				yield(nil, fmt.Errorf("%s/%d cannot be read from Kafka at offset %d: %w", topic, partition, first, err))
				return
			}
		}
	}
}
