package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/pipeline"
)

func TestServerErrors(t *testing.T) {
	batch := newRandom(8).batch("t", 0, 10, 0.3)
	f := func(name, statement string, spoil func(*Config), waitsFor, holds string) {
		t.Helper()
		c := migrated(t)
		for s := range strings.SplitSeq(statement, ";") {
			if s != "" {
				execute(t, reader(t, c), s)
			}
		}
		spoil(&c)
		conn, err := c.withDefaults().connect(c.Database)
		if err != nil {
			t.Fatal(err)
		}
		err = sinkOn(t, conn).Store(t.Context(), batch)
		what, waiting := pipeline.Waiting(err)
		if err == nil || waiting != (waitsFor != "") || !strings.HasPrefix(what, prefix+waitsFor) && waiting || !strings.Contains(err.Error(), holds) {
			t.Errorf("%s: error %q, waiting for %q; want one with %q, waiting for %q", name, err, what, holds, waitsFor)
		}
	}
	nothing := func(*Config) {}
	f("table dropped", `DROP TABLE events`, nothing, "the table", "UNKNOWN_TABLE (60)")
	f("database dropped", "", func(c *Config) { c.Database += "_gone" }, "the database", "UNKNOWN_DATABASE (81)")
	f("wrong password", "", func(c *Config) { c.Password = "secret-and-wrong" }, "a valid user and password", "AUTHENTICATION_FAILED (516)")
	f("unknown user", "", func(c *Config) { c.User = "nobody" }, "a valid user and password", "AUTHENTICATION_FAILED (516)")
	f("no grant", "", func(c *Config) {
		s := chtest.Server(t)
		c.User, c.Password = "analyst", s.AnalystPassword
	}, "the right INSERT ON tocsin_test_", "ACCESS_DENIED (497): GRANT INSERT ON tocsin_test_")
	f("column dropped", `ALTER TABLE events DROP COLUMN raw`, nothing, "", "NO_SUCH_COLUMN_IN_TABLE (16)")
	f("column changed", `ALTER TABLE events MODIFY COLUMN key LowCardinality(String)`, nothing, "", "column key has type LowCardinality(String)")
	f("an unknown code", `ALTER TABLE events ADD CONSTRAINT never CHECK offset < 0`, nothing, "", "VIOLATED_CONSTRAINT (469)")
	f("too many parts", fmt.Sprintf(`INSERT INTO events (batch_at) VALUES ('%s');
		ALTER TABLE events MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1`, batch.At.Format(milliForm)),
		nothing, "fewer parts in the table", "TOO_MANY_PARTS (252)")
	f("no server", "", func(c *Config) { c.Addrs = []string{"127.0.0.1:1"} }, "the server to be reachable", "refused")
}

// TestErrorsQuoteNoRecords: the server's messages quote what it was sent.
func TestErrorsQuoteNoRecords(t *testing.T) {
	c := migrated(t)
	s := opened(t, c) // which refuses a constraint
	execute(t, reader(t, c), `ALTER TABLE events ADD CONSTRAINT never CHECK event_id != 'MNPI-4711'`)
	b := newRandom(9).batch("t", 0, 10, 1)
	for i := range b.Rows {
		if e := b.Rows[i].Event; e != nil {
			e.SetText(e.Schema().Lookup("event_id"), "MNPI-4711")
		}
	}
	err := s.Store(t.Context(), b)
	if err == nil || strings.Contains(err.Error(), "4711") {
		t.Errorf("error %v: want one that quotes nothing", err)
	}
}

// TestMissingRight: of a refusal the right is kept, and nothing else.
func TestMissingRight(t *testing.T) {
	f := func(message, want string) {
		t.Helper()
		if got := missingRight(message); got != want {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
	const begin = "tocsin: Not enough privileges. To execute this query, it's necessary to have the grant "
	f(begin+"SELECT(version, checksum) ON tocsin.schema_migrations. (ACCESS_DENIED)", "SELECT ON tocsin.schema_migrations")
	f(begin+"SELECT for at least one column on tocsin.events. (ACCESS_DENIED)", "SELECT ON tocsin.events")
	f(begin+"TABLE ENGINE ON MergeTree. (ACCESS_DENIED)", "TABLE ENGINE ON MergeTree")
	f(begin+"INSERT, CREATE TABLE ON tocsin.v. (Missing permissions: CREATE TABLE ON tocsin.v). (ACCESS_DENIED)", "CREATE TABLE ON tocsin.v")
	f(begin+"SELECT, DROP TABLE ON tocsin._tmp_replace_2f8d_ysnp. (Missing permissions: DROP TABLE ON tocsin._tmp_replace_2f8d_ysnp)", "DROP TABLE ON tocsin.*")
	f("tocsin: Cannot execute query in readonly mode. MNPI-4711", "")
	f(begin+"MNPI-4711 1,000,000 ON 'x'", "")
}

func TestClassified(t *testing.T) {
	f := func(err error, waits bool) {
		t.Helper()
		got := classified(t.Context(), fmt.Errorf("insert: %w", err))
		if _, ok := pipeline.Waiting(got); ok != waits {
			t.Errorf("%v: waited for: %v, want %v", err, ok, waits)
		}
	}
	for code, c := range classes {
		f(&clickhouse.Exception{Code: int32(code)}, c.wait != "")
		if !code.IsAError() || c.remedy == "" {
			t.Errorf("code %d has no name, or no remedy", code)
		}
	}
	f(&clickhouse.Exception{Code: 49}, false)    // LOGICAL_ERROR
	f(&clickhouse.Exception{Code: 31337}, false) // of a server to come
	for _, code := range []int32{75, 76, 1001} { // a write, an open, a directory
		f(&clickhouse.Exception{Code: code, Message: "/data/x: , errno: 5, strerror: Input/output error"}, false)
		f(&clickhouse.Exception{Code: code, Message: "/data/x: , errno: 28, strerror: No space left on device"}, true)
		f(&clickhouse.Exception{Code: code, Message: "/data/x: , errno: 122, strerror: Disk quota exceeded"}, true)
	}
	f(io.EOF, true)
	f(io.ErrUnexpectedEOF, true)
	f(syscall.ECONNRESET, true)
	f(&net.OpError{Op: "dial", Err: errors.New("no route")}, true)
	f(context.DeadlineExceeded, true)
	f(errors.New("an unexpected error of the driver"), false)
	if classified(t.Context(), nil) != nil {
		t.Error("no error became one")
	}
}
