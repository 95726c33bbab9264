package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
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

// fill produces the records of the throughput runs.
func (b *bench) fill(ctx context.Context) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Kafka), kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	if err != nil {
		return err
	}
	defer client.Close()
	failed := make(chan error, 1)
	g := company.New(2, benchStart, company.Options{})
	for range b.records {
		item := g.Next()
		value := item.Event.AppendJSON(nil)
		b.count(value)
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
		return err
	}
	select {
	case err := <-failed:
		return fmt.Errorf("produce: %w", err)
	default:
		return nil
	}
}

// throughput drains the topics with a new group.
func (b *bench) throughput(ctx context.Context, n int) (throughput, error) {
	config, err := b.configFor(fmt.Sprint(n))
	if err != nil {
		return throughput{}, err
	}
	began := time.Now()
	state, err := b.run(ctx, "run", "--drain", "--config", config)
	if err != nil {
		return throughput{}, err
	}
	wall := time.Since(began)
	cpu := state.UserTime() + state.SystemTime()
	if err := b.stored(ctx, fmt.Sprintf("bench-%d", n)); err != nil {
		return throughput{}, err
	}
	t := throughput{Records: b.produced, Bytes: b.bytes, WallSeconds: wall.Seconds(),
		MicrosPerEvent: float64(cpu.Microseconds()) / float64(b.produced)}
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

// count notes a record that is produced.
func (b *bench) count(value []byte) {
	b.produced++
	b.bytes += len(value)
}

// stored wants every record to be one row: a figure without its work is none.
func (b *bench) stored(ctx context.Context, cluster string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.ClickHouseHTTP+"/?database=tocsin",
		strings.NewReader("SELECT count(), uniqExact(topic, partition, offset) FROM events WHERE cluster = '"+cluster+"'"))
	if err != nil {
		return err
	}
	req.SetBasicAuth(b.ClickHouseUser, b.ClickHousePassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("count the rows: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("count the rows: %w", err)
	}
	if got, want := strings.TrimSpace(string(text)), fmt.Sprintf("%d\t%d", b.produced, b.produced); got != want {
		return fmt.Errorf("rows and distinct offsets stored: %q, want %q", got, want)
	}
	return nil
}
