package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

func TestASinkAwayFor20MinutesLosesAndDoublesNothing(t *testing.T) {
	for _, away := range []string{"store", "publisher"} {
		t.Run(away, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 4)
				b.produce(0, 1000)
				w := b.start()
				b.settled(1000, time.Minute)
				fail := func() error { return errAway }
				b.sink.set(func() {
					if away == "store" {
						b.sink.storeErr = fail
					} else {
						b.sink.pubErr = fail
					}
				})
				b.produce(1000, 5000)
				for end := time.Now().Add(20 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Second) {
					s := w.health.Status(time.Now(), time.Minute)
					if !s.Live {
						t.Fatal("the worker is not live while it waits")
					}
					if time.Until(end) < 19*time.Minute && s.Ready {
						t.Fatal("the worker is ready while its sink is away")
					}
				}
				s := w.health.Status(time.Now(), time.Minute)
				if s.WaitingFor != "the sink" || time.Since(s.Since) < 19*time.Minute {
					t.Errorf("the status is: waiting for %q since %s", s.WaitingFor, s.Since)
				}
				if held := b.sink.stored(); away == "store" && held != 1000 {
					t.Errorf("%d records stored while the store is away", held)
				}
				b.sink.set(func() { b.sink.storeErr, b.sink.pubErr = nothing, nothing })
				b.settled(6000, time.Minute)
				if s := w.health.Status(time.Now(), time.Minute); !s.Ready {
					t.Errorf("the worker is not ready after the outage: %+v", s)
				}
				b.end(w)
				b.exact(6000)
			})
		})
	}
}

func TestMembersThatJoinAndLeaveLoseAndDoubleNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 6)
		first := b.start()
		n := 0
		for range 5 {
			b.produce(n, 1000)
			n += 1000
			second := b.start()
			b.produce(n, 1000)
			n += 1000
			b.settled(n-500, 5*time.Minute)
			b.end(second)
		}
		b.settled(n, 5*time.Minute)
		b.end(first)
		b.exact(n)
	})
}

func TestARebalanceDuringAnOutageIsNotHeldUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		b.sink.storeErr = func() error { return errAway }
		b.produce(0, 2000)
		first := b.start()
		time.Sleep(time.Minute)
		second := b.start()
		began := time.Now()
		for second.health.Status(time.Now(), time.Hour).Partitions == 0 {
			if time.Sleep(100 * time.Millisecond); time.Since(began) > time.Minute {
				t.Fatal("the second member has no partition a minute after it joined")
			}
		}
		t.Logf("the second member got its partitions after %s", time.Since(began))
		time.Sleep(5 * time.Minute)
		b.sink.set(func() { b.sink.storeErr = nothing })
		b.settled(2000, 5*time.Minute)
		b.end(first)
		b.end(second)
		b.exact(2000)
	})
}

// A lost answer to a store that took effect must not double rows.
func TestAnAmbiguousStoreIsRepeatedWithTheSameToken(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		n := 0
		b.sink.afterErr = func() error {
			if n++; n%3 != 0 {
				return errAway
			}
			return nil
		}
		b.produce(0, 2000)
		w := b.start(func(c *Config) { c.MaxRecords = 200 })
		b.settled(2000, 5*time.Minute)
		time.Sleep(time.Minute)
		b.end(w)
		b.exact(2000)
	})
}

