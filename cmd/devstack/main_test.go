package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/process"
	"tocsin/cmd/devstack/stack"
)

// roleEnv makes this test binary play devstack, or the worker it starts.
const roleEnv = "DEVSTACK_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "devstack":
		main()
	case "tocsin":
		if err := fakeWorker(); err != nil {
			fmt.Fprintln(os.Stderr, "worker:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// fakeWorker behaves like tocsin as far as devstack can see: migrate leaves a
// file that the configuration file names, run is ready if it finds that file.
func fakeWorker() error {
	config, mark := os.Args[3], os.Args[3]+".migrated"
	if _, err := os.Stat(config); err != nil {
		return err
	}
	if os.Args[1] == "migrate" {
		return os.WriteFile(mark, []byte(os.Getenv("TOCSIN_CLICKHOUSE")), 0o600)
	}
	if migrated, err := os.ReadFile(mark); err != nil || string(migrated) != os.Getenv("TOCSIN_CLICKHOUSE") {
		return fmt.Errorf("migrated %q: %w", migrated, err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	http.HandleFunc("/readyz", func(http.ResponseWriter, *http.Request) {})
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(os.Getenv("TOCSIN_METRICS"), nil) }()
	fmt.Println("worker up")
	select {
	case <-ctx.Done():
		fmt.Println("worker drained")
		return nil
	case err := <-failed:
		return err
	}
}

// bench is a devstack with a state directory of its own.
type bench struct {
	t              *testing.T
	dir            string
	tocsin, config string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	b := &bench{t: t, dir: filepath.Join(dir, defaultState), tocsin: filepath.Join(dir, "tocsin"), config: filepath.Join(dir, "config.yaml")}
	script := fmt.Sprintf("#!/bin/sh\nexec env %s=tocsin %q \"$@\"\n", roleEnv, os.Args[0])
	for path, text := range map[string]string{b.tocsin: script, b.config: "# fake\n"} {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { b.devstack("down", "-state", b.dir) })
	return b
}

// devstack runs the program and returns its exit code and what it printed.
func (b *bench) devstack(args ...string) (int, string) {
	b.t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), roleEnv+"=devstack")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		b.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// expect runs devstack and checks its exit code and a part of what it printed.
func (b *bench) expect(code int, part string, args ...string) {
	b.t.Helper()
	got, said := b.devstack(append(args, "-state", b.dir)...)
	if got != code || !strings.Contains(said, part) {
		b.t.Fatalf("devstack %s: exit code %d, want %d and %q:\n%s", strings.Join(args, " "), got, code, part, said)
	}
}

// makeStatus runs make status on the state of the bench, and returns the lines that
// it prints. Its exit code must be 0: make would report any other as an error.
func (b *bench) makeStatus() []string {
	b.t.Helper()
	makefile, err := filepath.Abs("../../Makefile")
	if err != nil {
		b.t.Fatal(err)
	}
	program := filepath.Join(filepath.Dir(b.dir), "bin", "devstack")
	script := fmt.Sprintf("#!/bin/sh\nexec env %s=devstack %q \"$@\"\n", roleEnv, os.Args[0])
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		b.t.Fatal(err)
	}
	cmd := exec.Command("make", "-f", makefile, "status")
	cmd.Dir = filepath.Dir(b.dir)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "***") {
		b.t.Errorf("make status: %v\n%s", err, out)
	}
	return strings.Split(strings.TrimRight(string(out), "\n"), "\n")
}

