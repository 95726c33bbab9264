package faults

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// partition names a Kafka partition.
type partition struct {
	topic  string
	number int32
}

func (p partition) String() string { return fmt.Sprintf("%s/%d", p.topic, p.number) }

// record is a record as the topic holds it in the end.
type record struct {
	offset int64
	hash   [sha256.Size]byte // of the value
	chain  [sha256.Size]byte // of the partition, up to and with the record
	truth  truth
}

// readTopics reads every committed record of the topics, in offset order, from
// the broker itself. This is what was produced; a producer may not know.
func readTopics(ctx context.Context, broker string) (map[partition][]record, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), directly(broker), kgo.ConsumeTopics(contractTopic, outageTopic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords()) // the last offset of a partition may be a marker's
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	defer client.Close()
	ends, err := stableEnds(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("read the topics: %w", err)
	}
	topics, heads := make(map[partition][]record), make(map[partition][sha256.Size]byte)
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read the topics: %w", err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			p := partition{r.Topic, r.Partition}
			if !r.Attrs.IsControl() {
				hash := sha256.Sum256(r.Value)
				heads[p] = link(heads[p], r, hash)
				topics[p] = append(topics[p], record{r.Offset, hash, heads[p], understand(r.Value)})
			}
			if r.Offset >= ends[p]-1 {
				delete(ends, p)
			}
		})
	}
	return topics, nil
}

// stableEnds waits until no transaction is open and returns the end of every
// partition that has records.
func stableEnds(ctx context.Context, client *kgo.Client) (map[partition]int64, error) {
	adm := kadm.NewClient(client)
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		stable, err := adm.ListCommittedOffsets(ctx, contractTopic, outageTopic)
		if err == nil {
			err = stable.Error()
		}
		if err != nil {
			return nil, err
		}
		ends, err := adm.ListEndOffsets(ctx, contractTopic, outageTopic)
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
				found[partition{o.Topic, o.Partition}] = o.Offset
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
