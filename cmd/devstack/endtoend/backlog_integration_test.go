//go:build integration

package endtoend

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestIntegrationABacklogOfAMillion has a worker catch up with a million records
// of one partition (or TOCSIN_BACKLOG), and wants it to take no more memory at
// the end than it did after a fifth.
func TestIntegrationABacklogOfAMillion(t *testing.T) {
	n := 1_000_000
	if s := os.Getenv("TOCSIN_BACKLOG"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	h, cluster := onApacheKafka(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Bootstrap()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(100_000), kgo.ProducerLinger(50*time.Millisecond), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	failed := make(chan error, 1)
	began := time.Now()
	for i := range n {
		client.Produce(context.WithoutCancel(t.Context()), contract(candidatesIn*i+1), func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
	t.Logf("%d records produced in %s", n, time.Since(began).Round(time.Millisecond))

	began = time.Now()
	w := h.worker()
	stored := func() (rows int) {
		text, err := h.ask("SELECT count() FROM events")
		if err == nil {
			_, err = fmt.Sscan(text, &rows)
		}
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	h.eventually(5*time.Minute, "a fifth of the backlog stored", func() bool { return stored() >= n/5 })
	early := highWater(t, w.Pid())
	h.eventually(10*time.Minute, "the backlog stored", func() bool { return stored() >= n })
	took, late := time.Since(began), highWater(t, w.Pid())
	t.Logf("stored in %s, %.0f a second: peak %d MiB after a fifth, %d MiB at the end", took.Round(time.Millisecond), float64(n)/took.Seconds(), early, late)

	h.answers("rows, distinct offsets, the last of them, distinct events, dead letters, batches of other rules than one",
		[]string{fmt.Sprintf("%[1]d\t%[1]d\t%[2]d\t%[1]d\t0\t1", n, n-1)},
		"SELECT count(), uniqExact(partition, offset), max(offset), uniqExact(event_id), countIf(event_id = ''), uniqExact(rules_digest) FROM events")
	const margin = 1.5
	if bound := margin * expected(400, 0, 0, 32, 10); float64(late) > bound {
		t.Errorf("the worker took %d MiB, want at most %.0f", late, bound)
	}
	if float64(late) > margin*float64(early) {
		t.Errorf("the worker took %d MiB after a fifth of the backlog and %d at its end: it grows", early, late)
	}
	h.end(w)
}
