package faults

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTooMuchMemory(t *testing.T) {
	want := []string{"worker 2 took 205 MiB of memory, and may take 204 by deploy/README.md"}
	if diff := cmp.Diff(want, tooMuch([]int{204, 205, 0}, 204)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The memory of a process is its peak, not what it has now.
func TestHighWater(t *testing.T) {
	const size = 64
	large := make([]byte, size<<20)
	for i := range large {
		large[i] = 1
	}
	if got := highWater(os.Getpid()); got < size {
		t.Errorf("%d MiB, want at least the %d that were written", got, size)
	}
	if got := highWater(-1); got != 0 {
		t.Errorf("%d MiB of a process that is not there", got)
	}
}
