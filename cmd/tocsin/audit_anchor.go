package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	foreign bool          // the commit carries no mark of Tocsin; head says nothing
	checked bool
}

// anchorTimeout bounds how long Kafka is asked.
const anchorTimeout = 15 * time.Second

// markVersion is the version of the commits' marks that the audit reads. It is
// written a second time here, as is the chain's rule, so that the audit does
// not check the loop by the loop.
const markVersion = 1

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
		return nil, fmt.Errorf("the offsets of group %s cannot be read: %w. Grant DESCRIBE on the group and its topics, or give --unanchored", c.Kafka.Group, err)
	}
	found := make(map[clickhouse.Part]*anchor)
	var errs []error
	committed.Each(func(o kadm.OffsetResponse) {
		switch a, err := parseAnchor(o.At, o.Metadata); {
		case o.Err != nil:
			errs = append(errs, fmt.Errorf("the offset of %s/%d in group %s cannot be read: %w", o.Topic, o.Partition, c.Kafka.Group, o.Err))
		case o.At < 0: // the group never committed it
		case err != nil:
			errs = append(errs, fmt.Errorf("%s/%d in group %s: %w", o.Topic, o.Partition, c.Kafka.Group, err))
		default:
			found[clickhouse.Part{Cluster: c.Kafka.Cluster, Topic: o.Topic, Partition: o.Partition}] = a
		}
	})
	return found, errors.Join(errs...)
}

// parseAnchor reads a commit.
func parseAnchor(offset int64, metadata string) (*anchor, error) {
	a := &anchor{offset: offset, foreign: true}
	var mark struct {
		Version int    `json:"tocsin"`
		Head    string `json:"head"`
	}
	if json.Unmarshal([]byte(metadata), &mark) != nil || mark.Version == 0 {
		return a, nil
	}
	if mark.Version != markVersion {
		return nil, fmt.Errorf("the committed offset carries a mark of version %d and this program knows version %d: upgrade it", mark.Version, markVersion)
	}
	if head, err := hex.DecodeString(mark.Head); err == nil && len(head) == len(a.head) {
		a.head, a.foreign = pipeline.Hash(head), false
	}
	return a, nil
}
