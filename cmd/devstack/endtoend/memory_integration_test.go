//go:build integration

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

// TestIntegrationMemoryIsAsThePageSays measures workers' peaks against the formula of
// deploy/README.md.
func TestIntegrationMemoryIsAsThePageSays(t *testing.T) {
	h := start(t, stack.Addresses{})
	const partitions = 10
	h.widened(partitions)
	two := fmt.Sprint(2 << 20)
	if _, err := kadm.NewClient(h.kafka).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &two}}, loadTopic); err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(h.Kafka), kgo.ProducerBatchMaxBytes(2<<20))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	h.drain()
	const margin, limit = 1.5, 1 << 20
	total, refused := 0, 0
	events := day()
	for _, c := range []struct {
		name         string
		records      int
		record       func(i int) *kgo.Record
		bytes, lines int // of a record
		candidates   int // of a record
		dead         int // records that are too large
		ratio        int // to which a MiB unpacks, about
		maxBytes     int // in hand; MiB
	}{
		{"contracts", 30_000, contract, 400, 0, 0, 0, 10, 32},
		{"the company's day", 30_000, events, 1965, 4, 0, 0, 6, 32},
		{"the same in little memory", 10_000, events, 1965, 4, 0, 0, 6, 8},
		{"journals, a backlog in each partition", 50_000, func(i int) *kgo.Record { return booked(i, 6, 2000) }, 2000, 6, 0, 0, 2, 32},
		{"texts of just the limit", 150, func(i int) *kgo.Record { return booked(i, 2, limit) }, limit, 2, 0, 0, 1, 32},
		{"texts beyond the limit", 150, func(i int) *kgo.Record { return booked(i, 2, limit+1) }, limit, 2, 0, 150, 1, 32},
		{"texts of just the limit in little memory", 50, func(i int) *kgo.Record { return booked(i, 2, limit) }, limit, 2, 0, 0, 1, 8},
		{"candidates alone", 10_000, func(i int) *kgo.Record { return contract(candidatesIn * i) }, 400, 0, 1, 0, 10, 32},
		{"8,500 lines each", 60, func(i int) *kgo.Record { return booked(i, 8500, limit) }, limit, 8500, 0, 0, 12, 32},
	} {
		bytes := 0
		for range c.records {
			r := c.record(total)
			total++
			bytes += len(r.Value)
			client.Produce(context.WithoutCancel(t.Context()), r, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Error(err)
				}
			})
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused += c.dead
		config := h.config
		h.config = configured(t, config, "# max_bytes: 32MiB", fmt.Sprintf("max_bytes: %dMiB", c.maxBytes))
		began := time.Now()
		mib, _ := h.peak(0, nil, "run", "--drain")
		h.config = config
		want := expected(c.bytes, c.lines, c.candidates, c.maxBytes, min(float64(2*c.ratio), float64(bytes)/(1<<20)))
		t.Logf("%s: %d records of %d bytes in %s: peak %d MiB, expected %.0f", c.name, c.records, bytes/c.records, time.Since(began).Round(time.Millisecond), mib, want)
		if float64(mib) > margin*want {
			t.Errorf("%s: the worker took %d MiB, want at most %.1f times %.0f", c.name, mib, margin, want)
		}
		if rows, want := h.query("SELECT count(), uniqExact(topic, partition, offset), countIf(failure_code = 'too_large') FROM events"), fmt.Sprintf("%[1]d\t%[1]d\t%d", total, refused); rows != want {
			t.Errorf("%s: rows, distinct offsets and records too large: %s, want %s", c.name, rows, want)
		}
	}
}
