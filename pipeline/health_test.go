package pipeline

import (
	"context"
	"errors"
	"math/bits"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/rules"
)

// waits are the waits of a worker, in order.
func waits(h *Health) (names []string) {
	for _, w := range h.Status(time.Now(), time.Minute).Waits {
		names = append(names, w.For)
	}
	return names
}

func TestWaitsAreToldOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		h, away := NewHealth(time.Now()), errors.New("away")
		began := time.Now()
		f := func(what, instead string, changed bool, want ...string) {
			t.Helper()
			if got := h.wait(what, instead, away); got != changed {
				t.Errorf("a wait for %s instead of %q is new: %t, want %t", what, instead, got, changed)
			}
			if diff := cmp.Diff(want, waits(h)); diff != "" {
				t.Error(diff)
			}
			time.Sleep(time.Second)
		}
		f("ClickHouse", "", true, "ClickHouse")
		f("NATS", "", true, "ClickHouse", "NATS")
		f("ClickHouse", "ClickHouse", false, "ClickHouse", "NATS") // two steps that wait for two things do not take turns
		f("NATS", "NATS", false, "ClickHouse", "NATS")
		f("a faster ClickHouse", "ClickHouse", true, "a faster ClickHouse", "NATS")
		if s := h.Status(time.Now(), time.Minute); !s.Since.Equal(began) || s.WaitingFor != "a faster ClickHouse" || s.LastError.Error != "away" {
			t.Errorf("a wait under another name began anew: %+v", s)
		}
		if ended := h.proceed("NATS"); len(ended) != 1 || ended[0].For != "NATS" || len(h.proceed("NATS")) != 0 {
			t.Errorf("ended: %v", ended)
		}
		if ended := h.proceed(""); len(ended) != 1 || len(waits(h)) != 0 {
			t.Errorf("ended: %v, left: %v", ended, waits(h))
		}
	})
}

// twoAway neither publishes nor stores while it is switched off.
type twoAway struct {
	*memory
	away atomic.Bool
}

func (s *twoAway) Store(ctx context.Context, b *Batch) error {
	if s.away.Load() {
		return Wait([]string{"disk", "memory", "disk"}[b.Partition], errors.New("no room"))
	}
	return s.memory.Store(ctx, b)
}

// The log reports the begin and the end of a wait once, however many tries it
// takes and however many partitions wait.
func TestTheLogTellsChangesAndNotTries(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 3) // each with candidates, or some would not be tried
		var said lines
		b.log = said.logger()
		sink := &twoAway{memory: b.sink}
		w := b.startOn(sink)
		b.produce(0, 300)
		b.settled(300, time.Minute)
		sink.away.Store(true)
		b.produce(300, 300)
		time.Sleep(20 * time.Minute)
		if s := w.health.Status(time.Now(), time.Minute); len(s.Waits) != 2 || !s.Live || s.Ready {
			t.Errorf("%+v", s)
		}
		sink.away.Store(false)
		b.settled(600, time.Minute)
		b.end(w)
		for _, want := range []string{`level=WARN msg=waiting for=disk error="disk: no room"`, "level=WARN msg=waiting for=memory", "msg=proceeding after=disk", "msg=proceeding after=memory"} {
			if n := said.count(want); n != 1 {
				t.Errorf("%q is said %d times", want, n)
			}
		}
	})
}

