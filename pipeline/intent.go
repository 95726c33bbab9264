package pipeline

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Commit metadata. Only this file commits offsets, because a commit without
// metadata erases an intent; commit_test.go forbids every other way. The format
// is versioned API: a worker rejects a version that it does not know.

const metadataVersion = 2

// maxMetadata is Kafka's default offset.metadata.max.bytes.
const maxMetadata = 4096

// mark is the content of the metadata, next to the committed offset.
type mark struct {
	// Topic is the id of the committed offset's topic.
	Topic TopicID
	// Head is the chain's value before the committed offset.
	Head Hash
	// Promises are the batches that may be stored, in offset order, at most two. The
	// first one begins at the committed offset. Each must be replayed with the same
	// records and the same rules.
	Promises []intent
}

// intent is the promise made before a batch is published or stored.
type intent struct {
	First    int64  // offset of the batch's first record
	Last     int64  // offset of its last record
	Digest   string // of the rules that judge it
	MaxBytes int    // a larger record is a dead letter; 0: the decoder's default
	Number   int    // of the insert's token; see Batch.Number
	// Refused is the code of the dead letters when the range is part of a batch that
	// was never unpacked (poison.go); otherwise empty.
	Refused unpackable
}

// wireMark is the JSON of the metadata. It is ASCII, so its length in bytes equals
// its length in UTF-16 units, which Kafka counts.
type wireMark struct {
	Version  int           `json:"tocsin"`
	Topic    string        `json:"topic,omitempty"`
	Head     string        `json:"head"`
	Promises []wirePromise `json:"promises,omitempty"`
}

type wirePromise struct {
	First   int64  `json:"first"`
	Last    int64  `json:"last"`
	Rules   string `json:"rules"`
	Bytes   int    `json:"bytes,omitempty"`
	Number  int    `json:"number,omitempty"`
	Refused string `json:"refused,omitempty"`
}

func (m mark) metadata() string {
	w := wireMark{Version: metadataVersion, Topic: m.Topic.String(), Head: hex.EncodeToString(m.Head[:])}
	for _, i := range m.Promises {
		w.Promises = append(w.Promises, wirePromise{i.First, i.Last, i.Digest, i.MaxBytes, i.Number, string(i.Refused)})
	}
	b, err := json.Marshal(w)
	if err != nil || len(b) > maxMetadata {
		panic(fmt.Sprintf("pipeline: commit metadata of %d bytes: %v", len(b), err))
	}
	return string(b)
}

// errForeign reports an offset that another program committed.
var errForeign = errors.New("the committed offset carries no mark of Tocsin: it was set by another program or by a reset of the group's offsets. " +
	"Stop every worker, then either restore the offsets or configure a new group, which begins at first_start")

func parseMark(metadata string, offset int64) (mark, error) {
	var w wireMark
	if err := json.Unmarshal([]byte(metadata), &w); err != nil || w.Version == 0 {
		return mark{}, errForeign
	}
	if w.Version != metadataVersion {
		return mark{}, fmt.Errorf("the committed offset carries a mark of version %d and this program knows version %d: upgrade it", w.Version, metadataVersion)
	}
	var m mark
	head, err := hex.DecodeString(w.Head)
	if err != nil || len(head) != len(m.Head) {
		return mark{}, fmt.Errorf("the committed offset's mark has a damaged chain head: %w", errForeign)
	}
	m.Head = Hash(head)
	if m.Topic, err = ParseTopicID(w.Topic); err != nil {
		return mark{}, fmt.Errorf("the committed offset's mark is damaged, %w: %w", err, errForeign)
	}
	next := offset
	for n, i := range w.Promises {
		refused := unpackable(i.Refused)
		if n >= inHand || i.First < next || n == 0 && i.First != offset || i.Last < i.First || i.Rules == "" || i.Number < 0 ||
			refused != "" && refused != batchTooLarge && refused != batchUnreadable {
			return mark{}, fmt.Errorf("the committed offset's mark has a damaged promise: %w", errForeign)
		}
		m.Promises = append(m.Promises, intent{i.First, i.Last, i.Rules, i.Bytes, i.Number, refused})
		next = i.Last + 1
	}
	return m, nil
}

