package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// anchor is what the consumer group committed of a partition: a witness of the
// chain that does not lie in ClickHouse. Without it nobody could tell that the
// last batches were taken away, or that the whole chain was computed anew.
type anchor struct {
	offset  int64         // everything before it is stored and published
	head    pipeline.Hash // the chain before it
	checked bool
}

// anchorTimeout bounds how long Kafka is asked.
const anchorTimeout = 15 * time.Second

// anchors reads the marks of the group's commits.
func (c *config) anchors(ctx context.Context) (map[clickhouse.Part]*anchor, error) {
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	client, err := kgo.NewClient(c.Kafka.client()...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	committed, err := kadm.NewClient(client).FetchOffsets(ctx, c.Kafka.Group)
	if err != nil {
		return nil, fmt.Errorf("the offsets of group %s cannot be read: %w", c.Kafka.Group, err)
	}
	found := make(map[clickhouse.Part]*anchor)
	committed.Each(func(o kadm.OffsetResponse) {
		var mark struct {
			Version int    `json:"tocsin"`
			Head    string `json:"head"`
		}
		if o.Err != nil || o.At < 0 || json.Unmarshal([]byte(o.Metadata), &mark) != nil || mark.Version != 1 {
			return
		}
		head, err := hex.DecodeString(mark.Head)
		if err != nil || len(head) != len(pipeline.Hash{}) {
			return
		}
		found[clickhouse.Part{Cluster: c.Kafka.Cluster, Topic: o.Topic, Partition: o.Partition}] = &anchor{offset: o.At, head: pipeline.Hash(head)}
	})
	return found, nil
}