// The status page shows the progress in each partition, from the first wait on.
func TestPlaces(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 3)
		b.produce(0, 300)
		w := b.start()
		b.settled(300, time.Minute)
		time.Sleep(time.Second)
		digest := b.sink.Current().Digest()
		for _, p := range w.health.Status(time.Now(), time.Minute).Progress {
			if p.Next != 100 || p.End != 100 || p.Promised != -1 || p.Age(time.Now()) != 0 || p.Lag() != 0 || p.Digest != digest || p.Settled.IsZero() || p.LastError.Error != "" {
				t.Errorf("settled: %+v", p)
			}
		}
		b.sink.set(func() { b.sink.storeErr = func() error { return errAway } })
		b.produce(300, 300)
		time.Sleep(10 * time.Minute)
		s := w.health.Status(time.Now(), time.Minute)
		if len(s.Progress) != 3 {
			t.Fatalf("%+v", s)
		}
		for i, p := range s.Progress {
			if int(p.Partition) != i || p.Topic != topic || p.Next != 100 || p.Promised != 199 || p.Lag() != 100 || p.LastError.Error != "the sink: away" || time.Since(p.LastError.At) > 20*time.Second {
				t.Errorf("waiting: %+v", p)
			}
			if age := p.Age(time.Now()); age < 10*time.Minute || age > 11*time.Minute {
				t.Errorf("its oldest record waits for %s", age)
			}
		}
		if age := gauge(t, w.metrics, "tocsin_oldest_unstored_age_seconds"); age < 600 || age > 660 {
			t.Errorf("the oldest record waits for %g s", age)
		}
		b.sink.set(func() { b.sink.storeErr = nothing })
		b.settled(600, time.Minute)
		b.end(w)
		if s := w.health.Status(time.Now(), time.Minute); len(s.Progress) != 0 || s.Partitions != 0 {
			t.Errorf("after its end: %+v", s)
		}
	})
}

// fickle is a library whose rules change without a period: a batch may ask any number of
// times, and gets both.
type fickle struct {
	*memory
	asked atomic.Uint64
}

func (f *fickle) Current() *rules.Engine {
	return f.memory.engines[[]string{"one", "two"}[bits.OnesCount64(f.asked.Add(1))%2]]
}

// Rules change in every round here. A batch keeps those with which it was opened, so
// everything is exact.
func TestRulesChangeBetweenBatches(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 5)
		w, err := New(b.config(), b.sink, b.sink, &fickle{memory: b.sink}, NewMetrics(prometheus.NewRegistry()), NewHealth(time.Now()), b.log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		run := &worker{w, stop, make(chan error, 1)}
		go func() { run.done <- w.Run(ctx) }()
		n := 0
		for range 20 {
			b.produce(n, 50)
			n += 50
			b.settled(n, time.Minute)
			time.Sleep(time.Second) // each into a cycle of its own
		}
		b.end(run)
		b.exact(n)
		b.sink.set(func() {
			digests := make(map[string]bool)
			for _, batch := range b.sink.batches {
				digests[batch.Digest] = true
			}
			if len(digests) != 2 {
				t.Errorf("%d batches of %d packs", len(b.sink.batches), len(digests))
			}
		})
	})
}

// A worker that always has something in hand shows the age of what it has, and not of
// what it had when its turn began.
func TestTheOldestRecordIsOfThoseInHand(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		w := b.start(func(c *Config) { c.Linger = time.Second })
		n, age := 0, 0.0
		for i := range 300 {
			b.produce(n, 2)
			n += 2
			time.Sleep(100 * time.Millisecond)
			if i >= 200 {
				age = max(age, gauge(t, w.metrics, "tocsin_oldest_unstored_age_seconds"))
			}
		}
		if age < 0.5 || age > 2 {
			t.Errorf("the oldest record waits for %g s, want about a linger", age)
		}
		if s := w.health.Status(time.Now(), time.Second); !s.Live || !s.Ready || s.Progress[0].Age(time.Now()) > 2*time.Second || s.Progress[0].Next < 250 {
			t.Errorf("the status page: %+v", s)
		}
		b.settled(n, time.Minute)
		b.end(w)
	})
}

// gauge is the value of a gauge of the worker.
func gauge(t *testing.T, m *Metrics, name string) float64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.age)
	families, err := reg.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != name {
		t.Fatalf("%v, %v", families, err)
	}
	return families[0].GetMetric()[0].GetGauge().GetValue()
}

func TestLagIsWhatIsKnownToBeUnsettled(t *testing.T) {
	for _, c := range []struct{ next, end, lag int64 }{{0, 5, 5}, {5, 5, 0}, {4, 5, 1}, {6, 5, 0}, {-1, 5, 0}, {0, -1, 0}, {0, 0, 0}} {
		if got := (&Progress{Next: c.next, End: c.end}).Lag(); got != c.lag {
			t.Errorf("next %d, end %d: lag %d, want %d", c.next, c.end, got, c.lag)
		}
	}
}
