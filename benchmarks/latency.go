package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/company"
	"tocsin/cmd/devstack/stack"
)

// latency is the time from a record to its alert, in milliseconds, over the
// candidates of one run: from the moment the producer was given the record to
// the moment a subscriber had the alert.
type latency struct {
	Candidates int     `json:"candidates"`
	Rate       int     `json:"records_per_second"`
	P50        float64 `json:"p50_ms"`
	P90        float64 `json:"p90_ms"`
	P99        float64 `json:"p99_ms"`
	Max        float64 `json:"max_ms"`
}

// clock holds when each planted event was produced and its alert received.
type clock struct {
	mu       sync.Mutex
	produced map[string]time.Time // by event id
	taken    []float64
}

// latency runs a worker under a steady load and times every candidate.
func (b *bench) latency(ctx context.Context) (latency, error) {
	config, err := b.configFor("latency")
	if err != nil {
		return latency{}, err
	}
	// Alerts are matched with records by the event's id.
	if err := b.fullPayload(config); err != nil {
		return latency{}, err
	}
	worker, err := stack.StartWorker(ctx, b.Addresses, b.tocsin, config, io.Discard)
	if err != nil {
		return latency{}, err
	}
	defer worker.Kill()
	c := &clock{produced: make(map[string]time.Time)}
	unsubscribe, err := b.subscribe(c)
	if err != nil {
		return latency{}, err
	}
	defer unsubscribe()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Kafka), kgo.ProducerLinger(0))
	if err != nil {
		return latency{}, err
	}
	defer client.Close()
	// A first second, uncounted, fills the group, the caches and the pools.
	g := company.New(1, benchStart, company.Options{})
	if err := b.steady(ctx, client, g, nil, time.Second); err != nil {
		return latency{}, err
	}
	if err := b.steady(ctx, client, g, c, time.Duration(b.seconds)*time.Second); err != nil {
		return latency{}, err
	}
	return c.result(ctx, b.rate)
}

// steady produces rate records a second for a while, in order.
func (b *bench) steady(ctx context.Context, client *kgo.Client, g *company.Generator, c *clock, length time.Duration) error {
	var failed error
	var once sync.Once
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for sent := 0; time.Since(began) < length; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		for due := int(time.Since(began).Seconds() * float64(b.rate)); sent < due; sent++ {
			item := g.Next()
			value := item.Event.AppendJSON(nil)
			b.count(value)
			if c != nil && item.Planted != nil {
				c.produce(item)
			}
			client.Produce(ctx, record(item, value), func(_ *kgo.Record, err error) {
				if err != nil {
					once.Do(func() { failed = err })
				}
			})
		}
	}
	return errors.Join(client.Flush(ctx), failed)
}

func (c *clock) produce(item company.Item) {
	id := item.Event.Text(item.Event.Schema().Lookup("event_id"))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.produced[id] = time.Now()
}

// subscribe times every alert that arrives.
func (b *bench) subscribe(c *clock) (stop func(), err error) {
	conn, err := nats.Connect(b.NATS)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	consumer, err := js.OrderedConsumer(context.Background(), "DISCLOSURE", jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverNewPolicy})
	if err != nil {
		return nil, err
	}
	consuming, err := consumer.Consume(func(msg jetstream.Msg) {
		now := time.Now()
		id := eventID(msg.Data())
		c.mu.Lock()
		defer c.mu.Unlock()
		if at, ok := c.produced[id]; ok {
			c.taken = append(c.taken, float64(now.Sub(at).Microseconds())/1000)
			delete(c.produced, id)
		}
	})
	if err != nil {
		return nil, err
	}
	return func() { consuming.Stop(); conn.Close() }, nil
}

// result waits for the last alerts and sums up. A candidate that does not come
// is an error: a figure over the fast ones alone would be none.
func (c *clock) result(ctx context.Context, rate int) (latency, error) {
	left := func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.produced)
	}
	for deadline := time.Now().Add(time.Minute); left() > 0 && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return latency{}, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.produced) > 0 || len(c.taken) == 0 {
		return latency{}, fmt.Errorf("%d of %d candidates did not arrive", len(c.produced), len(c.produced)+len(c.taken))
	}
	slices.Sort(c.taken)
	at := func(p float64) float64 { return c.taken[int(p*float64(len(c.taken)-1))] }
	return latency{Candidates: len(c.taken), Rate: rate, P50: at(.5), P90: at(.9), P99: at(.99), Max: at(1)}, nil
}

// eventID takes the event's id out of an alert's body.
func eventID(body []byte) string {
	_, rest, ok := strings.Cut(string(body), `"event_id":"`)
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, `"`)
	return id
}
