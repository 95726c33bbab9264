package endtoend

import (
	gobinary "encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/cmd/devstack/stack"
)

// sendsAt produces contracts that are candidates with these Kafka timestamps, in one
// batch of partition 0, past the client's own producer, which cannot write each of them.
func (h *harness) sendsAt(millis ...int64) {
	h.t.Helper()
	batch := kmsg.RecordBatch{Magic: 2, PartitionLeaderEpoch: -1, ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1,
		FirstTimestamp: millis[0], MaxTimestamp: slices.Max(millis), NumRecords: int32(len(millis)), LastOffsetDelta: int32(len(millis)) - 1}
	for i, ms := range millis {
		r := kmsg.Record{OffsetDelta: int32(i), TimestampDelta64: ms - millis[0], Value: contract(i * candidatesIn).Value}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // without the length, which is one byte where it is 0
		batch.Records = r.AppendTo(batch.Records)
	}
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	raw := batch.AppendTo(nil)
	const crc = 17
	gobinary.BigEndian.PutUint32(raw[crc:], crc32.Checksum(raw[crc+4:], crc32.MakeTable(crc32.Castagnoli)))

	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = -1, 10_000
	t, p := kmsg.NewProduceRequestTopic(), kmsg.NewProduceRequestTopicPartition()
	t.Topic, t.TopicID, p.Records = loadTopic, h.topicID(), raw
	t.Partitions = append(t.Partitions, p)
	request.Topics = append(request.Topics, t)
	answer, err := request.RequestWith(h.t.Context(), h.kafka)
	if err == nil {
		err = kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestKafkaTimestampsOfAnyYear: a producer writes the year 2300, microseconds, seconds and
// no time. A row has what Kafka sent, and an instant only where that is a plausible one.
func TestKafkaTimestampsOfAnyYear(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	sent := []int64{1_764_000_000_123, 10_413_792_000_000, 1_764_000_000_000_000, 1_764_000_000, -1}
	h.sendsAt(sent...)
	h.drain()
	var want []string
	for i, ms := range sent {
		instant, note := `\N`, fmt.Sprintf("['%d']", ms)
		if i == 0 {
			instant, note = "2025-11-24 16:00:00.123", "[]"
		}
		want = append(want, fmt.Sprintf("%d\t%s\t%s", ms, instant, note))
	}
	h.answers("the timestamps", want, "SELECT kafka_millis, kafka_timestamp, arrayFilter((v, f) -> f = 'kafka_timestamp', unstored.value, unstored.field) FROM events ORDER BY offset")
	// Each contract is due by its own date, whatever time the record has.
	h.answers("due", []string{fmt.Sprintf("2026-11-30\t%d", len(sent))}, "SELECT due_date, count() FROM candidates WHERE rule = 'CON-01' GROUP BY due_date")
	h.audits("of such records", nil, "--rejudge", "--kafka", "all")
}
