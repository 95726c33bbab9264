package clickhouse

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// silent is a connection whose server answers n questions and no more.
type silent struct {
	driver.Conn
	n int
}

func (s *silent) QueryRow(ctx context.Context, query string, args ...any) driver.Row {
	if s.n--; s.n < 0 {
		ended, end := context.WithCancel(ctx)
		end()
		ctx = ended
	}
	return s.Conn.QueryRow(ctx, query, args...)
}

// last is the error that ends a sequence.
func last[T any](all iter.Seq2[T, error]) (err error) {
	for _, err = range all {
	}
	return err
}

// Without an answer every question ends in an error. An audit or a worker would take
// nothing for an answer otherwise.
func TestEveryQuestionWithoutAnAnswerIsAnError(t *testing.T) {
	s := opened(t, migrated(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	part, place, b := Part{Cluster: "main", Topic: "t"}, Place{}, newRandom(1).batch("t", 0, 3, 0.1)
	for name, ask := range map[string]func() error{
		"Extents":      func() error { _, err := s.Extents(ctx, "main", "t", time.Time{}, time.Time{}); return err },
		"Links":        func() error { return last(s.Links(ctx, part, 0, 9)) },
		"Next":         func() error { _, _, err := s.Next(ctx, part, 0); return err },
		"ChainBefore":  func() error { _, _, _, err := s.ChainBefore(ctx, part, 5); return err },
		"DeadLetters":  func() error { _, err := s.DeadLetters(ctx, "main", LetterFilter{}); return err },
		"Find":         func() error { _, err := s.Find(ctx, "main", Named{}); return err },
		"DeadLetter":   func() error { _, err := s.DeadLetter(ctx, "main", place); return err },
		"Record":       func() error { _, err := s.Record(ctx, "main", place); return err },
		"Replays":      func() error { _, err := s.Replays(ctx, "main", place); return err },
		"Derived":      func() error { _, err := s.Derived(ctx, b); return err },
		"Unlike":       func() error { _, err := s.Unlike(ctx, part, b); return err },
		"Dispositions": func() error { _, err := s.Dispositions(ctx, "main", place); return err },
		"Claim":        func() error { return s.Claim(ctx, "main", Disposition{}) },
		"Note":         func() error { return s.Note(ctx, "main", Disposition{}) },
		"Headers":      func() error { return last(s.Headers(ctx, part, 0, 9)) },
		"Unkept":       func() error { return last(s.Unkept(ctx, part, 0, 9)) },
		"Judged":       func() error { return last(s.Judged(ctx, part, 0, 9)) },
		"Candidates":   func() error { return last(s.Candidates(ctx, part, 0, 9)) },
		"Matters":      func() error { return last(s.Matters(ctx, "main", time.Time{}, time.Time{})) },
		"Raised":       func() error { _, err := s.Raised(ctx, []string{"a"}); return err },
		"Holds":        func() error { _, _, err := s.Holds(ctx, b); return err },
		"Tail":         func() error { _, _, err := s.Tail(ctx, b.Log(), 0); return err },
		"SavePack":     func() error { return s.SavePack(ctx, "digest", "id", nil) },
		"LoadPack":     func() error { _, err := s.LoadPack(ctx, "digest"); return err },
		"Stored":       func() error { _, _, err := s.Stored(ctx, "main", Named{}); return err },
		"Store":        func() error { return s.Store(ctx, b) },
		"Restore":      func() error { return s.Restore(ctx, b) },
	} {
		if err := ask(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
}

// Holds asks twice.
func TestHoldsWithoutAnAnswer(t *testing.T) {
	s := opened(t, migrated(t))
	b := newRandom(10).batch("t", 0, 10, 0.1)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		asked := &Sink{conn: &silent{s.conn, n}}
		if _, held, err := asked.Holds(t.Context(), b); held != (n == 2) || (err == nil) != held {
			t.Errorf("with %d answers: held %t, %v", n, held, err)
		}
	}
}
