package chserver_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
)

const diskSize = 96 << 20

func TestFullDisk(t *testing.T) {
	chtest.NeedsRoot(t)
	dir := t.TempDir()
	o := chserver.Options{Dir: dir, DataSize: diskSize}
	s := start(t, o)
	conn := writer(t, s)
	execute(t, conn, table)
	execute(t, conn, `INSERT INTO t SELECT number FROM numbers(1000)`)
	const insert = `INSERT INTO t SELECT number FROM numbers(1000, 1000)`
	if err := s.Fill(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := conn.Exec(t.Context(), insert); err == nil {
			t.Fatal("an insert found space on a full disk")
		} else {
			t.Log(err)
		}
	}
	if got := number(t, conn, `SELECT count() FROM t`); got != 1000 {
		t.Errorf("%d rows to be read from a full disk, want 1000", got)
	}
	if err := s.Drain(); err != nil {
		t.Fatal(err)
	}
	execute(t, conn, insert)

	// The disk outlives the server, and blocks no other.
	s.Kill()
	if left, err := os.ReadDir(filepath.Join(dir, "data")); err != nil || len(left) != 0 {
		t.Errorf("the data are seen outside: %v, %v", left, err)
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(string(mounts), dir) {
		t.Errorf("the mount is seen outside: %v\n%s", err, mounts)
	}
	s = start(t, o)
	if got := number(t, writer(t, s), `SELECT count() FROM t`); got != 2000 {
		t.Errorf("%d rows left, want 2000", got)
	}

	if err := s.Release(); err != nil {
		t.Fatal(err)
	}
	s = start(t, o)
	if got, err := s.Query(t.Context(), `EXISTS tocsin.t`); err != nil || got != "0\n" {
		t.Errorf("the table outlived its disk: %q, %v", got, err)
	}
	if err := s.Release(); err != nil {
		t.Error(err)
	}
}

func TestNoDiskToFill(t *testing.T) {
	s := start(t, chserver.Options{Dir: t.TempDir()})
	for _, err := range []error{s.Fill(), s.FillTo(1), s.FillFiles(0), s.Drain()} {
		if err == nil || !strings.Contains(err.Error(), "DataSize") {
			t.Errorf("error = %v, want what mends it", err)
		}
	}
}
