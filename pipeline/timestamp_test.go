package pipeline

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sendAt produces an event for each Kafka timestamp, in one batch, past the
// client's own producer, which cannot write each of them.
func (b *bench) sendAt(partition int32, millis ...int64) {
	b.t.Helper()
	batch := kmsg.RecordBatch{Magic: 2, PartitionLeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		FirstTimestamp: millis[0], MaxTimestamp: slices.Max(millis), NumRecords: int32(len(millis)), LastOffsetDelta: int32(len(millis)) - 1}
	for i, ms := range millis {
		r := kmsg.Record{OffsetDelta: int32(i), TimestampDelta64: ms - millis[0], Value: value(1)}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // without the length, which is one byte where it is 0
		batch.Records = r.AppendTo(batch.Records)
	}
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	raw := batch.AppendTo(nil)
	const crc = 17
	binary.BigEndian.PutUint32(raw[crc:], crc32.Checksum(raw[crc+4:], crc32.MakeTable(crc32.Castagnoli)))

	client := b.client()
	defer client.Close()
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 1000
	t, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	t.Topic, t.TopicID, p.Partition, p.Records = topic, b.logID(), partition, raw
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	answer, err := request.RequestWith(b.t.Context(), client)
	if err != nil {
		b.t.Fatal(err)
	}
	if code := answer.Topics[0].Partitions[0].ErrorCode; code != 0 {
		b.t.Fatalf("produce: code %d", code)
	}
}

// sent are Kafka timestamps as producers write them: in order, none, of the year
// 2300, in seconds, in microseconds, before 1970, and at the ends of what the client
// keeps.
var sent = []int64{1_764_000_000_123, -1, 10_413_792_000_000, 1_764_000_000, 1_764_000_000_000_000, -62_135_596_800_000, 1<<57 - 1, -1 << 57, 0}

// TestKafkaMillisAreKept: a row has the milliseconds that Kafka sent, and the chain
// covers them, whatever they are.
func TestKafkaMillisAreKept(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.sendAt(0, sent...)
		w := b.start()
		b.settled(len(sent), time.Minute)
		b.end(w)
		var held []int64
		for _, batch := range b.sink.batches {
			head := Seed(batch.TopicID, batch.Partition)
			for i := range batch.Rows {
				row := &batch.Rows[i]
				held = append(held, row.Timestamp.UnixMilli())
				if head, _ = link(head, row, nil); row.Chain != head {
					t.Errorf("the chain does not cover %d", sent[i])
				}
			}
		}
		if !slices.Equal(held, sent) {
			t.Errorf("Kafka sent %d, and the rows have %d", sent, held)
		}
	})
}

// TestTimestampUndoesTheClient: the client counts a record's timestamp in
// nanoseconds of 64 bits, which wrap around.
func TestTimestampUndoesTheClient(t *testing.T) {
	for _, ms := range append(slices.Clone(sent), math.MaxInt64/1_000_000, math.MaxInt64/1_000_000+1, math.MinInt64/1_000_000-1) {
		if got := Timestamp(&kgo.Record{Timestamp: time.Unix(0, ms*1_000_000)}).UnixMilli(); got != ms {
			t.Errorf("%d comes as %d", ms, got)
		}
	}
	if got := Timestamp(&kgo.Record{}).UnixMilli(); got != -1 {
		t.Errorf("a record of a format without timestamps has %d, want Kafka's -1", got)
	}
}

// TestAgeOfARecordWithoutATime: a record whose timestamp counts as absent has
// waited since it was fetched.
func TestAgeOfARecordWithoutATime(t *testing.T) {
	now := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	for ms, want := range map[int64]time.Time{now.UnixMilli() - 5: now.Add(-5 * time.Millisecond), 1_764_000_000: now, -1: now, 10_413_792_000_000: now} {
		if got := waitingSince(&kgo.Record{Timestamp: time.Unix(0, ms*1_000_000)}, now); !got.Equal(want) {
			t.Errorf("%d: waits since %s, want %s", ms, got, want)
		}
	}
}
