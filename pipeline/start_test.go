package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// forgetOffsets deletes the offsets of the group, which must be empty.
func (b *bench) forgetOffsets() {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	if _, err := kadm.NewClient(client).DeleteGroups(b.t.Context(), "tocsin"); err != nil {
		b.t.Fatal(err)
	}
}

// stops wants the worker to end with an error that contains what.
func (b *bench) stops(w *worker, what string) {
	b.t.Helper()
	select {
	case err := <-w.done:
		if err == nil || !strings.Contains(err.Error(), what) {
			b.t.Errorf("the worker ended with %v, want %q", err, what)
		}
	case <-time.After(10 * time.Minute):
		w.stop()
		b.t.Errorf("the worker goes on, want it to stop with %q", what)
	}
}

// A group whose offsets are gone, or that has a new name, continues after the
// last row, whatever first_start is. No record is stored twice or skipped, and
// the chain is unbroken.
func TestWithoutOffsetsTheRowsSayWhereToBegin(t *testing.T) {
	for _, start := range []FirstStart{StartRefused, StartEarliest, StartLatest} {
		for _, renamed := range []bool{false, true} {
			t.Run(fmt.Sprint(start, " renamed ", renamed), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					b := newBench(t, 3)
					b.produce(0, 900)
					w := b.start()
					b.settled(900, time.Minute)
					b.end(w)
					if !renamed {
						b.forgetOffsets()
					}
					b.produce(900, 600)
					w = b.start(func(c *Config) {
						if c.FirstStart = start; renamed {
							c.Group = "renamed"
						}
					})
					time.Sleep(time.Minute)
					if s := w.health.Status(time.Now(), time.Minute); s.Ready || s.WaitingFor != waitTail || b.sink.stored() > 900 {
						t.Errorf("after a minute %d records are stored and the status is %+v; want it to wait until no other worker can be storing", b.sink.stored(), s)
					}
					b.settled(1500, 5*time.Minute)
					if s := w.health.Status(time.Now(), time.Minute); !s.Ready {
						t.Errorf("it is not ready: %+v", s)
					}
					b.end(w)
					b.exact(1500)
				})
			})
		}
	}
}

// A worker under another limit of a record replays the last batch under the limit of
// that day, so a dead letter raises no alert. Later records have the new limit.
func TestWithoutOffsetsTheLastBatchKeepsItsLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		limited := func(bytes int) func(*Config) { return func(c *Config) { c.Limits.MaxBytes = bytes } }
		b.produce(0, 100)
		w := b.start(limited(64))
		time.Sleep(time.Minute)
		b.end(w)
		if b.sink.stored() != 100 || b.sink.count() != 0 {
			t.Fatalf("%d rows and %d alerts, want 100 dead letters", b.sink.stored(), b.sink.count())
		}
		b.forgetOffsets()
		w = b.start(limited(1<<20), func(c *Config) { c.Group = "renamed" })
		time.Sleep(5 * time.Minute)
		b.end(w)
		if b.sink.stored() != 100 || b.sink.count() != 0 {
			t.Errorf("%d rows and %d alerts: dead letters were judged", b.sink.stored(), b.sink.count())
		}
	})
}

// While another group stores into the same table, a group without offsets stores
// nothing.
func TestTwoGroupsDoNotStoreIntoOneTable(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		first := b.start()
		b.settled(100, time.Minute)
		second := b.start(func(c *Config) { c.Group = "second" })
		n := 100
		for range 30 {
			b.produce(n, 100)
			n += 100
			time.Sleep(20 * time.Second)
		}
		if s := second.health.Status(time.Now(), time.Minute); s.WaitingFor != waitTail || !s.Live {
			t.Errorf("the status of the second group's worker is %+v", s)
		}
		b.end(first)
		b.produce(n, 100)
		b.settled(n+100, 5*time.Minute)
		b.end(second)
		b.exact(n + 100)
	})
}

// The begin is committed at once, so a member that joins before the first record
// begins at the same place and not at a later end.
func TestAFirstStartAtTheEndIsRemembered(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 50)
		latest := func(c *Config) { c.FirstStart = StartLatest }
		w := b.start(latest)
		time.Sleep(10 * time.Second)
		b.end(w)
		if o := b.group(0); o.At != 50 {
			t.Errorf("the group has the offset %d, want 50", o.At)
		}
		b.send(0, plain(7)...) // no worker runs
		w = b.start(latest)
		time.Sleep(10 * time.Second)
		b.end(w)
		b.sink.mu.Lock()
		defer b.sink.mu.Unlock()
		if len(b.sink.batches) != 1 || b.sink.batches[0].Token() != "test/"+topic+"/"+b.logID().String()+"/0/50-56" {
			t.Errorf("%d batches, want one of the records 50 to 56", len(b.sink.batches))
		}
	})
}

