package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"tocsin/cmd/devstack/process"
)

// downGrace is what down waits beyond stopBound before it kills.
const downGrace = 10 * time.Second

// down has the stack stop in an orderly way and verifies that all of its
// processes are gone. What does not stop in time is killed, and that is a
// failure.
func down(ctx context.Context, args []string) (int, error) {
	flags := flag.NewFlagSet("down", flag.ContinueOnError)
	dir := stateFlag(flags)
	if code, err := parse(flags, args); err != nil {
		return code, err
	}
	s := state(*dir)
	pids, err := s.running()
	if err != nil {
		return exitFailed, err
	}
	if pids == nil {
		// A stack that was killed leaves its addresses behind.
		if err := os.Remove(s.dotenv()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return exitFailed, fmt.Errorf("remove the addresses of a stack that is gone: %w", err)
		}
		say(os.Stdout, "nothing runs in %s", s)
		return exitDone, nil
	}
	if err := syscall.Kill(pids[0], syscall.SIGTERM); err != nil {
		return exitFailed, fmt.Errorf("ask process %d to stop: %w", pids[0], err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopBound+downGrace)
	defer cancel()
	var killed []int
	for _, pid := range pids {
		if !process.WaitGone(ctx, pid) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone by now
			killed = append(killed, pid)
		}
	}
	if len(killed) > 0 {
		return exitFailed, fmt.Errorf("processes %v did not stop in time and were killed: see %s", killed, s.log())
	}
	say(os.Stdout, "stopped; the data stay in %s", s.data())
	return exitDone, nil
}
