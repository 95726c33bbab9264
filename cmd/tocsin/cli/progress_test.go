package cli

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgress: on a terminal a line shows count, rate and time left, at most
// every redraw; elsewhere nothing is written.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := func(terminal bool, unit string, total int64, steps int, n int64) []string {
			var out bytes.Buffer
			p := NewProgress(&out)
			p.terminal = terminal
			p.Begin("ledger/0 chain", unit, total)
			for range steps {
				time.Sleep(100 * time.Millisecond)
				p.Done(n)
			}
			p.Clear()
			return strings.Split(out.String(), "\r\x1b[K")[1:]
		}
		f := func(got []string, want ...string) {
			t.Helper()
			if strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%q, want %q", got, want)
			}
		}
		// 4 steps of 100 ms, of which every second one is shown, and the line taken away.
		f(run(true, "rows", 100_000, 4, 5000), "ledger/0 chain: 10 % of 100000 rows, 50000 rows/s, 2s left", "ledger/0 chain: 20 % of 100000 rows, 50000 rows/s, 2s left", "")
		f(run(true, "batches", 0, 2, 1000), "ledger/0 chain: 2000 batches, 10000 batches/s", "")
		f(run(true, Bytes, 100<<20, 2, 1<<20), "ledger/0 chain: 2 % of 100.0 MiB, 10.0 MiB/s, 10s left", "")
		f(run(true, "rows", 1000, 2, 500), "ledger/0 chain: 100 % of 1000 rows, 5000 rows/s", "")
		f(run(true, "rows", 0, 9, 1)) // too few to read the clock
		if got := run(false, "rows", 100_000, 50, 5000); len(got) > 0 {
			t.Errorf("without a terminal: %q", got)
		}
	})
}
