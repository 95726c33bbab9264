package endtoend

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// widened gives the load's topic so many partitions.
func (h *harness) widened(partitions int) {
	h.t.Helper()
	answers, err := kadm.NewClient(h.kafka).UpdatePartitions(h.t.Context(), partitions, loadTopic)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// placing is a producer whose records say which partition they go to.
func (h *harness) placing(opts ...kgo.Opt) *kgo.Client {
	h.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(h.Kafka), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(client.Close)
	return client
}

// TestAHotPartitionLeavesTheOthersTheirTurn gives one of four partitions a
// backlog, and 95 % of what comes after.
func TestAHotPartitionLeavesTheOthersTheirTurn(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.widened(4)
	// A fetch takes 1 MiB of a partition. Not compressed, that is a small part
	// of the backlog, and a wait for one fetch is far below the wait for all.
	client := h.placing(kgo.ProducerBatchCompression(kgo.NoCompression()))
	failed := make(chan error, 1)
	n := 0
	produce := func(partition int) {
		r := contract(n + 1) // the first is a candidate, which would end a cycle
		if n++; n%candidatesIn == 0 {
			r = contract(1)
		}
		r.Partition = int32(partition)
		client.Produce(context.WithoutCancel(t.Context()), r, func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	const backlog, seconds, perSecond = 60_000, 5, 1_000
	for range backlog {
		produce(0)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.worker()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range seconds * 100 {
		<-tick.C
		for i := range perSecond / 100 {
			partition := 0
			if i == 0 {
				partition = 1 + n%3
			}
			produce(partition)
		}
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	h.eventually(2*time.Minute, "every record stored", func() bool {
		stored, err := h.ask("SELECT uniqExact(topic, partition, offset) FROM events")
		return err == nil && stored == fmt.Sprint(n)
	})
	t.Logf("partition, records, seconds from record to row p50, p99, maximum:\n%s", h.query(
		`SELECT partition, count(), quantilesExact(0.5, 0.99, 1)(`+recordToRow+`) FROM events GROUP BY partition ORDER BY partition`))
	// A fetch brings at most so much of a partition; that the others wait for,
	// and not for the backlog.
	h.answers("partitions that wait for the backlog of another", []string{""},
		`SELECT partition FROM events GROUP BY partition HAVING partition > 0 AND quantileExact(0.99)(`+recordToRow+`) > 0.5 * (SELECT quantileExact(0.99)(`+recordToRow+`) FROM events WHERE partition = 0)`)
	if counts := h.query("SELECT count(), uniqExact(partition, offset) FROM events"); counts != fmt.Sprintf("%[1]d\t%[1]d", n) {
		t.Errorf("rows and distinct offsets: %s, want %d of each", counts, n)
	}
}

// recordToRow is how many seconds passed from a record to its row, in SQL.
const recordToRow = "dateDiff('millisecond', kafka_timestamp, stored_at) / 1000"
