package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
	"tocsin/rules/calendar"
	"tocsin/rules/event"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
)

func TestSameBatchTwiceIsStoredOnce(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	// The table's own setting of asynchronous inserts must not matter.
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
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections and never answers
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
		t.Errorf("Store returned %v although its context ended after 50 ms", took)
	}
}

// TestUnstored: a value that its column cannot hold is NULL and noted, and no
// other value stands in its place.
func TestUnstored(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	executed, effective, when := event.Ledger.Lookup("contract.executed_at"), event.Ledger.Lookup("contract.effective_date"), event.Ledger.Lookup("event_time")
	offset := int64(0)
	f := func(micros int64, date calendar.Date, want ...string) {
		t.Helper()
		e := event.New(event.LookupType("ledger.contract.executed"))
		e.SetInstant(executed, micros, -5*3600)
		e.SetInstant(when, micros, 0)
		e.SetDate(effective, date)
		if err := s.Store(t.Context(), &pipeline.Batch{Cluster: "main", Topic: "t", First: offset, Last: offset, At: time.Now(), Rows: []pipeline.Row{{Offset: offset, Timestamp: time.Now(), Event: e}}}); err != nil {
			t.Fatal(err)
		}
		var notes []string
		var instant, day bool
		var happened int64
		if err := conn.QueryRow(t.Context(), `SELECT arrayMap((f, v) -> concat(f, ' ', v), unstored.field, unstored.value), isNull(contract_executed_at), isNull(contract_effective_date),
			toUnixTimestamp64Micro(happened_at) FROM events WHERE offset = $1`, offset).Scan(&notes, &instant, &day, &happened); err != nil {
			t.Fatal(err)
		}
		named := func(field string) bool { return strings.Contains(strings.Join(want, " "), field) }
		if !slices.Equal(notes, want) || instant != named("executed_at") || day != named("effective_date") || happened != min(max(micros, minMicros), maxMicros) {
			t.Errorf("%d, %d: %q, NULL %t and %t, happened at %d; want %q", micros, date, notes, instant, day, happened, want)
		}
		offset++
	}
	f(minMicros, minDate)
	f(maxMicros, maxDate)
	f(minMicros-1, minDate-1, "event_time 1899-12-31T23:59:59.999999Z", "contract.executed_at 1899-12-31T18:59:59.999999-05:00", "contract.effective_date 1899-12-31")
	f(maxMicros+1, maxDate, "event_time 2300-01-01T00:00:00Z", "contract.executed_at 2299-12-31T19:00:00-05:00")
	f(0, calendar.NewDate(9999, 12, 31), "contract.effective_date 9999-12-31")

	// A day without a time of day is no midnight. It sorts at its start.
	e := event.New(event.LookupType("ledger.contract.executed"))
	e.SetDay(executed, calendar.NewDate(2026, 3, 2))
	e.SetDay(when, calendar.NewDate(2026, 3, 2))
	if err := s.Store(t.Context(), &pipeline.Batch{Cluster: "main", Topic: "t", First: offset, Last: offset, At: time.Now(), Rows: []pipeline.Row{{Offset: offset, Timestamp: time.Now(), Event: e}}}); err != nil {
		t.Fatal(err)
	}
	var held string
	if err := conn.QueryRow(t.Context(), `SELECT toString((unstored.field, unstored.value, contract_executed_at, event_time, toString(happened_at))) FROM events WHERE offset = $1`, offset).Scan(&held); err != nil {
		t.Fatal(err)
	}
	if want := "(['event_time','contract.executed_at'],['2026-03-02','2026-03-02'],NULL,NULL,'2026-03-02 00:00:00.000000')"; held != want {
		t.Errorf("a day is %s, want %s", held, want)
	}
}

// TestAbsurdKafkaTimestamps: producers write what they like there. The row has the
// integer that Kafka sent. Outside 1990 to 2099 it has no instant and a note, and
// its batch lies in a ClickHouse partition that a replay finds.
func TestAbsurdKafkaTimestamps(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	for i, ms := range []int64{-1, math.MinInt64, math.MaxInt64, 1_764_000_000_000_000_000, 10_413_792_000_000, 1_764_000_000, 631_151_999_999, 4_102_444_800_000,
		631_152_000_000, 4_102_444_799_999, 1_764_000_000_123} {
		b := newRandom(6).batch("t", int64(i), 1, 0.2)
		b.At = time.UnixMilli(ms).UTC()
		b.Rows[0].Timestamp = b.At
		if err := s.Store(t.Context(), b); err != nil {
			t.Errorf("%d: %v", ms, err)
		}
		var held, at int64
		var instant *time.Time
		var notes []string
		if err := conn.QueryRow(t.Context(), `SELECT kafka_millis, kafka_timestamp, toUnixTimestamp64Milli(batch_at), arrayFilter((v, f) -> f = 'kafka_timestamp', unstored.value, unstored.field)
			FROM events WHERE offset = $1`, i).Scan(&held, &instant, &at, &notes); err != nil || held != ms {
			t.Errorf("%d came back as %d, %v", ms, held, err)
		}
		if plausible := i >= 8; plausible && (instant == nil || instant.UnixMilli() != ms || at != ms || len(notes) > 0) {
			t.Errorf("%d is %v, in a batch of %d, noted %q", ms, instant, at, notes)
		} else if !plausible && (instant != nil || at != -2_208_988_800_000 || !slices.Equal(notes, []string{fmt.Sprint(ms)})) {
			t.Errorf("%d is %v, in a batch of %d, noted %q; want no instant, a batch of 1900-01-01, and a note", ms, instant, at, notes)
		}
		if _, found, err := s.Holds(t.Context(), b); !found || err != nil {
			t.Errorf("%d: the batch is found again: %t, %v", ms, found, err)
		}
	}
}

// sinkOn is a sink on a connection without the checks of Open.
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
