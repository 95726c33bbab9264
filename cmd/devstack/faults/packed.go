package faults

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A batch that no worker can unpack has a row for each of its offsets, with the hash
// of the whole batch. The harness knows such a batch by its own means: it unpacks
// every batch, and fetches once more, as it is kept, what it could not unpack.

// unpackable is why a batch cannot be unpacked, in the words of the rows.
type unpackable string

const (
	tooLarge   unpackable = "batch_too_large"
	unreadable unpackable = "batch_unreadable"
)

func (u unpackable) Error() string { return string(u) }

// bounded unpacks batches of at most maxUnpacked. Workers count the memory of the
// records too; a hostile batch is far beyond the bound, and another far below.
type bounded struct{ kgo.Decompressor }

// Decompress implements kgo.Decompressor.
func (b bounded) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	out, err := b.Decompressor.Decompress(src, codec)
	switch {
	case err != nil:
		return nil, unreadable
	case len(out) > maxUnpacked:
		return nil, tooLarge
	}
	return out, nil
}

// pass adds what is expected of the batch at an offset, which cannot be unpacked, and
// returns the offset after it. An aborted one is nothing.
func (l *logs) pass(ctx context.Context, client *kgo.Client, p partition, offset int64, why unpackable) (next int64, err error) {
	b, raw, aborted, err := fetchPacked(ctx, client, p, offset)
	if err != nil {
		return 0, fmt.Errorf("fetch the batch of %s at offset %d as it is kept: %w", p, offset, err)
	}
	next = b.FirstOffset + int64(b.LastOffsetDelta) + 1
	if aborted {
		return next, nil
	}
	hash := sha256.Sum256(raw)
	for at := max(offset, b.FirstOffset); at < next; at++ {
		l.topics[p] = append(l.topics[p], record{at, hash, framedPacked(at, b.FirstTimestamp, hash), truth{kind: string(why)}})
	}
	return next, nil
}

// fetchPacked fetches the batch that holds an offset, or the first one after it.
func fetchPacked(ctx context.Context, client *kgo.Client, p partition, offset int64) (b kmsg.RecordBatch, raw []byte, aborted bool, err error) {
	leader, _, err := client.PartitionLeader(p.topic, p.number)
	if err != nil {
		return b, nil, false, err
	}
	id, err := topicID(p.id)
	if err != nil {
		return b, nil, false, err
	}
	wanted := kmsg.NewFetchRequestTopicPartition()
	wanted.Partition, wanted.FetchOffset, wanted.PartitionMaxBytes = p.number, offset, 1 // the broker sends a batch whole
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = p.topic, id, []kmsg.FetchRequestTopicPartition{wanted}
	request := kmsg.NewPtrFetchRequest()
	request.MaxBytes, request.IsolationLevel, request.SessionEpoch, request.Topics = 1, 1, -1, []kmsg.FetchRequestTopic{topic}
	answer, err := client.Broker(int(leader)).RetriableRequest(ctx, request)
	if err != nil {
		return b, nil, false, err
	}
	response := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return b, nil, false, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return b, nil, false, fmt.Errorf("the broker answers for %d topics", len(response.Topics))
	}
	got := response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		return b, nil, false, err
	}
	const header = 12
	raw = got.RecordBatches
	if len(raw) < header || len(raw) < header+int(binary.BigEndian.Uint32(raw[8:])) {
		return b, nil, false, fmt.Errorf("the broker answers with %d bytes", len(raw))
	}
	raw = raw[:header+int(binary.BigEndian.Uint32(raw[8:]))]
	if err := b.ReadFrom(raw); err != nil {
		return b, nil, false, err
	}
	// Transactions of a producer do not overlap, so one that was aborted and begins at
	// or before the batch holds it.
	for _, a := range got.AbortedTransactions {
		aborted = aborted || a.ProducerID == b.ProducerID && a.FirstOffset <= b.FirstOffset
	}
	return b, raw, aborted, nil
}
