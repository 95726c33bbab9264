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

// soon is how long a sink may take to return once its context is cancelled.
const soon = 10 * time.Second

// Store tests a store against the contract of pipeline.Store. open returns the
// store and the means to read it back; it is called for each test.
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
		// A store that tells batches apart by content loses the second.
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
			s.holds(t, b) // a success is a promise, whatever the context says
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
			chain, got, err := s.Store.Holds(t.Context(), b)
			if got != want || err != nil || (want && chain != b.Rows[len(b.Rows)-1].Chain) {
				t.Errorf("holds %s: %v, %x, %v; want %v, and the chain of its last row", b.Token(), got, chain, err, want)
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

// storeTest is one test of a store, on a series of its own.
type storeTest struct {
	pipeline.Store
	read ReadRows
	*series
}

// many is a batch of n records, of which every hundredth is a candidate.
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

// holds checks that the store keeps the rows of these batches, each once, and
// nothing else of the partition.
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
		if !same(&want[i], &got[i]) { // cmp alone takes seconds over all
			t.Fatalf("row %d (-want +got):\n%s", i, cmp.Diff(want[i], got[i]))
		}
	}
}

func same(a, b *Row) bool {
	return a.Offset == b.Offset && a.Tombstone == b.Tombstone && a.RawHash == b.RawHash && a.Chain == b.Chain && a.Type == b.Type &&
		a.Failure == b.Failure && bytes.Equal(a.Event, b.Event) && slices.Equal(a.Verdicts, b.Verdicts)
}

// rowOf is what a store must keep of a row. It copies: a row's bytes are the
// caller's.
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
