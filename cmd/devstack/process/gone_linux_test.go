package process_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/process"
)

// headlessEnv names the file that the child of TestZombieWithThreadsIsAlive
// locks.
const headlessEnv = "PROCESS_TEST_HEADLESS"

// init keeps the main goroutine on the first thread, which headless ends.
func init() {
	if os.Getenv(headlessEnv) != "" {
		runtime.LockOSThread()
	}
}

// headless locks the file at path and ends the first thread of this process.
// The process is a zombie then, as a killed one is for a moment, while another
// thread runs on, holding the lock until standard input ends.
func headless(path string) {
	held, err := os.Create(path)
	if err == nil {
		err = syscall.Flock(int(held.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		fmt.Println("locked")
		_, _ = os.Stdin.Read(make([]byte, 1)) // until it is closed
		runtime.KeepAlive(held)
		os.Exit(0)
	}()
	_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0) // this thread alone
}

// A killed process whose first thread has ended is a zombie, while its other
// threads may hold its files and locks for some time.
func TestZombieWithThreadsIsAlive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), headlessEnv+"="+path)
	hold, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Wait() }()
	defer hold.Close()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the child printed %q, %v", line, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	awaitZombie(t, ctx, child.Process.Pid)

	if !locked(t, path) {
		t.Fatal("the child does not hold its lock")
	}
	if !process.Alive(child.Process.Pid) {
		t.Error("a zombie that still holds a lock counts as gone")
	}
	if err := hold.Close(); err != nil {
		t.Fatal(err)
	}
	if !process.WaitGone(ctx, child.Process.Pid) {
		t.Fatal("the zombie whose last thread has ended counts as alive")
	}
	if locked(t, path) {
		t.Error("the process counts as gone and holds its lock")
	}
}

// awaitZombie waits until the kernel shows the process as a zombie.
func awaitZombie(t *testing.T, ctx context.Context, pid int) {
	t.Helper()
	for {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(stat), ") Z ") {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("no zombie: %s", stat)
		}
		runtime.Gosched()
	}
}

// locked reports whether a process holds the lock on the file.
func locked(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
