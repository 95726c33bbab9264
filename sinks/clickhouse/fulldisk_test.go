package clickhouse

import (
	"testing"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
)

// TestFullDiskIsWaitedFor: a disk that has no space, or no inode, or runs out
// of them in the middle of an insert, is a wait, and once there is space again
// the same batch is stored, as a whole and once.
func TestFullDiskIsWaitedFor(t *testing.T) {
	chtest.NeedsRoot(t)
	server, c := ownServer(t, chserver.Options{Dir: t.TempDir(), DataSize: 128 << 20})
	t.Cleanup(func() {
		if err := server.Release(); err != nil {
			t.Error(err)
		}
	})
	s, conn := opened(t, c), reader(t, c)
	r := newRandom(11)
	const rows = 500
	stored := uint64(0)
	f := func(name string, fill func() error) {
		t.Helper()
		b := r.batch("t", int64(stored), rows, 0.3)
		if err := fill(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			err := s.Store(t.Context(), b)
			if what := waits(t, err); what != prefix+"disk space" {
				t.Errorf("%s: Store waits for %q", name, what)
			}
			t.Logf("%s: %v", name, err)
		}
		if n := number(t, conn, `SELECT count() FROM events`); n != stored {
			t.Errorf("%s: %d rows, want the %d of before", name, n, stored)
		}
		if err := server.Drain(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Store(t.Context(), b); err != nil {
				t.Fatalf("%s: with space again: %v", name, err)
			}
		}
		stored += rows
		if n := number(t, conn, `SELECT count() FROM events`); n != stored {
			t.Errorf("%s: %d rows with space again, want %d", name, n, stored)
		}
	}
	f("no space", server.Fill)
	f("little space", func() error { return server.FillTo(512 << 10) })
	f("no inode", func() error { return server.FillFiles(0) })
	f("an inode for the part's directory", func() error { return server.FillFiles(1) })
	f("inodes for some of its files", func() error { return server.FillFiles(3) })
	if n := number(t, conn, `SELECT sum(lost + doubled + skipped + overlapping) FROM completeness`); n != 0 {
		t.Errorf("completeness counts %d faults", n)
	}
}
