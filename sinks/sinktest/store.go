package sinktest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
)

// soon bounds how long a sink may take to return after its context is cancelled.
const soon = 10 * time.Second

// Store tests a store against the contract of pipeline.Store. open is called for
// each test. It returns the store and a function that reads it back.
func Store(t *testing.T, open func(t *testing.T) (pipeline.Store, ReadRows)) {
	run := func(name string, test func(t *testing.T, s storeTest)) {
		t.Run(name, func(t *testing.T) {
			store, read := open(t)
			test(t, storeTest{store, read, newSeries(name)})
		})
	}
	run("every_kind", func(t *testing.T, s storeTest) {
		b := s.batch(everyLedger, everySystem, s.candidate, s.quiet, unjudged, deadLetter, empty, tombstone)
		s.store(t, b)
		s.holds(t, b)
	})
	run("one_record", func(t *testing.T, s storeTest) {
		b := s.batch(tombstone)
		s.store(t, b)
		s.holds(t, b)
	})
	run("records_never_unpacked", func(t *testing.T, s storeTest) {
		b := s.batch(packed, packed)
		s.store(t, b)
		s.holds(t, b)
		tail, ok, err := s.Store.Tail(t.Context(), b.Log(), 0)
		if !errors.Is(err, pipeline.ErrForgets) && (!ok || err != nil || tail.Refused != b.Rows[0].Failure.Code) {
			t.Errorf("the tail is %+v, %v, %v; want the code of its failure in it", tail, ok, err)
		}
		s.store(t, s.batch(packed, tombstone))
		if tail, _, err := s.Store.Tail(t.Context(), b.Log(), 0); tail.Refused != "" {
			t.Errorf("the tail behind it is %+v, %v", tail, err)
		}
	})
	run("same_batch_twice", func(t *testing.T, s storeTest) {
		b := s.small()
		s.store(t, b)
		s.store(t, b)
		s.holds(t, b)
	})
	run("same_batch_after_another", func(t *testing.T, s storeTest) {
		first, second := s.small(), s.small()
		s.store(t, first)
		s.store(t, second)
		s.store(t, first)
		s.holds(t, first, second)
	})
	run("equal_content_in_two_batches", func(t *testing.T, s storeTest) {
		// A store that distinguishes batches by content loses the second.
		first, second := s.batch(tombstone), s.batch(tombstone)
		second.Rows[0].Chain = first.Rows[0].Chain
		s.store(t, first)
		s.store(t, second)
		s.holds(t, first, second)
	})
	run("partitions_apart", func(t *testing.T, s storeTest) {
		other := *s.series
		other.partition++
		mine, theirs := s.small(), other.small()
		s.store(t, mine)
		s.store(t, theirs)
		s.holds(t, mine)
		s.series = &other
		s.holds(t, theirs)
	})
	run("concurrent", func(t *testing.T, s storeTest) {
		batches := []*pipeline.Batch{s.small(), s.small(), s.small()}
		var group sync.WaitGroup
		for i := range 9 { // each batch by three callers at once
			group.Go(func() {
				if err := s.Store.Store(t.Context(), batches[i%3]); err != nil {
					t.Errorf("store, among others: %v", err)
				}
			})
		}
		group.Wait()
		s.holds(t, batches...)
	})
	run("cancelled", func(t *testing.T, s storeTest) {
		b := s.small()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if err := s.Store.Store(ctx, b); err == nil {
			s.holds(t, b) // a success is a promise, even under a cancelled context
		}
		if took := time.Since(start); took > soon {
			t.Errorf("took %s to return from a cancelled call", took)
		}
		s.store(t, b)
		s.holds(t, b)
	})
	run("cancelled_midway", func(t *testing.T, s storeTest) {
		b := s.many(5_000)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Store.Store(ctx, b) }()
		cancel()
		select {
		case err := <-done:
			if err == nil {
				s.holds(t, b)
			}
		case <-time.After(soon):
			t.Fatalf("still running %s after it was cancelled", soon)
		}
		s.store(t, b)
		s.holds(t, b)
	})
	run("late", func(t *testing.T, s storeTest) {
		b := s.small()
		b.Declared, b.IntentTTL = time.Now().Add(-time.Minute), time.Minute
		if err := s.Store.Store(t.Context(), b); !errors.Is(err, pipeline.ErrLate) {
			t.Errorf("store a batch whose intent is too old: %v, want ErrLate", err)
		}
		s.holds(t)
		b.Declared = time.Now()
		s.store(t, b)
		s.holds(t, b)
	})
	run("holds", func(t *testing.T, s storeTest) {
		first, second := s.small(), s.batch(tombstone)
		s.store(t, first)
		for b, want := range map[*pipeline.Batch]bool{first: true, second: false} {
			held, got, err := s.Store.Holds(t.Context(), b)
			if got != want || err != nil || want && held != (pipeline.Held{Rows: len(b.Rows), Chain: b.Rows[len(b.Rows)-1].Chain}) {
				t.Errorf("holds %s: %v, %v, %v; want %v, and the chain of its last row", b.Token(), got, held, err, want)
			}
		}
	})
	run("logs_of_one_name_apart", func(t *testing.T, s storeTest) {
		old, next := s.small(), s.small()
		next.TopicID, next.First, next.Last = pipeline.TopicID{1}, old.First, old.Last
		for i := range next.Rows {
			next.Rows[i].Offset = old.Rows[i].Offset
		}
		log := next.Log()
		tail := func(log pipeline.Log, near int64, want pipeline.Tail, there bool) {
			t.Helper()
			got, ok, err := s.Store.Tail(t.Context(), log, near)
			if errors.Is(err, pipeline.ErrForgets) {
				return
			}
			if ok != there || got != want || err != nil {
				t.Errorf("the tail of %s, %q: %+v, %v, %v; want %+v, %v", log, log.ID, got, ok, err, want, there)
			}
		}
		tail(log, 0, pipeline.Tail{None: true}, false)
		s.store(t, old)
		tail(log, 0, pipeline.Tail{Earlier: true}, false)
		if _, held, err := s.Store.Holds(t.Context(), next); held || err != nil {
			t.Errorf("holds a batch of a new log whose offsets the old one has: %v, %v", held, err)
		}
		s.store(t, next)
		for _, b := range []*pipeline.Batch{old, next} {
			last := pipeline.Tail{First: b.First, Last: b.Last, Digest: b.Digest, MaxBytes: b.MaxBytes, Before: pipeline.Seed(b.TopicID, b.Partition), Chain: b.Rows[len(b.Rows)-1].Chain}
			for _, near := range []int64{0, b.First, b.Last, b.Last + 1, b.Last + 100} {
				tail(b.Log(), near, last, true)
			}
			if held, ok, err := s.Store.Holds(t.Context(), b); !ok || err != nil || held.Chain != last.Chain {
				t.Errorf("holds %s: %v, %v, %v", b.Token(), held, ok, err)
			}
		}
	})
	run("many_records", func(t *testing.T, s storeTest) {
		b := s.many(20_000)
		s.store(t, b)
		s.store(t, b)
		s.holds(t, b)
	})
}

