package faults

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// partition names a partition of a log. A topic that was deleted and created again
// is another log: its name is the same and its id is not.
type partition struct {
	topic  string
	id     string // in the form of Kafka's own tools
	number int32
}

func (p partition) String() string {
	if p.id == "" {
		return fmt.Sprintf("%s/%d", p.topic, p.number)
	}
	return fmt.Sprintf("%s/%s/%d", p.topic, p.id, p.number)
}

// record is a record as the topic holds it in the end.
type record struct {
	offset int64
	hash   [sha256.Size]byte // of the value; of the batch if no worker can unpack that
	framed []byte            // what it adds to the chain
	truth  truth
}

// logs are the records of some topics.
type logs struct {
	topics map[partition][]record          // in offset order
	seeds  map[partition][sha256.Size]byte // where the chain of each begins
	ids    map[string]string               // of the topics, by name
	widths map[string]int32                // partitions of the topics, by name
}

// readLogs reads every committed record of the topics, in offset order, from
// the broker itself. This is what was produced; a producer may not know.
func readLogs(ctx context.Context, broker string, topics ...string) (*logs, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), directly(broker), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // the last offset of a partition may be a marker's
		kgo.WithDecompressor(bounded{kgo.DefaultDecompressor()}))
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	defer client.Close()
	l, err := describeLogs(ctx, client, topics...)
	if err == nil {
		err = l.read(ctx, client, topics...)
	}
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	return l, nil
}

// read reads the records.
func (l *logs) read(ctx context.Context, client *kgo.Client, topics ...string) error {
	ends, err := stableEnds(ctx, client, topics...)
	if err != nil {
		return err
	}
	at := make(map[partition]int64) // of the next record, without the id as ends
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if !r.Attrs.IsControl() {
				p, hash := partition{r.Topic, l.ids[r.Topic], r.Partition}, sha256.Sum256(r.Value)
				l.topics[p] = append(l.topics[p], record{r.Offset, hash, framed(r, hash), understand(r.Value)})
			}
			at[partition{topic: r.Topic, number: r.Partition}] = r.Offset + 1
		})
		for _, f := range fetches.Errors() {
			var packed unpackable
			if !errors.As(f.Err, &packed) {
				return f.Err
			}
			p := partition{topic: f.Topic, number: f.Partition}
			next, err := l.pass(ctx, client, partition{f.Topic, l.ids[f.Topic], f.Partition}, at[p], packed)
			if err != nil {
				return err
			}
			at[p] = next
			client.SetOffsets(map[string]map[int32]kgo.EpochOffset{p.topic: {p.number: {Epoch: -1, Offset: next}}})
		}
		maps.DeleteFunc(ends, func(p partition, end int64) bool { return at[p] >= end })
	}
	return nil
}

// describeLogs finds the ids and the partitions of the topics.
func describeLogs(ctx context.Context, client *kgo.Client, topics ...string) (*logs, error) {
	details, err := kadm.NewClient(client).ListTopics(ctx, topics...)
	if err == nil {
		err = details.Error()
	}
	if err != nil {
		return nil, err
	}
	l := &logs{topics: make(map[partition][]record), seeds: make(map[partition][sha256.Size]byte), ids: make(map[string]string), widths: make(map[string]int32)}
	for _, topic := range details {
		id := base64.RawURLEncoding.EncodeToString(topic.ID[:])
		l.ids[topic.Topic], l.widths[topic.Topic] = id, int32(len(topic.Partitions))
		for _, p := range topic.Partitions {
			l.seeds[partition{topic.Topic, id, p.Partition}] = seed(topic.ID, p.Partition)
		}
	}
	return l, nil
}

// topicID reads the form of Kafka's own tools.
func topicID(text string) (id [16]byte, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is no topic id", text)
	}
	return [16]byte(b), nil
}

// add adds the records of other logs.
func (l *logs) add(more *logs) {
	maps.Copy(l.topics, more.topics)
	maps.Copy(l.seeds, more.seeds)
}

// places are how many records the logs hold, but for those of the ids given.
func (l *logs) places(but map[string]bool) (n int64, ids []string) {
	for p, records := range l.topics {
		if !but[p.id] {
			n += int64(len(records))
			ids = append(ids, p.id)
		}
	}
	slices.Sort(ids)
	return n, slices.Compact(ids)
}

// stableEnds waits until no transaction is open and returns the end of every
// partition that has records, by partitions without an id.
func stableEnds(ctx context.Context, client *kgo.Client, topics ...string) (map[partition]int64, error) {
	adm := kadm.NewClient(client)
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		stable, err := adm.ListCommittedOffsets(ctx, topics...)
		if err == nil {
			err = stable.Error()
		}
		if err != nil {
			return nil, err
		}
		ends, err := adm.ListEndOffsets(ctx, topics...)
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return nil, err
		}
		open, found := false, make(map[partition]int64)
		ends.Each(func(o kadm.ListedOffset) {
			if s, ok := stable.Lookup(o.Topic, o.Partition); !ok || s.Offset < o.Offset {
				open = true
			}
			if o.Offset > 0 {
				found[partition{topic: o.Topic, number: o.Partition}] = o.Offset
			}
		})
		if !open {
			return found, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("a transaction stays open: %w", ctx.Err())
		case <-t.C:
		}
	}
}
