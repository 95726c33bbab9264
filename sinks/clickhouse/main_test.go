package clickhouse

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
)

func TestMain(m *testing.M) { chtest.Main(m) }

// configOf is how a test reaches a database of its own on a server.
func configOf(s *chserver.Server, database string) Config {
	return Config{Addrs: []string{s.TCPAddr}, Database: database, User: chserver.User, Password: s.Password}
}

// migrated returns a new database with the schema of this release.
func migrated(tb testing.TB) Config {
	tb.Helper()
	c := configOf(chtest.Server(tb), chtest.Database(tb))
	if err := Migrate(tb.Context(), c, func(string) {}); err != nil {
		tb.Fatal(err)
	}
	return c
}

// opened returns a sink that is closed when the test ends.
func opened(tb testing.TB, c Config) *Sink {
	tb.Helper()
	s, err := Open(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// reader connects by the driver itself, past the sink.
func reader(tb testing.TB, c Config) driver.Conn {
	tb.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: c.Addrs, Auth: clickhouse.Auth{Database: c.Database, Username: c.User, Password: c.Password}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// execute runs a statement that must succeed.
func execute(tb testing.TB, conn driver.Conn, statement string) {
	tb.Helper()
	if err := conn.Exec(tb.Context(), statement); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

// number runs a query whose answer is one number.
func number(tb testing.TB, conn driver.Conn, query string) (n uint64) {
	tb.Helper()
	if err := conn.QueryRow(tb.Context(), query).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return n
}
