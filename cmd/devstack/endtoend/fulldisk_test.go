package endtoend

import (
	"context"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/cmd/devstack/stack"
)

// TestAFullDiskIsWaitedForInBoundedMemory: while ClickHouse has no space, the
// worker reports it and takes no more memory, however much Kafka holds. Then it
// catches up.
func TestAFullDiskIsWaitedForInBoundedMemory(t *testing.T) {
	chtest.NeedsRoot(t)
	t.Parallel()
	const keepFree = 32 << 20
	server, err := chserver.Start(t.Context(), chserver.Options{Dir: t.TempDir(), DataSize: 512 << 20, KeepFree: keepFree})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
		if err := server.Release(); err != nil {
			t.Error(err)
		}
	})
	h := start(t, stack.Addresses{ClickHouse: server.TCPAddr, ClickHouseHTTP: "http://" + server.HTTPAddr, ClickHouseUser: chserver.User, ClickHousePassword: server.Password,
		AnalystUser: chserver.AnalystUser, AnalystPassword: server.AnalystPassword})
	w := h.worker()
	l := produce(t, h.Kafka, 4000)
	l.wait(h, 8000)
	if err := server.FillTo(keepFree / 2); err != nil {
		t.Fatal(err)
	}
	full := func() bool { return strings.Contains(h.metrics(w, "/readyz"), "disk space") }
	h.eventually(time.Minute, "the worker says that it waits for disk space", func() bool {
		// Merges give space back.
		if err := server.FillTo(keepFree / 2); err != nil {
			t.Fatal(err)
		}
		return full()
	})
	l.wait(h, 40_000) // the worker takes in hand what it may, and the batches are declared again
	before, produced := highWater(t, w.Pid()), l.produced.Load()
	l.wait(h, 70_000)
	after := highWater(t, w.Pid())
	t.Logf("%d MiB while the disk was full, %d MiB %d records later", before, after, l.produced.Load()-produced)
	if !full() {
		t.Error("the worker does not wait for disk space any more")
	}
	const margin = 1.5
	if bound := margin * expected(400, 0, 0, 32, 10); float64(after) > bound || float64(after) > margin*float64(before) {
		t.Errorf("the worker took %d MiB while the disk was full and %d MiB later, want at most %.0f, and no growth", before, after, bound)
	}
	if err := server.Drain(); err != nil {
		t.Fatal(err)
	}
	h.exact(l.stop(t))
}
