package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawBatch is a batch as Kafka keeps it, still packed.
type rawBatch struct {
	kmsg.RecordBatch
	bytes []byte // of all of it, with the header
	hash  Hash   // of bytes
	// void reports that no consumer sees a record of it: it is a marker of a
	// transaction, a part of an aborted one, or empty since a compaction.
	void bool
}

func (b *rawBatch) first() int64 { return b.FirstOffset }
func (b *rawBatch) last() int64  { return b.FirstOffset + int64(b.LastOffsetDelta) }

// The attributes of a batch.
const (
	codecBits     = 0b0000_0111
	appendTime    = 0b0000_1000 // the broker's time is the time of all its records
	transactional = 0b0001_0000
	control       = 0b0010_0000
)

// timestamp is that of the first record.
func (b *rawBatch) timestamp() time.Time {
	ms := b.FirstTimestamp
	if b.Attributes&appendTime != 0 {
		ms = b.MaxTimestamp
	}
	return time.UnixMilli(ms).UTC()
}

// batchAt returns the first batch with a committed record at or after an offset; nil
// where there is none yet. No record lies between the offset and next, at which the
// batch, or its part after the offset, begins.
func (s *session) batchAt(ctx context.Context, tp topicPartition, offset int64) (b *rawBatch, next int64, err error) {
	for {
		batches, err := s.fetchRaw(ctx, tp, offset)
		if err != nil || len(batches) == 0 {
			return nil, offset, err
		}
		from := offset
		for _, b := range batches {
			if b.last() < offset {
				continue
			}
			if !b.void {
				return b, max(offset, b.first()), nil
			}
			offset = b.last() + 1
		}
		if offset == from { // the broker sent only what stands before it
			return nil, offset, nil
		}
	}
}

// rawBytes is about how many bytes of batches a raw fetch asks for. A broker sends
// the first batch whole, however large it is.
const rawBytes = 1 << 20

// leader returns the broker that leads a partition. The client knows it of the topics
// that it consumes.
func (s *session) leader(ctx context.Context, tp topicPartition) (int32, error) {
	leader, _, err := s.client.PartitionLeader(tp.topic, tp.partition)
	if err != nil || leader >= 0 {
		return leader, err
	}
	topics, err := kadm.NewClient(s.client).ListTopics(ctx, tp.topic)
	if err != nil {
		return -1, err
	}
	if p, ok := topics[tp.topic].Partitions[tp.partition]; ok && p.Leader >= 0 {
		return p.Leader, nil
	}
	return -1, kerr.LeaderNotAvailable
}

// fetchRaw fetches batches from an offset on, up to the last stable one.
func (s *session) fetchRaw(ctx context.Context, tp topicPartition, offset int64) ([]*rawBatch, error) {
	ctx, cancel := context.WithTimeout(ctx, s.StepTimeout)
	defer cancel()
	id := s.ids[tp.topic]
	if id == (TopicID{}) {
		ids, err := s.topicIDs(ctx)
		if err != nil {
			return nil, err
		}
		id = ids[tp.topic]
	}
	leader, err := s.leader(ctx, tp)
	fail := func(err error) error {
		err = fmt.Errorf("fetch %s as it is kept, from offset %d: %w", tp, offset, err)
		var code *kerr.Error
		if errors.As(err, &code) && !code.Retriable {
			return stop(err)
		}
		return Wait(WaitKafka, err)
	}
	if err != nil {
		return nil, fail(err)
	}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = tp.partition, offset, rawBytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = tp.topic, id, []kmsg.FetchRequestTopicPartition{partition}
	request := kmsg.NewPtrFetchRequest()
	request.MaxBytes, request.IsolationLevel, request.SessionEpoch = rawBytes, 1, -1
	request.Topics = []kmsg.FetchRequestTopic{topic}
	response, err := request.RequestWith(ctx, s.client.Broker(int(leader)))
	if err == nil {
		err = kerr.ErrorForCode(response.ErrorCode)
	}
	if err != nil {
		return nil, fail(err)
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, fail(kerr.UnknownTopicOrPartition)
	}
	p := response.Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
		if kerr.IsRetriable(err) {
			s.client.ForceMetadataRefresh()
		}
		return nil, fail(err)
	}
	batches, err := parseBatches(p.RecordBatches, p.AbortedTransactions)
	if err != nil {
		return nil, fail(err)
	}
	return batches, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parseBatches reads the headers of the batches in raw. The last one may be cut off,
// and is then left out.
func parseBatches(raw []byte, aborted []kmsg.FetchResponseTopicPartitionAbortedTransaction) (all []*rawBatch, err error) {
	aborts := make(map[int64][]int64) // first offsets of aborted transactions, by producer
	for _, a := range aborted {
		aborts[a.ProducerID] = append(aborts[a.ProducerID], a.FirstOffset)
	}
	for _, offsets := range aborts {
		slices.Sort(offsets)
	}
	for {
		const begin, magic, checksummed, header = 12, 16, 21, 61
		if len(raw) < header {
			return all, nil
		}
		length := begin + int(int32(binary.BigEndian.Uint32(raw[8:])))
		switch {
		case length > len(raw):
			return all, nil
		case length < header || raw[magic] != 2:
			return nil, fmt.Errorf("a batch of format %d, as before Kafka 0.11: %w", raw[magic], kerr.UnsupportedForMessageFormat)
		}
		bytes := raw[:length]
		raw = raw[length:]
		b := &rawBatch{bytes: bytes, hash: sha256.Sum256(bytes)}
		if err := b.ReadFrom(bytes); err != nil {
			return nil, err
		}
		if crc32.Checksum(bytes[checksummed:], castagnoli) != uint32(b.CRC) {
			return nil, fmt.Errorf("the batch at offset %d: %w", b.first(), kerr.CorruptMessage)
		}
		// A producer has one transaction at a time. Its first marker after the begin
		// of an aborted one ends that one.
		open := aborts[b.ProducerID]
		inAborted := b.Attributes&transactional != 0 && len(open) > 0 && b.first() >= open[0]
		if b.Attributes&control != 0 && inAborted {
			aborts[b.ProducerID] = open[1:]
		}
		b.void = inAborted || b.Attributes&control != 0 || b.NumRecords == 0
		all = append(all, b)
	}
}
