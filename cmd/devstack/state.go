package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// state is the directory of what devstack keeps.
type state string

func (s state) pids() string      { return filepath.Join(string(s), "devstack.pid") }
func (s state) log() string       { return filepath.Join(string(s), "devstack.log") }
func (s state) workerLog() string { return filepath.Join(string(s), "worker.log") }
func (s state) dotenv() string    { return filepath.Join(string(s), "stack.env") }
func (s state) data() string      { return filepath.Join(string(s), "data") }

// claim makes the calling process the one that runs the stack of this state,
// until the returned file is closed or the process ends. The lock on the file
// is what counts; the process ids in it only name the process to ask.
func (s state) claim() (*os.File, error) {
	if err := os.MkdirAll(string(s), 0o755); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	f, err := os.OpenFile(s.pids(), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the pid file: %w", err)
	}
	// A devstack status beside it holds the lock for a moment.
	for deadline := time.Now().Add(claimBound); ; <-time.After(10 * time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(fmt.Errorf("the stack in %s runs already: devstack status", s), f.Close())
		}
	}
}

// claimBound is how long claim waits for the lock.
const claimBound = 2 * time.Second

// record writes the ids of the processes of the stack, its own first.
func record(f *os.File, pids ...int) error {
	var b strings.Builder
	for _, pid := range append([]int{os.Getpid()}, pids...) {
		fmt.Fprintln(&b, pid)
	}
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write the pid file: %w", err)
	}
	if _, err := f.WriteAt([]byte(b.String()), 0); err != nil {
		return fmt.Errorf("write the pid file: %w", err)
	}
	return nil
}

// running returns the ids of the stack's processes, the one that runs it
// first, or none if nothing runs. A pid file that a dead process left counts
// for nothing.
func (s state) running() ([]int, error) {
	f, err := os.Open(s.pids())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the pid file: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err == nil {
		return nil, nil
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read the pid file: %w", err)
	}
	var pids []int
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil || pid <= 1 {
			return nil, fmt.Errorf("%s holds %q, which is no process id", s.pids(), word)
		}
		pids = append(pids, pid)
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("the stack in %s is just starting: try again", s)
	}
	return pids, nil
}

// tail returns the end of a log file for an error message.
func tail(path string) string {
	const most = 4 << 10
	text, err := os.ReadFile(path)
	if err != nil {
		return "" // there is none to show
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(string(text))
}