func TestUpStatusDown(t *testing.T) {
	b := newBench(t)
	b.expect(exitNotRunning, "nothing runs", "status")
	if lines := b.makeStatus(); len(lines) != 1 || lines[0] != "nothing runs in "+defaultState {
		t.Errorf("make status before make up: %q", lines)
	}
	began := time.Now()
	b.expect(exitDone, "ledger.events", "up", "-tocsin", b.tocsin, "-config", b.config)
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))
	b.expect(exitDone, "worker", "status")
	lines := b.makeStatus()
	for i, server := range []string{"devstack", "kafka", "clickhouse", "clickhouse http", "nats", "worker"} {
		if len(lines) != 6 || !strings.HasPrefix(lines[i], server+"  ") || i > 0 && !strings.HasSuffix(lines[i], "  answers") {
			t.Fatalf("make status prints %q, want a line for each server", lines)
		}
	}
	b.expect(exitFailed, "runs already", "up")

	pids, err := state(b.dir).running()
	if err != nil || len(pids) != 4 {
		t.Fatalf("processes %v, %v; want devstack, nats, clickhouse and the worker", pids, err)
	}
	a, err := stack.ReadDotenv(state(b.dir).dotenv())
	if err != nil {
		t.Fatal(err)
	}
	if !answers(t.Context(), a.Metrics) || !answers(t.Context(), a.Kafka) {
		t.Errorf("worker or kafka of %+v does not answer", a.Kafka)
	}

	began = time.Now()
	b.expect(exitDone, "stopped", "down")
	t.Logf("down in %v", time.Since(began).Round(time.Millisecond))
	for _, pid := range pids {
		if process.Alive(pid) {
			t.Errorf("process %d still runs", pid)
		}
	}
	if log := tail(state(b.dir).workerLog()); !strings.Contains(log, "worker drained") {
		t.Errorf("the worker was not asked to stop: %q", log)
	}
	if _, err := os.Stat(state(b.dir).dotenv()); !os.IsNotExist(err) {
		t.Errorf("the addresses are still there: %v", err)
	}
	b.expect(exitDone, "nothing runs", "down")
	if lines := b.makeStatus(); len(lines) != 1 || lines[0] != "nothing runs in "+defaultState {
		t.Errorf("make status after make down: %q", lines)
	}
}

func TestKilledStackLeavesNothingRunning(t *testing.T) {
	b := newBench(t)
	b.expect(exitDone, "ClickHouse", "up", "-tocsin", b.tocsin, "-config", b.config)
	pids, err := state(b.dir).running()
	if err != nil || len(pids) == 0 {
		t.Fatalf("processes %v, %v", pids, err)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, pid := range pids {
		if !process.WaitGone(ctx, pid) {
			t.Errorf("process %d outlived the stack", pid)
		}
	}
	b.expect(exitNotRunning, "nothing runs", "status")
	b.expect(exitDone, "Kafka", "up") // on the same data
}

// A devstack status at the wrong moment does not keep a stack from starting.
func TestClaimWaitsForALookAtTheState(t *testing.T) {
	s := state(t.TempDir())
	looked, err := os.Create(s.pids())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(looked.Fd()), syscall.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = looked.Close() })
	claimed, err := s.claim()
	if err != nil {
		t.Fatal(err)
	}
	defer claimed.Close()
	if second, err := s.claim(); err == nil {
		second.Close()
		t.Error("claimed twice")
	}
}

func TestWorkerThatEndsIsShown(t *testing.T) {
	b := newBench(t)
	b.expect(exitDone, "worker", "up", "-tocsin", b.tocsin, "-config", b.config)
	pids, err := state(b.dir).running()
	if err != nil || len(pids) != 4 {
		t.Fatalf("processes %v, %v", pids, err)
	}
	if err := syscall.Kill(pids[3], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !process.WaitGone(ctx, pids[3]) {
		t.Fatal("the worker is still there")
	}
	b.expect(exitFailed, "does not answer", "status")
	b.expect(exitDone, "stopped", "down")
}

func TestUpSaysWhatIsWrong(t *testing.T) {
	b := newBench(t)
	b.expect(exitFailed, "make build", "up", "-tocsin", filepath.Join(b.dir, "absent"))
	b.expect(exitFailed, "no such file", "up", "-tocsin", b.tocsin, "-config", filepath.Join(b.dir, "absent.yaml"))
	b.expect(exitUsage, "flag provided but not defined", "up", "-nonsense")
	b.expect(exitNotRunning, "nothing runs", "status") // what had started is gone

	if code, said := b.devstack("nonsense"); code != exitUsage || !strings.Contains(said, "devstack up") {
		t.Errorf("exit code %d, want %d and the usage:\n%s", code, exitUsage, said)
	}
}
