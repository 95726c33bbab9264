package pipeline

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// hanging is a store whose inserts hang while it is stuck. It answers every question.
type hanging struct {
	*memory
	stuck chan struct{} // closed when it is no longer stuck
}

func (s *hanging) Store(ctx context.Context, b *Batch) error {
	select {
	case <-s.stuck:
		return s.memory.Store(ctx, b)
	case <-ctx.Done():
		return Wait("the sink", ctx.Err())
	}
}

// promises are those of the group's mark of partition 0.
func (b *bench) promises() []intent {
	b.t.Helper()
	o := b.group(0)
	m, err := parseMark(o.Metadata, o.At)
	if err != nil {
		b.t.Fatal(err)
	}
	return m.Promises
}

// alerted waits until n candidates are alerted.
func (b *bench) alerted(n int, within time.Duration) {
	b.t.Helper()
	for began := time.Now(); b.sink.count() < n; time.Sleep(time.Millisecond) {
		if time.Since(began) > within {
			b.t.Fatalf("%d of %d candidates are alerted after %s", b.sink.count(), n, within)
		}
	}
}

// A candidate waits for a commit and a publish, while an earlier batch of its partition
// is being stored. The promise of the open batch grows with each candidate.
func TestAnAlertWaitsForNoInsert(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		store := &hanging{b.sink, make(chan struct{})}
		b.produce(1, 5)
		w := b.startOn(store, func(c *Config) { c.Linger, c.IntentTTL = 100*time.Millisecond, time.Hour })
		time.Sleep(time.Second) // the first batch is being stored
		for i := range 3 {
			n := 6 + 10*i // the fifth is a candidate
			b.produce(n, 10)
			b.alerted(i+1, 50*time.Millisecond)
			all := b.promises()
			if len(all) != 2 || all[0].First != 0 || all[0].Last != 4 || all[1].First != 5 || all[1].Last != int64(n+8) {
				t.Errorf("the group's mark promises %+v, want 0-4 and 5-%d", all, n+8)
			}
			time.Sleep(time.Second)
		}
		if n := b.sink.stored(); n != 0 {
			t.Errorf("%d records are stored by a store that hangs", n)
		}
		close(store.stuck)
		b.settled(35, time.Minute)
		b.end(w)
		if len(b.sink.batches) != 2 {
			t.Errorf("%d batches, want 2", len(b.sink.batches))
		}
		b.whole(0, 35)
	})
}

// A worker that dies with two batches in hand leaves two promises. The next owner keeps
// them, one after the other, by the rules of that day.
func TestTwoPromisesAreKept(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		store := &hanging{b.sink, make(chan struct{})}
		b.produce(0, 11)
		first := b.startOn(store, func(c *Config) {
			c.Linger, c.RebalanceGrace, c.DrainTimeout, c.StepTimeout = 100*time.Millisecond, time.Millisecond, 2*time.Millisecond, time.Millisecond
		})
		time.Sleep(time.Second)
		b.produce(11, 15)
		b.alerted(3, time.Second)
		promised := b.promises()
		b.end(first) // it cannot finish
		if now := b.promises(); len(promised) != 2 || len(now) != 2 || now[0] != promised[0] || now[1] != promised[1] {
			t.Fatalf("the mark promises %+v, and %+v after the worker's end; want the same two", promised, now)
		}
		b.sink.set(func() { b.sink.current = "two" })
		b.produce(26, 14)
		second := b.start()
		b.settled(40, time.Minute)
		b.end(second)
		b.exact(40)
		one := b.sink.engines["one"].Digest()
		for i, p := range promised {
			if got := b.sink.batches[i]; got.First != p.First || got.Last != p.Last || got.Digest != one {
				t.Errorf("batch %d is %d-%d by %s, want %d-%d by the promised rules", i, got.First, got.Last, short(got.Digest), p.First, p.Last)
			}
		}
	})
}

