package chserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"tocsin/cmd/devstack/chserver"
)

// A rename of a part fails with what Options.Renames returns, and the token of the
// insert is known from then on although its rows are not there. A server that is
// killed at the rename comes back the same way.
func TestRenames(t *testing.T) {
	var full, kill, asked atomic.Bool
	var pid atomic.Int64
	o := chserver.Options{Dir: t.TempDir(), Renames: func(from string) syscall.Errno {
		if !strings.HasPrefix(filepath.Base(strings.TrimSuffix(from, "/")), "tmp_insert_") {
			return 0
		}
		asked.Store(true)
		if kill.CompareAndSwap(true, false) {
			_ = syscall.Kill(int(pid.Load()), syscall.SIGKILL)
			return syscall.EIO // or the kernel makes the rename before the thread ends
		}
		if full.CompareAndSwap(true, false) {
			return syscall.ENOSPC
		}
		return 0
	}}
	s := start(t, o)
	pid.Store(int64(s.Pid()))
	if _, err := s.Query(t.Context(), `CREATE TABLE tocsin.r (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS non_replicated_deduplication_window = 100`); err != nil {
		t.Fatal(err)
	}
	insert := func(token string) error {
		_, err := s.Query(t.Context(), `INSERT INTO tocsin.r SETTINGS insert_deduplicate = 1, insert_deduplication_token = '`+token+`' SELECT 1`)
		return err
	}
	rows := func(want string) {
		t.Helper()
		if got, err := s.Query(t.Context(), `SELECT count() FROM tocsin.r`); strings.TrimSpace(got) != want || err != nil {
			t.Errorf("%s rows, %v; want %s", got, err, want)
		}
	}
	if err := insert("a"); err != nil {
		t.Fatal(err)
	}
	if !asked.Load() {
		if os.Getenv("CI") == "true" {
			t.Fatal("no rename was trapped: run CI where a process may set a seccomp filter with a listener")
		}
		t.Skip("no rename was trapped: the kernel has no seccomp, or a filter with a listener is set already")
	}
	rows("1")
	full.Store(true)
	if err := insert("b"); err == nil || !strings.Contains(err.Error(), "No space left on device") {
		t.Errorf("an insert whose rename fails: %v", err)
	}
	if err := insert("b"); err != nil {
		t.Error(err)
	}
	rows("1")
	kill.Store(true)
	if err := insert("c"); err == nil {
		t.Error("an insert into a killed server succeeds")
	}
	<-s.Done()
	s = start(t, o)
	if err := insert("c"); err != nil {
		t.Error(err)
	}
	rows("1")
	if err := insert("d"); err != nil {
		t.Error(err)
	}
	rows("2")
}
