package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// WaitGone waits until no process has the id pid, or only a zombie that its
// new parent has yet to reap. It is for processes that are not children of
// this one. It returns false when ctx ends first.
func WaitGone(ctx context.Context, pid int) bool {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for Alive(pid) {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// Alive reports whether a process with the id pid runs, or still holds files,
// locks and ports.
//
// A zombie is not alive, with one exception. A killed process turns into a
// zombie when its first thread has ended. Its other threads end in their own
// time, and its files stay open until the last one has. So a zombie counts as
// dead only when no other thread is left.
func Alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err) || !procMounted()
	}
	// pid (name) state ...; the name may hold anything, a parenthesis too
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= statThreads {
		return true
	}
	switch string(fields[statState]) {
	case "Z", "X":
		threads, err := strconv.Atoi(string(fields[statThreads]))
		return err != nil || threads > 1
	}
	return true
}

// The fields of /proc/PID/stat behind the name, by proc(5).
const (
	statState   = 0
	statThreads = 17
)

// procMounted reports whether the system has a /proc. Without one a missing
// /proc/PID proves nothing.
func procMounted() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}
