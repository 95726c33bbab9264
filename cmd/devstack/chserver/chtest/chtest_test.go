package chtest_test

import (
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
)

func TestMain(m *testing.M) { chtest.Main(m) }

func TestDatabasesAreApart(t *testing.T) {
	s := chtest.Server(t)
	rows := func(database string) (n uint64) {
		t.Helper()
		conn, err := clickhouse.Open(&clickhouse.Options{
			Addr: []string{s.TCPAddr},
			Auth: clickhouse.Auth{Database: database, Username: chserver.User, Password: s.Password},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for _, statement := range []string{
			`CREATE TABLE t (n UInt8) ENGINE = MergeTree ORDER BY n`, `INSERT INTO t VALUES (1)`,
		} {
			if err := conn.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.QueryRow(t.Context(), `SELECT count() FROM t`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var first string
	t.Run("one", func(t *testing.T) {
		first = chtest.Database(t)
		if n := rows(first); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
		if n := rows(chtest.Database(t)); n != 1 {
			t.Errorf("%d rows in the other database, want 1", n)
		}
	})
	if got, err := s.Query(t.Context(), "EXISTS DATABASE "+first); err != nil || got != "0\n" {
		t.Errorf("database %s is still there after its test: %q, %v", first, got, err)
	}
}