// A worker that ends between intent and store leaves a promise. The next owner
// of the partition keeps it, with the same range, rules and token, although the
// current rules have changed.
func TestAPromisedBatchIsReplayedUnderItsOwnRules(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		var promised []string
		b.sink.storeErr = func() error { return errAway }
		b.produce(0, 500)
		w := b.start()
		time.Sleep(time.Minute)
		b.end(w)
		o := b.group(0)
		m, err := parseMark(o.Metadata, o.At)
		if err != nil || len(m.Promises) == 0 || o.At != 0 {
			t.Fatalf("the group holds offset %d, %+v, %v; want an intent at 0", o.At, m, err)
		}
		promised = append(promised, fmt.Sprintf("0-%d %s", m.Promises[0].Last, m.Promises[0].Digest))
		b.sink.set(func() { b.sink.storeErr, b.sink.current = nothing, "two" })
		b.produce(500, 500)
		w = b.start()
		b.settled(1000, time.Minute)
		b.end(w)
		b.exact(1000)
		sort.Slice(b.sink.batches, func(i, j int) bool { return b.sink.batches[i].First < b.sink.batches[j].First })
		first := b.sink.batches[0]
		if got := fmt.Sprintf("%d-%d %s", first.First, first.Last, first.Digest); got != promised[0] {
			t.Errorf("the replay is %s, want %s", got, promised[0])
		}
		if got, want := b.sink.batches[1].Digest, b.sink.engines["two"].Digest(); got != want {
			t.Errorf("the next batch is judged by %s, want %s", got, want)
		}
	})
}

func TestAStoreThatIsMisconfiguredStopsTheWorker(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		wrong := errors.New("wrong engine")
		b.sink.storeErr = func() error { return wrong }
		b.produce(0, 10)
		w := b.start()
		if err := <-w.done; !errors.Is(err, wrong) {
			t.Errorf("the worker ended with %v, want %v", err, wrong)
		}
		if b.sink.stored() != 0 {
			t.Error("records were stored")
		}
	})
}

func TestAGroupWithoutOffsetsIsRefusedUnlessChosen(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 10)
		w := b.start(func(c *Config) { c.FirstStart = StartRefused })
		select {
		case err := <-w.done:
			if err == nil {
				t.Error("the worker ended without an error")
			}
			t.Log(err)
		case <-time.After(10 * time.Minute):
			t.Error("the worker neither began nor said why not")
			w.stop()
		}
		if b.sink.stored() != 0 {
			t.Error("records were stored")
		}
	})
}

func TestAnOffsetSetByAnotherProgramIsRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 10)
		foreign := b.client(kgo.ConsumerGroup("tocsin"), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
		if fetches := foreign.PollRecords(t.Context(), 5); fetches.Err() != nil {
			t.Fatal(fetches.Err())
		}
		if err := foreign.CommitUncommittedOffsets(t.Context()); err != nil {
			t.Fatal(err)
		}
		foreign.CloseAllowingRebalance()
		w := b.start()
		b.produce(10, 10)
		if err := <-w.done; !errors.Is(err, errForeign) {
			t.Errorf("the worker ended with %v, want %v", err, errForeign)
		}
	})
}

func TestAWorkerToldToStopFinishesWhatItHolds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.produce(0, 300)
		w := b.start(func(c *Config) { c.Linger = 10 * time.Second })
		time.Sleep(2 * time.Second) // polled, and waiting for more
		w.stop()
		if err := <-w.done; err != nil {
			t.Fatal(err)
		}
		b.exact(300)
		for p := range int32(2) {
			o := b.group(p)
			if m, err := parseMark(o.Metadata, o.At); err != nil || len(m.Promises) > 0 || o.At != 150 {
				t.Errorf("partition %d is left at %d with %+v, %v; want 150 without an intent", p, o.At, m, err)
			}
		}
	})
}

func TestABrokerThatRestartsLosesAndDoublesNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.produce(0, 500)
		w := b.start()
		b.settled(500, time.Minute)
		b.cluster.ControlKey(8, func(kreq kmsgRequest) (kmsgResponse, error, bool) { // OffsetCommit: the answer is lost
			return nil, errors.New("connection cut"), true
		})
		b.produce(500, 500)
		b.settled(1000, 10*time.Minute)
		b.end(w)
		b.exact(1000)
	})
}

func TestContextOfARunThatNeverBegan(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		w := b.start()
		b.end(w)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}