// commitment is one partition's part of a commit.
type commitment struct {
	topicPartition
	offset int64
	epoch  int32 // leader epoch of the record before offset, or of one after it; -1 unknown
	mark   mark
}

// commitError reports a commit that was refused, in whole or in part, with Kafka's
// error for each refused partition.
type commitError struct {
	refused map[topicPartition]error
}

func (e *commitError) Error() string {
	for tp, err := range e.refused {
		return fmt.Sprintf("commit refused for %d partitions, %s: %v", len(e.refused), tp, err)
	}
	return "commit refused"
}

func (e *commitError) Unwrap() []error { return slices.Collect(maps.Values(e.refused)) }

// errUnknownCommit reports a commit that may have been applied or not. The member
// must leave the group; otherwise the commit could arrive late, under its
// generation, and overwrite a newer one.
var errUnknownCommit = errors.New("the outcome of a commit is unknown")

// turn is the loop's hold on the group, from a poll to AllowRebalance. While it
// lasts, another member can get a partition of this one only if the coordinator
// refuses this member's commits. Only a turn commits offsets. The coordinator
// checks the member and its generation, but not the owner of the partition: it can
// accept a commit outside a turn for a partition that another member owns
// (measured on Apache Kafka 4.4: 45 to 129 of 3,000 commits, against 0 of 1,400
// within turns).
type turn struct {
	client *kgo.Client
	over   bool
}

// end lets the group rebalance.
func (t *turn) end() {
	t.over = true
	t.client.AllowRebalance()
}

// commit sends commitments for partitions that were assigned before the turn
// began. A *commitError names the partitions whose commits were refused and had no
// effect. After errUnknownCommit any commitment may have been applied.
func (t *turn) commit(ctx context.Context, all []commitment) error {
	if t.over {
		panic("pipeline: a commit after the turn let the group rebalance")
	}
	if len(all) == 0 {
		return nil
	}
	offsets := make(map[string]map[int32]kgo.EpochOffset)
	metadata := make(map[topicPartition]string, len(all))
	for _, c := range all {
		if offsets[c.topic] == nil {
			offsets[c.topic] = make(map[int32]kgo.EpochOffset)
		}
		offsets[c.topic][c.partition] = kgo.EpochOffset{Epoch: c.epoch, Offset: c.offset}
		metadata[c.topicPartition] = c.mark.metadata()
	}
	attach := func(req *kmsg.OffsetCommitRequest) error {
		for i := range req.Topics {
			t := &req.Topics[i]
			for j := range t.Partitions {
				p := &t.Partitions[j]
				m, ok := metadata[topicPartition{t.Topic, p.Partition}]
				if !ok {
					return fmt.Errorf("no mark for %s/%d", t.Topic, p.Partition)
				}
				p.Metadata = &m
			}
		}
		return nil
	}
	result := fmt.Errorf("%w: no answer", errUnknownCommit)
	t.client.CommitOffsetsSync(kgo.PreCommitFnContext(ctx, attach), offsets, func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		result = commitResult(all, resp, err)
	})
	return result
}

func commitResult(all []commitment, resp *kmsg.OffsetCommitResponse, err error) error {
	if err != nil {
		var code *kerr.Error
		if !errors.As(err, &code) {
			return fmt.Errorf("%w: %w", errUnknownCommit, err)
		}
		refused := make(map[topicPartition]error, len(all))
		for _, c := range all {
			refused[c.topicPartition] = code
		}
		return &commitError{refused}
	}
	answered := make(map[topicPartition]bool, len(all))
	refused := make(map[topicPartition]error)
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			tp := topicPartition{t.Topic, p.Partition}
			answered[tp] = true
			if code := kerr.ErrorForCode(p.ErrorCode); code != nil {
				refused[tp] = code
			}
		}
	}
	for _, c := range all {
		if !answered[c.topicPartition] {
			return fmt.Errorf("%w: the answer leaves %s out", errUnknownCommit, c.topicPartition)
		}
	}
	if len(refused) > 0 {
		return &commitError{refused}
	}
	return nil
}
