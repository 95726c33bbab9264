package pipeline

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// count returns the number of candidates that were alerted.
func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.alerts)
}

// taken returns the number of records that a worker has taken from its client.
func (w *worker) taken(t *testing.T) float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(w.metrics.pollSize)
	families, err := reg.Gather()
	if err != nil || len(families) != 1 {
		t.Fatalf("%d families, %v", len(families), err)
	}
	return families[0].GetMetric()[0].GetHistogram().GetSampleSum()
}

// requests counts the requests of a kind that reach Kafka.
func (b *bench) requests(key kmsg.Key) *atomic.Int64 {
	n := new(atomic.Int64)
	b.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		n.Add(1)
		return nil, nil, false
	})
	return n
}

// While a sink is away, the worker holds what max_bytes allows and its client one
// fetch, however much Kafka has, and the worker retries at a bounded rate.
func TestAnOutageIsWaitedForInBoundedMemory(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		tries := 0
		b.sink.storeErr = func() error { tries++; return errAway }
		fetches := b.requests(kmsg.Fetch)
		b.produce(0, 4000)
		const most = 1 << 20
		w := b.start(func(c *Config) { c.MaxBytes = most })
		time.Sleep(time.Minute)
		taken, fetched := w.taken(t), fetches.Load()
		if taken == 0 || taken > most/500 {
			t.Errorf("the worker took %v records, want some and at most %d bytes of them", taken, most)
		}
		for i := range 20 {
			b.produce(4000+500*i, 500)
			time.Sleep(time.Minute)
		}
		if now := w.taken(t); now != taken {
			t.Errorf("the worker took %v records during the outage", now-taken)
		}
		if now := fetches.Load(); now > fetched+1 {
			t.Errorf("the client fetched %d times during the outage", now-fetched)
		}
		b.sink.set(func() {
			if tries > 4*100 {
				t.Errorf("%d tries of 4 batches in 21 minutes", tries)
			}
			b.sink.storeErr = nothing
		})
		if b.sink.count() == 0 { // alerts wait for no row
			t.Error("no candidate of the records in hand was alerted while the store was away")
		}
		b.settled(14000, 5*time.Minute)
		b.end(w)
		b.exact(14000)
	})
}

// When a worker ends while the stream is away, the next worker publishes its
// alerts.
func TestAlertsThatWereNotPublishedAreReplayed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.sink.pubErr = func() error { return errAway }
		b.produce(0, 200)
		w := b.start()
		time.Sleep(time.Minute)
		b.end(w)
		if b.sink.stored() == 0 || b.sink.count() != 0 {
			t.Fatalf("%d records stored, %d candidates alerted", b.sink.stored(), b.sink.count())
		}
		b.sink.set(func() { b.sink.pubErr = nothing })
		w = b.start()
		time.Sleep(time.Minute)
		b.end(w)
		b.exact(200)
	})
}

// A batch whose intent is refused is not stored. The member joins anew at a
// bounded rate, alive and unready.
func TestARefusedIntentEndsTheMembership(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		joins := b.requests(kmsg.JoinGroup)
		var refuse atomic.Bool
		refuse.Store(true)
		b.cluster.ControlKey(int16(kmsg.OffsetCommit), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			if !refuse.Load() {
				return nil, nil, false
			}
			req := kreq.(*kmsg.OffsetCommitRequest)
			resp := req.ResponseKind().(*kmsg.OffsetCommitResponse)
			for _, rt := range req.Topics {
				answer := kmsg.OffsetCommitResponseTopic{Topic: rt.Topic, TopicID: rt.TopicID}
				for _, rp := range rt.Partitions {
					answer.Partitions = append(answer.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: rp.Partition, ErrorCode: kerr.OffsetMetadataTooLarge.Code})
				}
				resp.Topics = append(resp.Topics, answer)
			}
			return resp, nil, true
		})
		b.produce(0, 50)
		w := b.start()
		for range 20 {
			time.Sleep(time.Minute)
			if s := w.health.Status(time.Now(), time.Minute); !s.Live {
				t.Fatal("the worker is not live while it waits")
			}
		}
		if n := b.sink.stored(); n != 0 {
			t.Errorf("%d records were stored without an intent", n)
		}
		if n := joins.Load(); n < 10 || n > 500 {
			t.Errorf("the worker joined %d times in 20 minutes", n)
		}
		refuse.Store(false)
		b.settled(50, time.Minute)
		b.end(w)
		b.exact(50)
	})
}

// A worker that waits for a sink and loses the waiting batch to another member
// no longer waits.
func TestAWaitEndsWithThePartitionItWasFor(t *testing.T) {
	for busy := range int32(2) {
		t.Run(fmt.Sprint("partition ", busy), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 2)
				b.sink.storeErr = func() error { return errAway }
				b.send(busy, plain(5)...)
				first := b.start()
				time.Sleep(time.Minute)
				began := time.Now()
				second := b.start()
				for second.health.Status(time.Now(), time.Hour).Partitions == 0 {
					if time.Sleep(100 * time.Millisecond); time.Since(began) > 15*time.Second {
						t.Fatal("the second member has no partition 15 s after it joined")
					}
				}
				b.sink.set(func() { b.sink.storeErr = nothing })
				b.settled(5, time.Minute)
				time.Sleep(time.Minute)
				for i, w := range []*worker{first, second} {
					if s := w.health.Status(time.Now(), time.Minute); !s.Ready {
						t.Errorf("worker %d is not ready: %+v", i, s)
					}
				}
				b.end(first)
				b.end(second)
			})
		})
	}
}