func TestRecordsThatExpiredUnstoredAreNotPassedOver(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 50)
		w := b.start()
		b.settled(50, time.Minute)
		b.end(w)
		b.forgetOffsets()
		b.produce(50, 50)
		client := b.client()
		defer client.Close()
		offsets := make(kadm.Offsets)
		offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 60})
		if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		b.stops(b.start(), "the last row stored is of offset 49, and Kafka's first record is now at 60")
	})
}

// stopped is the store of a worker that stands still between its first intent
// and the insert, like a process after SIGSTOP.
type stopped struct {
	*memory
	reached, resume chan struct{}
	again           bool
}

func (s *stopped) Store(ctx context.Context, b *Batch) error {
	if !s.again {
		s.again = true
		close(s.reached)
		<-s.resume
	}
	return s.memory.Store(context.WithoutCancel(ctx), b) // it knows nothing of what happened
}

// A worker stands still for so long that another has stored its batch and the
// store has forgotten the token. It doubles nothing.
func TestAWorkerThatStoodStillForLongerThanTokensAreRememberedDoublesNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		cable := &gate{dial: b.net.DialContext}
		store := &stopped{memory: b.sink, reached: make(chan struct{}), resume: make(chan struct{})}
		first := b.startOn(store, cable.plug(b))
		<-store.reached
		cable.set(true)
		second := b.start()
		b.settled(100, 5*time.Minute)
		b.produce(100, 100)
		b.settled(200, time.Minute)
		time.Sleep(time.Hour)
		b.sink.set(func() { clear(b.sink.tokens) })
		close(store.resume)
		cable.set(false)
		time.Sleep(time.Minute)
		b.end(first)
		b.end(second)
		b.exact(200)
	})
}

// The same without another worker: the worker declares the batch again, looks
// for it, and stores it.
func TestAWorkerThatStoodStillAloneLosesNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		store := &stopped{memory: b.sink, reached: make(chan struct{}), resume: make(chan struct{})}
		w := b.startOn(store)
		<-store.reached
		time.Sleep(10 * time.Minute)
		close(store.resume)
		b.settled(100, time.Minute)
		b.end(w)
		b.exact(100)
	})
}

// A batch whose answer was lost, and whose token is forgotten when it is
// replayed, is found and not stored again.
func TestABatchOlderThanTheTokensIsReplayedOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		b.sink.afterErr = func() error { return errAway } // stored, and the answer is lost
		w := b.start()
		b.settled(100, time.Minute)
		b.end(w)
		b.sink.set(func() { clear(b.sink.tokens); b.sink.afterErr = nothing })
		b.produce(100, 100)
		w = b.start()
		b.settled(200, time.Minute)
		b.end(w)
		b.exact(200)
	})
}

// A record that was too large when its batch was promised is too large in the
// replay, although the limit was raised in between.
func TestAReplayReadsUnderTheLimitsOfItsIntent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, value(1), []byte(`{"specversion":"1.0","id":"`+strings.Repeat("x", 500)+`"}`), value(2))
		b.sink.storeErr = func() error { return errAway }
		w := b.start(func(c *Config) { c.Limits.MaxBytes = 400 })
		time.Sleep(time.Minute)
		b.end(w)
		b.sink.set(func() { b.sink.storeErr = nothing })
		w = b.start()
		time.Sleep(time.Minute)
		b.end(w)
		if f := b.sink.batches[0].Rows[1].Failure; f == nil || f.Code != "too_large" {
			t.Errorf("the record's failure is %+v, want too_large", f)
		}
	})
}

// Alerts of the last stored batch may be missing. A group without offsets
// publishes the missing alerts of that batch, and no others.
func TestWithoutOffsetsTheLastBatchIsPublished(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 200)
		w := b.start()
		b.settled(200, time.Minute)
		b.end(w)
		b.sink.set(func() { b.sink.pubErr = func() error { return errAway } })
		b.produce(200, 100)
		w = b.start()
		b.settled(300, time.Minute)
		b.end(w)
		b.forgetOffsets()
		b.sink.set(func() { b.sink.pubErr = nothing; b.sink.current = "two" })
		b.produce(300, 100)
		w = b.start()
		b.settled(400, 5*time.Minute)
		b.end(w)
		b.exact(400)
	})
}

