// Package chtest gives the tests of a package one real ClickHouse server, and
// each test that asks a database of its own in it.
//
//	func TestMain(m *testing.M) { chtest.Main(m) }
package chtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"tocsin/cmd/devstack/chserver"
)

// shared is the server of this test binary, started by the first test that
// asks for it. It belongs to the process, as the tests themselves do.
var shared struct {
	mu      sync.Mutex
	dir     string
	server  *chserver.Server
	err     error
	numbers int // of the databases made
}

// Main runs the tests and then ends the server, if one was started, and the
// process. It is the whole of a TestMain.
func Main(m *testing.M) {
	chserver.Main()
	code := m.Run()
	if err := end(); err != nil {
		fmt.Fprintln(os.Stderr, "chtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Server returns the server that the tests of this binary share. If there
// cannot be one the test fails, with the remedy.
func Server(tb testing.TB) *chserver.Server {
	tb.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = start()
	}
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.server
}

// Database makes an empty database for this test, dropped at its end, and
// returns its name.
func Database(tb testing.TB) string {
	tb.Helper()
	s := Server(tb)
	shared.mu.Lock()
	shared.numbers++
	name := fmt.Sprintf("%s_test_%d", chserver.Database, shared.numbers)
	shared.mu.Unlock()
	if _, err := s.Query(tb.Context(), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("make database %s: %v", name, err)
	}
	tb.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if _, err := s.Query(ctx, "DROP DATABASE "+name+" SYNC"); err != nil {
			tb.Errorf("drop database %s: %v", name, err)
		}
	})
	return name
}

// NeedsRoot skips a test of Options.DataSize where this process may not mount,
// and fails it in CI, which may.
func NeedsRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		tb.Fatal("a disk of bounded size takes root: run CI as root, in a container say")
	}
	tb.Skip("a disk of bounded size takes root: run the test as root, in a container say")
}

// start starts the server in a new temporary directory. Its context is that of
// the process: the server outlives the test that came first.
func start() (*chserver.Server, error) {
	dir, err := os.MkdirTemp("", "chtest-")
	if err != nil {
		return nil, fmt.Errorf("make the server's directory: %w", err)
	}
	shared.dir = dir
	return chserver.Start(context.Background(), chserver.Options{Dir: dir, Progress: os.Stderr})
}

// end kills the server and removes its data.
func end() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	var died error
	if shared.server != nil {
		select {
		case <-shared.server.Done():
			died = errors.New("the server ended while the tests were running")
		default:
			shared.server.Kill()
		}
	}
	if shared.dir == "" {
		return died
	}
	return errors.Join(died, os.RemoveAll(shared.dir))
}
