package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/process"
)

const parentEnv = "PROCESS_TEST_PARENT"

// TestMain lets this binary play the parent in TestChildDiesWithItsParent, and
// the child in TestZombieWithThreadsIsAlive.
func TestMain(m *testing.M) {
	if path := os.Getenv(headlessEnv); path != "" {
		headless(path)
	}
	if os.Getenv(parentEnv) != "" {
		p, err := process.Start(exec.Command("sleep", "600"), syscall.SIGKILL, nil)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(p.Pid())
		<-p.Done()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start runs a shell script that prints a line once its traps are set.
func start(t *testing.T, script string) *process.Process {
	t.Helper()
	out, in := io.Pipe()
	p, err := process.Start(exec.Command("sh", "-c", script), syscall.SIGKILL, in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return p
}

func TestStopAsksFirst(t *testing.T) {
	p := start(t, `trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done`)
	if err := p.Stop(t.Context(), func() error { return p.Signal(syscall.SIGTERM) }); err != nil {
		t.Errorf("Stop: %v", err)
	}
	var exit *exec.ExitError
	if err := p.Err(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("Err = %v, want exit status 7", err)
	}
	if !strings.Contains(p.Tail(), "bye") {
		t.Errorf("Tail = %q, want what it printed last", p.Tail())
	}
	if err := p.Stop(t.Context(), func() error { return errors.New("asked twice") }); err != nil {
		t.Errorf("second Stop: %v", err)
	}
}

func TestStopKillsWhoDoesNotListen(t *testing.T) {
	p := start(t, `trap '' TERM; echo up; while :; do sleep 0.01; done`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := p.Stop(ctx, func() error { return p.Signal(syscall.SIGTERM) })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Stop = %v, want the deadline", err)
	}
	select {
	case <-p.Done():
	default:
		t.Error("Stop returned before the child was gone")
	}
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	_, err := process.Start(exec.Command("/nonexistent/program"), syscall.SIGKILL, nil)
	if err == nil || !strings.Contains(err.Error(), "/nonexistent/program") {
		t.Errorf("error = %v, want the program's name", err)
	}
}

func TestChildDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var child int
	if _, err := fmt.Fscan(out, &child); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !process.WaitGone(ctx, child) {
		t.Errorf("child %d outlived its parent", child)
	}
}
