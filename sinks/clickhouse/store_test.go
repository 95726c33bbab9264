package clickhouse

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
	"tocsin/rules/calendar"
	"tocsin/rules/event"

	chserver "tocsin/cmd/devstack/clickhouse"
	"tocsin/cmd/devstack/clickhouse/chtest"
)

func TestSameBatchTwiceIsStoredOnce(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	// What the table's own settings say of asynchronous inserts must not matter.
	execute(t, conn, `ALTER TABLE events MODIFY SETTING async_insert = 1`)
	b := newRandom(2).batch("t", 100, 500, 0.2)
	for range 3 {
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if n := number(t, conn, `SELECT count() FROM events`); n != 500 {
			t.Fatalf("%d rows, want 500", n)
		}
	}
	// The token decides, not the content.
	b.Digest = "another"
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	b.First, b.Last = 600, 1099
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if n := number(t, conn, `SELECT count() FROM events`); n != 1000 {
		t.Errorf("%d rows after another range, want 1000", n)
	}
}

func TestSeveralStoreAtOnce(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	var all sync.WaitGroup
	for p := range uint64(8) {
		all.Go(func() {
			b := newRandom(p).batch("t", 0, 300, 0.3)
			b.Partition = int32(p)
			for range 2 { // as an owner and a worker taken for dead would
				if err := s.Store(t.Context(), b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if n := number(t, reader(t, c), `SELECT count() FROM events`); n != 2400 {
		t.Errorf("%d rows, want 2400", n)
	}
	if n := number(t, reader(t, c), `SELECT sum(lost + doubled + skipped + overlapping) FROM completeness`); n != 0 {
		t.Errorf("completeness counts %d faults", n)
	}
}

// TestABatchIsOnePart: a batch is a single part however small the blocks are
// that the user's profile asks for, so it is there as a whole or not at all.
func TestABatchIsOnePart(t *testing.T) {
	c := migrated(t)
	conn := reader(t, c)
	execute(t, conn, `SYSTEM STOP MERGES events`)
	profile, err := clickhouse.Open(&clickhouse.Options{
		Addr: c.Addrs, Auth: clickhouse.Auth{Database: c.Database, Username: c.User, Password: c.Password},
		Settings: clickhouse.Settings{"async_insert": 1, "insert_deduplicate": 0, "max_block_size": 100, "max_insert_block_size": 100,
			"min_insert_block_size_rows": 100, "min_insert_block_size_bytes": 100, "max_insert_threads": 4},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := sinkOn(t, profile)
	for range 2 {
		if err := s.Store(t.Context(), newRandom(7).batch("t", 0, 5000, 0.3)); err != nil {
			t.Fatal(err)
		}
	}
	parts := number(t, conn, `SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active`)
	if held := number(t, conn, `SELECT count() FROM events`); parts != 1 || held != 5000 {
		t.Errorf("%d rows in %d parts, want 5000 in 1", held, parts)
	}
}

func TestStoredSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	server, c := ownServer(t, chserver.Options{Dir: dir})
	b := newRandom(3).batch("t", 0, 1000, 0.3)
	s := opened(t, c)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	server.Kill()
	if what := waits(t, s.Store(t.Context(), b)); what != unreachable {
		t.Errorf("with the server gone Store waits for %q", what)
	}
	restart(t, c, dir)
	for range 2 { // the first may find a connection of the dead server
		if err := s.Store(t.Context(), b); err == nil {
			break
		}
	}
	if n := number(t, reader(t, c), `SELECT count() FROM events`); n != 1000 {
		t.Errorf("%d rows after kill, restart and the same batch again, want 1000", n)
	}
}

// TestKilledInMidInsert cuts an insert off wherever the server's death meets it
// and sends it again.
func TestKilledInMidInsert(t *testing.T) {
	dir := t.TempDir()
	server, c := ownServer(t, chserver.Options{Dir: dir})
	r := newRandom(4)
	s := opened(t, c)
	for round := range int64(3) {
		b := r.batch("t", round*10_000, 10_000, 0.3)
		relay := newRelay(t, c.Addrs[0], int(round+1)*100_000)
		cut := c
		cut.Addrs = []string{relay}
		through, err := cut.connect(cut.Database)
		if err != nil {
			t.Fatal(err)
		}
		waits(t, sinkOn(t, through).Store(t.Context(), b)) // the connection ends in the block
		server.Kill()
		server = restart(t, c, dir)
		for try := 0; ; try++ {
			err := s.Store(t.Context(), b)
			if err == nil {
				break
			}
			if waits(t, err); try == 5 {
				t.Fatal(err)
			}
		}
		if n := number(t, reader(t, c), `SELECT count() FROM events`); n != uint64(round+1)*10_000 {
			t.Fatalf("round %d: %d rows", round, n)
		}
	}
}

func TestCancelledStoreReturnsSoon(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	c := Config{Addrs: []string{silent.Addr().String()}, Database: "tocsin", DialTimeout: time.Second}.withDefaults()
	conn, err := c.connect(c.Database)
	if err != nil {
		t.Fatal(err)
	}
	s := sinkOn(t, conn)
	s.insertTimeout = 100 * time.Millisecond
	b := newRandom(5).batch("t", 0, 10, 0.3)
	if what := waits(t, s.Store(t.Context(), b)); what != prefix+"an answer within insert_timeout" {
		t.Errorf("Store waits for %q", what)
	}
	s.insertTimeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := s.Store(ctx, b); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("after the caller's deadline: %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("Store returned %v after it was told to end after 50 ms", took)
	}
}

func TestFits(t *testing.T) {
	e := event.New(event.LookupType("ledger.contract.executed"))
	executed, effective := event.Ledger.Lookup("contract.executed_at"), event.Ledger.Lookup("contract.effective_date")
	f := func(micros int64, date calendar.Date, field string) {
		t.Helper()
		e.SetInstant(executed, micros, 0)
		e.SetDate(effective, date)
		failure := Fits(e)
		switch {
		case field == "" && failure != nil:
			t.Errorf("%d, %d does not fit: %v", micros, date, failure)
		case field != "" && (failure == nil || failure.Field != field || failure.Stage != "store"):
			t.Errorf("%d, %d: failure %v, want one of %s", micros, date, failure, field)
		}
	}
	f(minMicros, minDate, "")
	f(maxMicros, maxDate, "")
	f(minMicros-1, minDate, "contract.executed_at")
	f(maxMicros+1, minDate, "contract.executed_at")
	f(math.MaxInt64, minDate, "contract.executed_at")
	f(0, minDate-1, "contract.effective_date")
	f(0, maxDate+1, "contract.effective_date")

	c := migrated(t)
	b := &pipeline.Batch{Cluster: "main", Topic: "t", At: time.Now(), Rows: []pipeline.Row{{Timestamp: time.Now(), Event: e}}}
	err := opened(t, c).Store(t.Context(), b)
	if _, waiting := pipeline.Waiting(err); err == nil || waiting || !strings.Contains(err.Error(), "contract.effective_date") {
		t.Errorf("Store of a value that does not fit: %v", err)
	}
	if n := number(t, reader(t, c), `SELECT count() FROM events`); n != 0 {
		t.Errorf("%d rows were stored with another value", n)
	}
}

// TestAbsurdKafkaTimestamps: producers write what they like there, and a batch
// must be stored all the same.
func TestAbsurdKafkaTimestamps(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	for i, ms := range []int64{-1, math.MinInt64 / 2, math.MaxInt64, 1_764_000_000_000_000_000} {
		b := newRandom(6).batch("t", int64(i), 1, 0.2)
		b.At = time.UnixMilli(ms).UTC()
		b.Rows[0].Timestamp = b.At
		if err := s.Store(t.Context(), b); err != nil {
			t.Errorf("%d: %v", ms, err)
		}
		var held int64
		if err := conn.QueryRow(t.Context(), `SELECT toUnixTimestamp64Milli(kafka_timestamp) FROM events WHERE offset = $1`, i).Scan(&held); err != nil || held != ms {
			t.Errorf("%d came back as %d, %v", ms, held, err)
		}
	}
}

// sinkOn is a sink on a connection that nobody has inspected.
func sinkOn(t *testing.T, conn driver.Conn) *Sink {
	s := newSink(conn, Config{InsertTimeout: 10 * time.Second})
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// waits demands an error made by pipeline.Wait and returns what it waits for.
func waits(t *testing.T, err error) string {
	t.Helper()
	what, ok := pipeline.Waiting(err)
	if !ok {
		t.Fatalf("error %v is none that is waited for", err)
	}
	return what
}

// ownServer starts a server for this test alone, with a migrated database.
func ownServer(t *testing.T, o chserver.Options) (*chserver.Server, Config) {
	t.Helper()
	chtest.Server(t) // fetches what a server needs, once
	server, err := chserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	c := configOf(server, chserver.Database)
	if err := Migrate(t.Context(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	return server, c
}

// restart starts a killed server again on its data and its port.
func restart(t *testing.T, c Config, dir string) *chserver.Server {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", c.Addrs[0])
	if err != nil {
		t.Fatal(err)
	}
	server, err := chserver.Start(t.Context(), chserver.Options{Dir: dir, TCPPort: addr.Port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	return server
}

// newRelay passes one connection on to addr and breaks it off after so many
// bytes from the client.
func newRelay(t *testing.T, addr string, bytes int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", addr)
		if err != nil {
			_ = client.Close()
			return
		}
		go func() { _, _ = io.Copy(client, server) }()
		_, _ = io.CopyN(server, client, int64(bytes))
		_, _ = client.Close(), server.Close()
	}()
	return l.Addr().String()
}
