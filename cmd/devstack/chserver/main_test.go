package chserver_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/cmd/devstack/chserver"
)

// parentEnv makes this binary start a server in the directory it names, print
// the server's process id and wait to be killed.
const parentEnv = "CHSERVER_TEST_PARENT"

func TestMain(m *testing.M) {
	chserver.Main()
	if dir := os.Getenv(parentEnv); dir != "" {
		s, err := chserver.Start(context.Background(), chserver.Options{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(s.Pid())
		<-s.Done()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start starts a server that is gone when the test ends.
func start(t *testing.T, o chserver.Options) *chserver.Server {
	t.Helper()
	o.Progress = os.Stderr
	began := time.Now()
	s, err := chserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(s.Kill)
	return s
}

// open connects to s as the given user.
func open(t *testing.T, s *chserver.Server, protocol clickhouse.Protocol, user, password string) clickhouse.Conn {
	t.Helper()
	addr := s.TCPAddr
	if protocol == clickhouse.HTTP {
		addr = s.HTTPAddr
	}
	conn, err := clickhouse.Open(&clickhouse.Options{
		Protocol: protocol,
		Addr:     []string{addr},
		Auth:     clickhouse.Auth{Database: chserver.Database, Username: user, Password: password},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// writer connects to s as the user who may write.
func writer(t *testing.T, s *chserver.Server) clickhouse.Conn {
	t.Helper()
	return open(t, s, clickhouse.Native, chserver.User, s.Password)
}

// execute runs a statement that must succeed.
func execute(t *testing.T, conn clickhouse.Conn, statement string) {
	t.Helper()
	if err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// number runs a query whose answer is one number.
func number(t *testing.T, conn clickhouse.Conn, query string) uint64 {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}
