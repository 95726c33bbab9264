//go:build integration

package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tocsin/cmd/devstack/stack"
)

// cage is a cgroup with a limit of memory, as a container has. The kernel kills a
// process in it that takes more.
type cage struct {
	dir  string
	peak string // its file with the most memory that its processes took, page cache included
}

// newCage makes a cgroup. It returns nil, and logs why, where this process may make
// none: then peaks are compared with the limit, and nothing enforces it.
func newCage(t *testing.T, mib int64) *cage {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Logf("no cgroup: %v", err)
		return nil
	}
	limit := strconv.FormatInt(mib<<20, 10)
	for _, line := range strings.Split(strings.TrimSpace(string(own)), "\n") {
		parts := strings.SplitN(line, ":", 3)
		var c cage
		var limits map[string]string
		switch {
		case parts[1] == "memory": // version 1
			c.dir, c.peak = filepath.Join("/sys/fs/cgroup/memory", parts[2]), "memory.max_usage_in_bytes"
			limits = map[string]string{"memory.limit_in_bytes": limit, "memory.swappiness": "0"}
		case parts[1] == "": // version 2
			c.dir, c.peak = filepath.Join("/sys/fs/cgroup", parts[2]), "memory.peak"
			limits = map[string]string{"memory.max": limit, "memory.swap.max": "0"}
		default:
			continue
		}
		if c.dir, err = os.MkdirTemp(c.dir, "tocsin-"); err != nil {
			t.Logf("no cgroup: %v", err)
			continue
		}
		t.Cleanup(func() { _ = os.Remove(c.dir) })
		for file, value := range limits {
			if err = os.WriteFile(filepath.Join(c.dir, file), []byte(value), 0o644); err != nil {
				break
			}
		}
		if err == nil {
			return &c
		}
		t.Logf("no cgroup: %v", err)
	}
	return nil
}

// enter is the begin of a command that enters the cgroup.
func (c *cage) enter() []string {
	if c == nil {
		return nil
	}
	return []string{"/bin/sh", "-c", `echo $$ > "$0"/cgroup.procs && exec "$@"`, c.dir}
}

// String describes the cgroup and its peak.
func (c *cage) String() string {
	if c == nil {
		return "no cgroup could be made"
	}
	text, err := os.ReadFile(filepath.Join(c.dir, c.peak))
	n, bad := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil || bad != nil {
		return "in a cgroup of that limit"
	}
	return fmt.Sprintf("in a cgroup of that limit, which took %d MiB at most", n>>20)
}

// TestIntegrationAWorkerKeepsToItsContainersMemory: nine tenths of the container's memory
// are the limit of Go's collector, unless GOMEMLIMIT is set.
func TestIntegrationAWorkerKeepsToItsContainersMemory(t *testing.T) {
	const mib = 512
	cage := newCage(t, mib)
	if cage == nil {
		t.Fatal("no cgroup can be made, so there is no container to try")
	}
	h := start(t, stack.Addresses{})
	inside := filepath.Join(t.TempDir(), "inside")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >%s/cgroup.procs && exec %s \"$@\"\n", cage.dir, program)
	if err := os.WriteFile(inside, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	limit := func(want int64) {
		t.Helper()
		w := h.workerOf(inside, h.config)
		defer h.end(w)
		_, after, _ := strings.Cut(h.metrics(w, "/metrics"), "\ngo_gc_gomemlimit_bytes ")
		if line, _, _ := strings.Cut(after, "\n"); line != strconv.FormatFloat(float64(want), 'g', -1, 64) {
			t.Errorf("the limit is %s, want %d", line, want)
		}
	}
	t.Setenv("GOMEMLIMIT", "300MiB")
	limit(300 << 20)
	if err := os.Unsetenv("GOMEMLIMIT"); err != nil { // the test's end sets it as it was
		t.Fatal(err)
	}
	container := float64(mib << 20)
	limit(int64(container * 0.9))
}
