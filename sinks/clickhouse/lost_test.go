package clickhouse

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
)

// lose takes the parts of a table away and leaves their tokens in its
// deduplication log: so the server finds itself when it was killed between the
// log and the rename of the part.
func lose(tb testing.TB, conn driver.Conn, table string) {
	tb.Helper()
	paths := strings.Fields(lines(tb, conn, `SELECT path FROM system.parts WHERE database = currentDatabase() AND table = '`+table+`' AND active`))
	if len(paths) == 0 {
		tb.Fatalf("table %s has no part to lose", table)
	}
	execute(tb, conn, `DETACH TABLE `+table+` SYNC`)
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			tb.Fatal(err)
		}
	}
	execute(tb, conn, `ATTACH TABLE `+table)
	if n := number(tb, conn, `SELECT count() FROM `+table); n != 0 {
		tb.Fatalf("table %s still has %d rows", table, n)
	}
}

// A repeat is acknowledged like a first insert. Only its receipt, and a look,
// show that the rows are gone.
func TestARepeatWhoseRowsAreLostIsNotASuccess(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	b := newRandom(2).batch("t", 100, 500, 0.2)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	lose(t, conn, "events")
	for range 2 {
		if err := s.Store(t.Context(), b); !errors.Is(err, pipeline.ErrLost) {
			t.Fatalf("the repeat of lost rows: %v, want ErrLost", err)
		}
	}
	if _, held, err := s.Holds(t.Context(), b); held || err != nil {
		t.Errorf("holds: %v, %v", held, err)
	}
	b.Number = 1
	for range 3 {
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatalf("under the next token: %v", err)
		}
	}
	b.Number = 0 // as a worker does that was expelled long ago
	if err := s.Store(t.Context(), b); err != nil {
		t.Errorf("under the first token, whose rows are there now: %v", err)
	}
	if n := number(t, conn, `SELECT count() FROM events`); n != 500 {
		t.Errorf("%d rows, want 500", n)
	}
}

// What the server counts for an insert is what Store relies on.
func TestReceipts(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	b := newRandom(2).batch("t", 0, 10, 0.2)
	insert := func() receipt {
		t.Helper()
		full := newBlock()
		full.fill(b)
		var r receipt
		if err := s.insert(under(t.Context(), b.Token(), time.Minute, &r), full, b); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := insert(); !r.proves() || r.parts != 1 {
		t.Errorf("a first insert: %+v", r)
	}
	if r := insert(); r.proves() || r.repeats == 0 || r.parts != 0 {
		t.Errorf("its repeat: %+v", r)
	}
	execute(t, conn, `ALTER TABLE events MODIFY SETTING min_bytes_for_wide_part = 1`)
	b.First, b.Last = 10, 19
	if r := insert(); !r.proves() {
		t.Errorf("a wide part: %+v", r)
	}
}

func TestALostPackIsKeptAgain(t *testing.T) {
	c := migrated(t)
	c.InsertTimeout = time.Second
	s, conn := opened(t, c), reader(t, c)
	if err := s.SavePack(t.Context(), "digest", "id", []byte("archive")); err != nil {
		t.Fatal(err)
	}
	lose(t, conn, "packs")
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			if err := s.SavePack(t.Context(), "digest", "id", []byte("archive")); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	if kept, err := s.LoadPack(t.Context(), "digest"); string(kept) != "archive" || err != nil {
		t.Errorf("the pack is %q, %v", kept, err)
	}
	if n := number(t, conn, `SELECT count() FROM packs`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// Of two operators who replay a dead letter whose note was lost, one produces.
func TestALostClaimIsMadeAgain(t *testing.T) {
	c := migrated(t)
	c.InsertTimeout = time.Second
	s, conn := opened(t, c), reader(t, c)
	d := Disposition{Place: Place{Topic: "t", Offset: 7}, Action: Replaying, Attempt: 1, Actor: "jane"}
	if err := s.Claim(t.Context(), "main", d); err != nil {
		t.Fatal(err)
	}
	lose(t, conn, "dispositions")
	results := make(chan error, 3)
	for range cap(results) {
		go func() { results <- s.Claim(t.Context(), "main", d) }()
	}
	won := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			won++
		case !errors.Is(err, ErrTaken):
			t.Error(err)
		}
	}
	if n := number(t, conn, `SELECT count() FROM dispositions`); won != 1 || n != 1 {
		t.Errorf("%d operators may produce, and %d notes are there; want one of each", won, n)
	}
}

func TestALostRecordOfAMigrationIsMadeAgain(t *testing.T) {
	c := migrated(t)
	c.InsertTimeout = time.Second
	conn := reader(t, c)
	before := schemaOf(t, c)
	lose(t, conn, "schema_migrations")
	if err := Migrate(t.Context(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	if after := schemaOf(t, c); after != before {
		t.Errorf("the schema is\n%s\nwant\n%s", after, before)
	}
	opened(t, c)
}

// An insert that still runs when a repeat is acknowledged is waited for: what it
// stores is found, and nothing is stored beside it.
func TestOnceWaitsForAnInsertThatStillRuns(t *testing.T) {
	ctx := t.Context()
	inserts, looks := 0, 0
	err := once(ctx, "token", time.Second, func(context.Context) error { inserts++; return nil }, func(context.Context) (bool, error) {
		looks++
		return looks == 2, nil // it lands while once waits
	})
	if err != nil || inserts != 1 || looks != 2 {
		t.Errorf("%d inserts, %d looks, %v; want 1 and 2", inserts, looks, err)
	}
}

// The names that the server gives to what once and Holds ask of it.
func TestReplicasAreAskedWhatIsThere(t *testing.T) {
	conn := reader(t, migrated(t))
	if n := number(t, conn, `SELECT count() FROM system.columns WHERE database = 'system' AND table = 'replicas'
		AND name IN ('is_readonly', 'is_session_expired', 'inserts_in_queue', 'log_pointer', 'log_max_index')`); n != 5 {
		t.Errorf("the server knows %d of the columns", n)
	}
}

// Rows of the same offsets whose batch began at another time are of other
// records.
func TestHoldsRefusesAnotherTime(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	b := newRandom(10).batch("t", 0, 10, 0.1)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b.At = b.At.Add(time.Millisecond)
	stored, held, err := s.Holds(t.Context(), b)
	if _, waiting := pipeline.Waiting(err); err == nil || waiting || held {
		t.Errorf("holds: %v, %v, %v; want an error that stops", stored, held, err)
	}
	if want := "10 of its 10 rows have another batch_at"; err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