// Lost tests a store that can remember a token without rows. open returns the
// store, the means to read it back, and lose, which takes the rows of everything
// stored so far away and leaves the tokens; it is called for each test.
func Lost(t *testing.T, open func(t *testing.T) (_ pipeline.Store, _ ReadRows, lose func(*pipeline.Batch))) {
	run := func(name string, test func(t *testing.T, s storeTest, lose func(*pipeline.Batch))) {
		t.Run(name, func(t *testing.T) {
			store, read, lose := open(t)
			test(t, storeTest{store, read, newSeries(name)}, lose)
		})
	}
	run("repeat_of_lost_rows", func(t *testing.T, s storeTest, lose func(*pipeline.Batch)) {
		b := s.small()
		s.store(t, b)
		lose(b)
		for range 2 {
			if err := s.Store.Store(t.Context(), b); !errors.Is(err, pipeline.ErrLost) {
				t.Errorf("store a batch whose token is remembered and whose rows are lost: %v, want ErrLost", err)
			}
			if _, held, err := s.Store.Holds(t.Context(), b); held || err != nil {
				t.Errorf("holds lost rows: %v, %v", held, err)
			}
		}
		s.holds(t)
	})
	run("lost_rows_under_the_next_token", func(t *testing.T, s storeTest, lose func(*pipeline.Batch)) {
		b := s.small()
		s.store(t, b)
		lose(b)
		next := *b
		next.Number++
		s.store(t, &next)
		s.store(t, &next)
		s.store(t, b) // its rows are there, under whatever token
		s.holds(t, b)
		if stored, held, err := s.Store.Holds(t.Context(), b); !held || err != nil || stored.Chain != b.Rows[len(b.Rows)-1].Chain {
			t.Errorf("holds rows that were stored again: %v, %v", held, err)
		}
	})
}

