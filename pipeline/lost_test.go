package pipeline

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// losing makes the store keep the token of the n-th new batch and lose its rows,
// as ClickHouse does when it dies between its deduplication log and the rename.
func (b *bench) losing(n int) {
	b.sink.loses = func() bool { n--; return n == 0 }
}

// An acknowledgement of an insert that is not the first proves nothing.
func TestRowsLostWithTheirTokenAreStoredUnderTheNext(t *testing.T) {
	for _, n := range []int{1, 3} {
		virtual(t, func(t *testing.T) {
			b := newBench(t, 2)
			b.losing(n)
			b.produce(0, 2000)
			w := b.start(func(c *Config) { c.MaxRecords = 200 })
			b.settled(2000, 5*time.Minute)
			time.Sleep(time.Minute)
			b.end(w)
			b.exact(2000)
			numbers := 0
			for _, batch := range b.sink.batches {
				numbers += batch.Number
			}
			if numbers != 1 {
				t.Errorf("%d batches are stored under a second token, want 1", numbers)
			}
		})
	}
}

// While a batch waits for its next token the other partitions go on.
func TestALostBatchHoldsUpItsPartitionOnly(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.losing(1)
		b.send(0, plain(10)...)
		w := b.start()
		time.Sleep(10 * time.Second)
		b.send(1, plain(10)...)
		time.Sleep(10 * time.Second)
		if n := b.sink.stored(); n != 10 {
			t.Errorf("%d records are stored while a batch waits, want the 10 of the other partition", n)
		}
		time.Sleep(2 * time.Minute)
		b.end(w)
		b.whole(0, 10)
		b.whole(1, 10)
	})
}

// The owner that saw the loss ends before the next token; its successor waits
// again, and finds what an insert that ran on has stored meanwhile.
func TestALostBatchIsTakenOver(t *testing.T) {
	for _, waits := range []time.Duration{20 * time.Second, 3 * time.Minute} {
		virtual(t, func(t *testing.T) {
			b := newBench(t, 1)
			b.losing(1)
			b.send(0, plain(10)...)
			first := b.start()
			time.Sleep(waits)
			b.end(first)
			second := b.start()
			time.Sleep(3 * time.Minute)
			b.end(second)
			b.whole(0, 10)
		})
	}
}

// Every later owner goes on with the number: nothing is ever inserted under two
// tokens at once.
func TestTheNumberOfATokenIsInTheMark(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.losing(1)
		b.send(0, plain(10)...)
		first := b.start()
		time.Sleep(20 * time.Second)
		b.sink.set(func() {
			b.sink.storeErr = func() error {
				if b.sink.trying.Number == 1 {
					return errAway
				}
				return nil
			}
		})
		time.Sleep(3 * time.Minute)
		b.end(first)
		o := b.group(0)
		if m, err := parseMark(o.Metadata, o.At); err != nil || len(m.Promises) == 0 || m.Promises[0].Number != 1 {
			t.Errorf("the mark is %s, %v; want the intent's second token", o.Metadata, err)
		}
		var tokens []string
		b.sink.set(func() {
			b.sink.storeErr = func() error { tokens = append(tokens, b.sink.trying.Token()); return nil }
		})
		second := b.start()
		time.Sleep(3 * time.Minute)
		b.end(second)
		b.whole(0, 10)
		for _, token := range tokens {
			if token != "test/ledger.events/"+b.logID().String()+"/0/0-9/2" && token != "" {
				t.Errorf("the second owner stores under %s", token)
			}
		}
	})
}

// The pause of a partition ends before its batch may be stored again when the
// partition is revoked or the client forgets the pause. The wait holds by itself: a
// look that finds no rows leads to the next token only after the time.
func TestNoTokenIsGivenUpBeforeItsInsertsHaveEnded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		memory := newMemory()
		w := &Worker{Config: Config{IntentTTL: time.Minute, Stores: 4, StepTimeout: 10 * time.Second, BackoffMin: 1, BackoffMax: 1}, store: memory, publisher: memory,
			metrics: NewMetrics(prometheus.NewRegistry()), health: NewHealth(time.Now()), log: slog.New(slog.DiscardHandler)}
		s := &session{Worker: w, ends: make(chan func() error, 1)}
		wake := context.CancelFunc(func() {})
		s.wake.Store(&wake)
		b := &batch{Batch: Batch{Topic: topic, Rows: []Row{{}}}, replay: true, complete: true, declared: 1}
		p := &partition{topicPartition: topicPartition{topic, 0}, promised: []intent{{}}, lost: time.Now(), hand: []*batch{b},
			jobs: 1} // so that it stays in hand
		number := func(want int, when string) {
			t.Helper()
			p.givenUp = false
			s.check(t.Context(), p, b)
			if err := s.collect(nil); err != nil {
				t.Fatal(err)
			}
			if n := p.promised[0].Number; n != want || p.lost.IsZero() != (want > 0) || !p.givenUp || b.checked {
				t.Fatalf("%s: %d tokens are given up and the batch is certain: %t; want %d and false", when, n, b.checked, want)
			}
		}
		number(0, "at once")
		time.Sleep(w.IntentTTL + w.StepTimeout - 1)
		number(0, "just before an intent and a step have passed")
		time.Sleep(time.Nanosecond)
		number(1, "after an intent and a step")
	})
}
