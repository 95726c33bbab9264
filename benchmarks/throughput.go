package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/company"
)

// throughput is one run over a fixed number of records.
type throughput struct {
	Records        int     `json:"records"`
	Bytes          int     `json:"bytes"`
	MicrosPerEvent float64 `json:"cpu_micros_per_event"` // user and system time of the worker, its start and end included
	WallSeconds    float64 `json:"wall_seconds"`
	PeakMiB        float64 `json:"peak_mib"` // resident
}

// benchStart is when the company's day begins: fixed, so that every run
// measures the same records.
var benchStart = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// fill produces the records of the throughput runs and returns their size.
func (b *bench) fill(ctx context.Context) (bytes int, err error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Kafka), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		return 0, err
	}
	defer client.Close()
	failed := make(chan error, 1)
	g := company.New(1, benchStart, company.Options{})
	for range b.records {
		item := g.Next()
		value := item.Event.AppendJSON(nil)
		bytes += len(value)
		client.Produce(ctx, record(item, value), func(_ *kgo.Record, err error) {
			if err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	if err := client.Flush(ctx); err != nil {
		return 0, err
	}
	select {
	case err := <-failed:
		return 0, fmt.Errorf("produce: %w", err)
	default:
		return bytes, nil
	}
}

// throughput drains the topics with a new group.
func (b *bench) throughput(ctx context.Context, n, bytes int) (throughput, error) {
	config, err := b.configFor(fmt.Sprint(n))
	if err != nil {
		return throughput{}, err
	}
	began := time.Now()
	state, err := b.run(ctx, "run", "--drain", "--config", config)
	if err != nil {
		return throughput{}, err
	}
	cpu := state.UserTime() + state.SystemTime()
	t := throughput{Records: b.records, Bytes: bytes, WallSeconds: time.Since(began).Seconds(),
		MicrosPerEvent: float64(cpu.Microseconds()) / float64(b.records)}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		t.PeakMiB = float64(usage.Maxrss) / 1024
	}
	return t, nil
}

// record is an item as a CloudEvent in structured mode.
func record(item company.Item, value []byte) *kgo.Record {
	return &kgo.Record{Topic: item.Topic, Key: []byte(item.Key), Value: value,
		Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}}}
}