// storeTest is one test of a store, with its own series.
type storeTest struct {
	pipeline.Store
	read ReadRows
	*series
}

// many returns a batch of n records, of which every hundredth is a candidate.
func (s storeTest) many(n int) *pipeline.Batch {
	makers := make([]func(int64) pipeline.Row, n)
	for i := range makers {
		makers[i] = s.quiet
		if i%100 == 0 {
			makers[i] = s.candidate
		}
	}
	return s.batch(makers...)
}

func (s storeTest) store(t *testing.T, b *pipeline.Batch) {
	t.Helper()
	if err := s.Store.Store(t.Context(), b); err != nil {
		t.Fatalf("store %s: %v", b.Token(), err)
	}
}

// holds checks that the store keeps each row of these batches once, and no other
// row of the partition.
func (s storeTest) holds(t *testing.T, batches ...*pipeline.Batch) {
	t.Helper()
	var want []Row
	for _, b := range batches {
		for i := range b.Rows {
			want = append(want, rowOf(&b.Rows[i]))
		}
	}
	got, err := s.read(t.Context(), s.topic, s.partition)
	if err != nil {
		t.Fatalf("read back: %v", err)
	}
	for i := range got {
		if got[i].Event == nil && i < len(want) {
			want[i].Event = nil
		}
	}
	if len(got) != len(want) {
		t.Errorf("the store holds %d rows, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if !same(&want[i], &got[i]) { // cmp would take seconds for all rows
			t.Fatalf("row %d (-want +got):\n%s", i, cmp.Diff(want[i], got[i]))
		}
	}
}

func same(a, b *Row) bool {
	return a.Offset == b.Offset && a.Tombstone == b.Tombstone && a.RawHash == b.RawHash && a.Chain == b.Chain && a.Type == b.Type &&
		a.Failure == b.Failure && bytes.Equal(a.Event, b.Event) && slices.Equal(a.Verdicts, b.Verdicts)
}

// rowOf returns what a store must keep of a row. It copies, because the bytes of a
// row are the caller's.
func rowOf(r *pipeline.Row) Row {
	kept := Row{Offset: r.Offset, Tombstone: r.Tombstone, RawHash: r.RawHash, Chain: r.Chain}
	if r.Event != nil {
		kept.Type, kept.Event = r.Event.Type().Name, r.Event.AppendJSON(nil)
	}
	if r.Failure != nil {
		kept.Failure = r.Failure.Code
	}
	for _, v := range r.Verdicts {
		if f := v.Finding; f != nil {
			kept.Verdicts = append(kept.Verdicts, Verdict{v.Rule.ID, v.Rule.Revision, v.Outcome, f.Severity, f.CandidateID, f.Key, f.Reason})
		}
	}
	return kept
}
