// Package process runs the child processes of the development stack. None of
// them outlives the process that started it, however that one ends.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// tailSize is how much of a child's last output is kept for error messages.
const tailSize = 8 << 10

// outputGrace is how long a child's output is still read after its end, in
// case a descendant of it holds the pipe open.
const outputGrace = time.Second

// Process is a running child, or one that has ended.
type Process struct {
	cmd  *exec.Cmd
	tail *tail
	done chan struct{}
	err  error // of Wait; to be read after done
}

// Start starts cmd, whose standard output and error are copied to output, if
// that is not nil, and remembered for Tail. When the calling process ends, the
// kernel sends the child the signal death (on Linux).
//
// The kernel ties that signal to the thread that forked, not to the process,
// and the Go runtime may end a thread. So the thread that forks is kept for
// as long as the child lives, by the goroutine that waits for it.
func Start(cmd *exec.Cmd, death syscall.Signal, output io.Writer) (*Process, error) {
	p := &Process{cmd: cmd, tail: &tail{}, done: make(chan struct{})}
	var out io.Writer = p.tail
	if output != nil {
		out = io.MultiWriter(p.tail, output)
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = outputGrace
	dieWithParent(cmd, death)

	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended and has been reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err returns how the child ended: nil for exit code 0. It waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// String is "running", or the exit status of a child that has ended.
func (p *Process) String() string {
	if !p.ended() {
		return "running"
	}
	return p.cmd.ProcessState.String()
}

// Tail is the end of what the child has printed so far.
func (p *Process) Tail() string { return p.tail.String() }

// Signal sends sig to the child; a child that has ended is no error.
func (p *Process) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !p.ended() {
		return fmt.Errorf("signal %s: %w", p.cmd.Path, err)
	}
	return nil
}

// Kill ends the child at once, as a crash would, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // the only error is that it has ended already
	<-p.done
}

// Stop asks the child to end by ask and waits for it. If ctx ends first the
// child is killed, which is an error: nothing is left running either way. The
// child's own exit status is not an error here; Err has it.
func (p *Process) Stop(ctx context.Context, ask func() error) error {
	if p.ended() {
		return nil
	}
	if err := ask(); err != nil && !p.ended() {
		p.Kill()
		return fmt.Errorf("ask %s to stop: %w", p.cmd.Path, err)
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.Kill()
		return errors.Join(fmt.Errorf("%s did not stop in time and was killed", p.cmd.Path), ctx.Err())
	}
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tail remembers the last tailSize bytes written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if n := len(t.b) - tailSize; n > 0 {
		t.b = append(t.b[:0], t.b[n:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