// When the records of the last batch are gone, the partition begins after it.
func TestALastBatchThatIsGoneFromKafkaIsForgone(t *testing.T) {
	for _, gone := range []int64{150, 200} {
		t.Run(fmt.Sprint("until ", gone), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 1)
				b.produce(0, 200)
				w := b.start(func(c *Config) { c.MaxRecords = 100 })
				b.settled(200, time.Minute)
				b.end(w)
				b.forgetOffsets()
				client := b.client()
				defer client.Close()
				offsets := make(kadm.Offsets)
				offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: gone})
				if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets); err != nil {
					t.Fatal(err)
				}
				w = b.start()
				time.Sleep(2 * time.Minute)
				if o := b.group(0); o.At != 200 {
					t.Errorf("the group has the offset %d, want 200", o.At)
				}
				b.produce(200, 100)
				b.settled(300, 5*time.Minute)
				b.end(w)
				b.exact(300)
			})
		})
	}
}

// disputed is a store that finds rows of another group once the intent has
// expired.
type disputed struct {
	*memory
	asked int
}

func (s *disputed) Holds(ctx context.Context, b *Batch) (Held, bool, error) {
	if s.asked++; s.asked == 1 {
		time.Sleep(2 * time.Minute)
		return Held{}, false, errors.New("rows of another batch")
	}
	return s.memory.Holds(ctx, b)
}

func TestRowsOfAnotherBatchFoundTooLateAreNoReasonToStop(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 100)
		b.promise()
		w := b.startOn(&disputed{memory: b.sink})
		b.settled(100, 10*time.Minute)
		b.end(w)
		b.exact(100)
	})
}

// The same when compaction has removed the first record and left later ones.
func TestALastBatchWhoseFirstRecordIsGoneIsForgone(t *testing.T) {
	b := &bench{t: t, sink: newMemory(), log: slog.New(slog.DiscardHandler)}
	w, err := New(Config{Cluster: "test", Group: "tocsin", Topics: []string{topic}, FirstStart: StartEarliest, MaxRecords: 2, Stores: 1, MaxBytes: 64 << 20, MaxUnpacked: 1, Linger: 1, DrainTimeout: 2,
		RebalanceGrace: 1, StepTimeout: 1, BackoffMin: 1, BackoffMax: 1, SessionTimeout: 3, IntentTTL: 1}, b.sink, b.sink, b.sink,
		NewMetrics(prometheus.NewRegistry()), NewHealth(time.Now()), b.log)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{Worker: w, partitions: make(map[topicPartition]*partition), rules: b.sink.Current()}
	s.room.Store(int64(w.MaxBytes))
	if s.client, err = kgo.NewClient(); err != nil {
		t.Fatal(err)
	}
	defer s.client.Close()
	tp := topicPartition{topic, 0}
	tail := Tail{First: 10, Last: 19, Chain: Hash{1}}
	s.partitions[tp] = &partition{topicPartition: tp, next: 10, tail: &tail, promised: []intent{{First: 10, Last: 19, Digest: b.sink.Current().Digest()}}}
	var records []*kgo.Record
	for _, o := range []int64{12, 19, 20, 21} {
		records = append(records, &kgo.Record{Topic: topic, Offset: o, Value: value(int(o))})
	}
	n, err := s.admit(t.Context(), kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: topic, Partitions: []kgo.FetchPartition{{Records: records}}}}}})
	if err != nil || n != 2 || len(s.held) != 1 || s.held[0].open().First != 20 || s.partitions[tp].head != tail.Chain || s.held[0].open().replay {
		t.Fatalf("%d records, %v, %+v; want the new batch 20-21 behind the stored one", n, err, s.held)
	}
}

// A member pauses a partition because others might be storing. Another member
// begins it, and it comes back to the first. The pause is over.
func TestAPartitionHeldBackElsewhereComesBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		b.produce(0, 400)
		w := b.start()
		b.settled(400, time.Minute)
		b.end(w)
		b.forgetOffsets()
		first := b.start()
		time.Sleep(20 * time.Second) // it holds all four back
		second := b.start()
		b.produce(400, 400)
		b.settled(800, 5*time.Minute)
		b.end(second)
		b.produce(800, 400)
		b.settled(1200, 5*time.Minute)
		b.end(first)
		b.exact(1200)
	})
}