// While the store is away, alerts go on until the budget of bytes is full. Nothing is
// polled then, and the status page shows how full it is.
func TestAlertsGoOnUntilTheBudgetIsFull(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		store := &hanging{b.sink, make(chan struct{})}
		const most = 8 << 20
		w := b.startOn(store, func(c *Config) { c.MaxBytes, c.IntentTTL = most, time.Hour })
		n := 0
		for range 60 {
			b.produce(n, 20)
			n += 20
			time.Sleep(time.Second)
		}
		held := w.health.Status(time.Now(), time.Hour).InHand
		if alerts := b.sink.count(); alerts < n/10-n/100-5 || b.sink.stored() != 0 {
			t.Errorf("%d alerts of %d records, and %d rows", alerts, n, b.sink.stored())
		}
		in := held.FullIn()
		if held.Rows != n || held.Budget != most || held.Bytes < int64(n)*300 || in < 10*time.Second || in > time.Hour {
			t.Errorf("in hand are %+v, full in %s; want %d records", held, in, n)
		}
		for range 100 {
			b.produce(n, 100)
			n += 100
			time.Sleep(time.Second)
		}
		if held := w.health.Status(time.Now(), time.Hour).InHand; held.Bytes < most*8/10 || held.Bytes > most*11/10 || held.Rows == n {
			t.Errorf("in hand are %+v of %d records, want about %d bytes", held, n, most)
		}
		close(store.stuck)
		b.settled(n, 10*time.Minute)
		b.end(w)
		b.exact(n)
	})
}

// An insert is of many records, although each candidate among them is alerted at once.
func TestARowWaitsForCompany(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		w := b.start(func(c *Config) { c.Linger = time.Second })
		client := b.client()
		defer client.Close()
		for i := range 1000 {
			if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value(i)}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		b.settled(1000, time.Minute)
		b.end(w)
		b.exact(1000)
		if n := len(b.sink.batches); n < 9 || n > 14 {
			t.Errorf("%d inserts of 1000 records in ten seconds, want about ten", n)
		}
	})
}

// looked is a hanging store that counts the looks at its rows.
type looked struct {
	hanging
	looks atomic.Int64
}

func (s *looked) Holds(ctx context.Context, b *Batch) (Held, bool, error) {
	s.looks.Add(1)
	return s.hanging.Holds(ctx, b)
}

// The promise of the open batch grows, and that makes the intent of the batch before it
// no younger. After intent_ttl that batch is declared again and looked for, because the
// store may have forgotten its token.
func TestAGrowingPromiseRenewsNoOtherIntent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		store := &looked{hanging: hanging{b.sink, make(chan struct{})}}
		b.produce(1, 5)
		w := b.startOn(store)
		n := 6
		for began := time.Now(); time.Since(began) < w.IntentTTL+w.StepTimeout; time.Sleep(time.Second) {
			b.produce(n, 10)
			n += 10
		}
		if b.sink.count() < 50 || store.looks.Load() > 0 {
			t.Fatalf("%d candidates are alerted and %d looks made while the store hangs", b.sink.count(), store.looks.Load())
		}
		close(store.stuck)
		b.settled(n-1, time.Minute)
		b.end(w)
		if store.looks.Load() == 0 {
			t.Error("the first batch was stored under an intent that had expired, without a look")
		}
		b.whole(0, int64(n-1))
	})
}

// One partition's insert waits. Others that are stored do not end the wait: it is logged
// once, and the worker stays unready.
func TestAWaitEndsWithItsOwnStep(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		log := &lines{}
		b.log = log.logger()
		b.sink.storeErr = func() error {
			if b.sink.trying.Partition == 0 {
				return errAway
			}
			return nil
		}
		w := b.start()
		n := 0
		for range 300 {
			b.produce(n, 2)
			n += 2
			time.Sleep(100 * time.Millisecond)
		}
		if s := w.health.Status(time.Now(), time.Minute); s.WaitingFor != "the sink" || s.Ready || b.sink.stored() < 100 {
			t.Errorf("with %d rows of the other partition the worker waits for %q", b.sink.stored(), s.WaitingFor)
		}
		if n := log.count("msg=waiting for="); n != 1 {
			t.Errorf("the wait is logged %d times", n)
		}
		b.sink.set(func() { b.sink.storeErr = nothing })
		b.settled(n, time.Minute)
		if s := w.health.Status(time.Now(), time.Minute); !s.Ready {
			t.Errorf("the worker still waits for %q", s.WaitingFor)
		}
		b.end(w)
	})
}
