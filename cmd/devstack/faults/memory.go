package faults

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// The bounds of the workers' memory, in bytes, as they are configured.
const (
	maxCycle    = 4 << 20
	maxUnpacked = 16 << 20
)

// softLimit and memoryLimit are what, by deploy/README.md, a worker of this
// configuration needs, in MiB: GOMEMLIMIT, and the limit of the process. There is one
// broker, and its topics have the default max.message.bytes.
const (
	softLimit   = 64 + 10*maxCycle>>20 + maxUnpacked>>20 + 64
	memoryLimit = softLimit * 10 / 9
)

// sampleEvery is how often a worker's memory is looked at. The kernel keeps the
// greatest; only what a worker takes just before its end is not seen.
const sampleEvery = 100 * time.Millisecond

// measure keeps the greatest memory of a worker, until it ends.
func (f *fleet) measure(w *worker) {
	t := time.NewTicker(sampleEvery)
	defer t.Stop()
	for {
		select {
		case <-w.process.Done():
			return
		case <-t.C:
		}
		peak := highWater(w.process.Pid())
		f.mu.Lock()
		f.peaks[w.number-1] = max(f.peaks[w.number-1], peak)
		f.mu.Unlock()
	}
}

// tooMuch lists the workers whose greatest memory is above the bound.
func tooMuch(peaks []int, bound int) (all []string) {
	for i, peak := range peaks {
		if peak > bound {
			all = append(all, fmt.Sprintf("worker %d took %d MiB of memory, and may take %d by deploy/README.md", i+1, peak, bound))
		}
	}
	return all
}

// highWater is the most memory that a process ever had, in MiB; 0 once it has ended.
func highWater(pid int) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // none: it has ended
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib := 0
	_, _ = fmt.Sscan(rest, &kib)
	return kib >> 10
}
