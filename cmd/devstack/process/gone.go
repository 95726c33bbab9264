package process

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// WaitGone waits until no process has the id pid, or only a zombie that its
// new parent has not reaped yet. It is for processes that are not children of
// this one; it gives up, with false, when ctx ends.
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

// Alive reports whether a process with the id pid runs. A zombie does not.
func Alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err == syscall.ESRCH {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !os.IsNotExist(err) || !procMounted()
	}
	// pid (name) state ...; the name may hold anything, a parenthesis too
	_, state, found := bytes.Cut(stat[bytes.LastIndexByte(stat, ')'):], []byte(" "))
	return !found || (state[0] != 'Z' && state[0] != 'X')
}

// procMounted tells a process that has gone from a system without /proc.
func procMounted() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}
