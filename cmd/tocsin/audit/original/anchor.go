package original

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// Anchor is the group's commit of a partition: a witness of the chain outside
// ClickHouse. Without it the audit could not find removed last batches, or a chain
// that was recomputed as a whole. Every record before its offset is stored and
// published.
type Anchor struct {
	trail.Anchor
	Foreign bool // the commit carries no mark of Tocsin; Head has no meaning
}

// anchorTimeout bounds the reading of the commits from Kafka.
const anchorTimeout = 15 * time.Second

// markVersion is the version of the commits' marks that the audit reads. Like the
// chain's rule, it is defined here a second time, so that the audit does not check
// the loop with the loop's own code.
const markVersion = 2

// Anchors reads the marks of the group's commits.
func Anchors(ctx context.Context, c *config.Config) (map[clickhouse.Part]*Anchor, error) {
	ctx, cancel := context.WithTimeout(ctx, anchorTimeout)
	defer cancel()
	client, err := kgo.NewClient(c.Kafka.Client()...)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	committed, err := kadm.NewClient(client).FetchOffsets(ctx, c.Kafka.Group)
	if err != nil {
		return nil, fmt.Errorf("the offsets of group %s cannot be read: %w. Grant DESCRIBE on the group and its topics, or give --unanchored", c.Kafka.Group, err)
	}
	found := make(map[clickhouse.Part]*Anchor)
	var errs []error
	committed.Each(func(o kadm.OffsetResponse) {
		switch a, id, err := parseAnchor(o.At, o.Metadata); {
		case o.Err != nil:
			errs = append(errs, fmt.Errorf("the offset of %s/%d in group %s cannot be read: %w", o.Topic, o.Partition, c.Kafka.Group, o.Err))
		case o.At < 0: // the group never committed it
		case err != nil:
			errs = append(errs, fmt.Errorf("%s/%d in group %s: %w", o.Topic, o.Partition, c.Kafka.Group, err))
		default:
			found[clickhouse.Part{Cluster: c.Kafka.Cluster, Topic: o.Topic, TopicID: id, Partition: o.Partition}] = a
		}
	})
	return found, errors.Join(errs...)
}

// parseAnchor reads a commit, and the id of the topic that it is of.
func parseAnchor(offset int64, metadata string) (_ *Anchor, topicID string, _ error) {
	a := &Anchor{Anchor: trail.Anchor{Offset: offset}, Foreign: true}
	var mark struct {
		Version int    `json:"tocsin"`
		Topic   string `json:"topic"`
		Head    string `json:"head"`
	}
	if json.Unmarshal([]byte(metadata), &mark) != nil || mark.Version == 0 {
		return a, "", nil
	}
	if mark.Version != markVersion {
		return nil, "", fmt.Errorf("the committed offset carries a mark of version %d and this program knows version %d: upgrade it", mark.Version, markVersion)
	}
	if head, err := hex.DecodeString(mark.Head); err == nil && len(head) == len(a.Head) {
		a.Head, a.Foreign = pipeline.Hash(head), false
	}
	return a, mark.Topic, nil
}
