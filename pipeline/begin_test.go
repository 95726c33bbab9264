package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A worker whose offsets are gone may begin an insert until its intent expires,
// and the insert may run for a step. Rows that were quiet for less may still be
// followed by others.
func TestRowsStandStillForAnIntentAndAStep(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := &Worker{Config: Config{IntentTTL: time.Minute, StepTimeout: 10 * time.Second}, sightings: make(map[topicPartition]sighting)}
		tp, tail := topicPartition{topic, 0}, Tail{First: 0, Last: 9}
		still := func(tail Tail, want bool, when string) {
			t.Helper()
			if got := w.still(tp, tail); got != want {
				t.Errorf("%s: still is %v, want %v", when, got, want)
			}
		}
		still(tail, false, "first seen")
		time.Sleep(w.IntentTTL + w.StepTimeout)
		still(tail, false, "after an intent and a step")
		time.Sleep(time.Nanosecond)
		still(tail, true, "longer than an intent and a step")
		tail.Last++
		still(tail, false, "a row was added")
		time.Sleep(w.IntentTTL + w.StepTimeout + 1)
		still(tail, true, "longer than an intent and a step after that")
	})
}

func TestAPartitionBeginsWithinWhatKafkaKeeps(t *testing.T) {
	for offset, ok := range map[int64]bool{9: false, 10: true, 15: true, 20: true, 21: false} {
		if err := (extent{first: 10, end: 20}).check(offset); (err == nil) != ok {
			t.Errorf("begin at %d where Kafka keeps 10 to 20: %v, want it allowed: %v", offset, err, ok)
		}
	}
}

// A partition without a committed offset continues with the record after the
// last row. If Kafka no longer has that record, or ends before it, the worker
// stops.
func TestWithoutOffsetsTheNextRecordMustBeThere(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(b *bench, adm *kadm.Client) // changes Kafka after 50 records are stored
		want string
	}{
		{"one record expired unstored", func(b *bench, adm *kadm.Client) {
			b.produce(50, 10)
			offsets := make(kadm.Offsets)
			offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 51})
			if _, err := adm.DeleteRecords(b.t.Context(), offsets); err != nil {
				b.t.Fatal(err)
			}
		}, "Kafka's first record is now at 51"},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 1)
				b.produce(0, 50)
				w := b.start()
				b.settled(50, time.Minute)
				b.end(w)
				b.forgetOffsets()
				client := b.client()
				defer client.Close()
				c.log(b, kadm.NewClient(client))
				b.stops(b.start(), c.want)
			})
		})
	}
}

// slowTail is a store that takes its time to find the end of a partition. Its deadline is
// that of the context, or earlier, as that of a connection may be.
type slowTail struct {
	*memory
	takes, early time.Duration
	tells        bool // that no row is stored
	asked        atomic.Int64
}

func (s *slowTail) Tail(ctx context.Context, log Log, near int64) (Tail, bool, error) {
	s.asked.Add(1)
	deadline, _ := ctx.Deadline()
	select {
	case <-time.After(time.Until(deadline) - s.early):
		return Tail{}, false, Wait("an answer of the store", os.ErrDeadlineExceeded)
	case <-time.After(s.takes):
		tail, stored, err := s.memory.Tail(ctx, log, near)
		tail.None = s.tells && !stored
		return tail, stored, err
	}
}

// A first start on many partitions is longer than one step. What has begun stays
// so, and the worker is not ready before every partition has.
func TestAFirstStartOnManyPartitions(t *testing.T) {
	for _, early := range []time.Duration{0, time.Millisecond} {
		t.Run(fmt.Sprint("a deadline earlier by ", early), func(t *testing.T) { virtual(t, func(t *testing.T) { beginsMany(t, early) }) })
	}
}

func beginsMany(t *testing.T, early time.Duration) {
	const partitions = 300
	b := newBench(t, partitions)
	store := &slowTail{memory: b.sink, takes: 3 * time.Second, early: early} // 75 s in all, and a step is 10 s
	w := b.startOn(store)
	began := time.Now()
	for {
		time.Sleep(500 * time.Millisecond)
		s := w.health.Status(time.Now(), time.Hour)
		left := 0
		for _, p := range s.Progress {
			if p.Next < 0 {
				left++
			}
		}
		if s.Ready && (left > 0 || len(s.Progress) < partitions) {
			t.Fatalf("the worker is ready, and %d of %d partitions have not begun", left, len(s.Progress))
		}
		if s.Ready {
			break
		}
		if time.Since(began) > 10*time.Minute {
			t.Fatalf("after %s %d of %d partitions have not begun", time.Since(began), left, len(s.Progress))
		}
	}
	if n := store.asked.Load(); n > 2*partitions {
		t.Errorf("%d looks for %d partitions", n, partitions)
	}
	b.end(w)
}

// Where no row of a topic is stored, a few looks are enough for all its partitions.
func TestAFirstStartAsksOnceAboutATopic(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 300)
		store := &slowTail{memory: b.sink, takes: time.Second, tells: true}
		w := b.startOn(store)
		time.Sleep(time.Minute)
		if s := w.health.Status(time.Now(), time.Hour); !s.Ready {
			t.Errorf("after a minute the worker is not ready: %+v", s.Waits)
		}
		if n := store.asked.Load(); n > deliveries {
			t.Errorf("%d looks, want %d at most", n, deliveries)
		}
		b.end(w)
	})
}

// The last stored batch is promised again, and not settled: a completion would be a mark
// without the promise, and the next owner would store other batches of its records.
func TestTheLastStoredBatchIsNotSettled(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 50)
		w := b.start()
		b.settled(50, time.Minute)
		b.end(w)
		b.forgetOffsets()
		w = b.start(func(c *Config) { c.FirstStart = StartRefused })
		b.cluster.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			return nil, errors.New("no records"), true
		})
		time.Sleep(5 * time.Minute)
		b.end(w)
		if o := b.group(0); o.Metadata != "" {
			t.Errorf("the group has the mark %s at %d, and the batch was never declared", o.Metadata, o.At)
		}
	})
}

// A topic is known by any mark, also one at its first record.
func TestTopicsAreKnownByTheirMarks(t *testing.T) {
	for at, want := range map[int64]bool{-1: false, 0: true, 7: true} {
		committed := make(kadm.OffsetResponses)
		committed.Add(kadm.OffsetResponse{Offset: kadm.Offset{Topic: topic, Partition: 3, At: at}})
		committed.Add(kadm.OffsetResponse{Offset: kadm.Offset{Topic: "other", At: 5}, Err: errors.New("unknown")})
		if known := knownTopics(committed); known[topic] != want || known["other"] {
			t.Errorf("a mark at %d: known topics %v", at, known)
		}
	}
}
