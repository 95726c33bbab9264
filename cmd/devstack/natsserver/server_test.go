package natsserver_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/cmd/devstack/natsserver"
	"tocsin/cmd/devstack/process"
)

// parentEnv makes this binary start a server in the directory it names, print
// the server's process id and wait to be killed.
const parentEnv = "NATSSERVER_TEST_PARENT"

func TestMain(m *testing.M) {
	natsserver.Main()
	if dir := os.Getenv(parentEnv); dir != "" {
		s, err := natsserver.Start(context.Background(), natsserver.Options{Dir: dir})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(s.Pid())
		<-s.Done()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// start starts a server that is gone when the test ends.
func start(t *testing.T, o natsserver.Options) *natsserver.Server {
	t.Helper()
	began := time.Now()
	s, err := natsserver.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(s.Kill)
	return s
}

func jet(t *testing.T, s *natsserver.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func port(t *testing.T, s *natsserver.Server) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}

func TestKillAndStartAgain(t *testing.T) {
	for _, always := range []bool{false, true} {
		t.Run(fmt.Sprintf("sync always %v", always), func(t *testing.T) {
			dir := t.TempDir()
			s := start(t, natsserver.Options{Dir: dir, SyncAlways: always})
			if _, err := jet(t, s).CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept.>"}}); err != nil {
				t.Fatal(err)
			}
			const each = 100
			for round := range uint64(3) {
				js := jet(t, s)
				for i := range each {
					if _, err := js.Publish(t.Context(), fmt.Sprintf("kept.%d.%d", round, i), []byte("kept")); err != nil {
						t.Fatal(err)
					}
				}
				addr := s.Addr
				s.Kill()
				s = start(t, natsserver.Options{Dir: dir, Port: port(t, s), SyncAlways: always})
				if s.Addr != addr {
					t.Errorf("listens on %s, not on %s as before", s.Addr, addr)
				}
				stream, err := jet(t, s).Stream(t.Context(), "KEPT")
				if err != nil {
					t.Fatal(err)
				}
				if n := stream.CachedInfo().State.Msgs; n != (round+1)*each {
					t.Fatalf("round %d: %d messages left, want %d", round, n, (round+1)*each)
				}
			}
		})
	}
}

func TestStopLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsserver.Options{Dir: dir})
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if process.Alive(s.Pid()) {
		t.Errorf("process %d still runs", s.Pid())
	}
	if c, err := net.Dial("tcp", s.Addr); err == nil {
		_ = c.Close()
		t.Error("its port still answers")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("second Stop: %v", err)
	}
	log, err := os.ReadFile(filepath.Join(dir, "nats.log"))
	if err != nil || !strings.Contains(string(log), "Server Exiting") {
		t.Errorf("the log does not tell of an orderly end: %v\n%s", err, log)
	}
}

func TestParentDeathEndsIt(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"="+t.TempDir())
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	if !process.Alive(pid) {
		t.Fatalf("no process %d", pid)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // killed
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if !process.WaitGone(ctx, pid) {
		t.Errorf("server %d outlived its parent", pid)
	}
}

func TestStartSaysWhy(t *testing.T) {
	s := start(t, natsserver.Options{Dir: t.TempDir()})
	f := func(ctx context.Context, o natsserver.Options, want string) {
		t.Helper()
		other, err := natsserver.Start(ctx, o)
		if err == nil {
			other.Kill()
			t.Fatalf("started in spite of %s", want)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %q", err, want)
		}
	}
	f(t.Context(), natsserver.Options{Dir: t.TempDir(), Port: port(t, s)}, "in use")
	blocked := t.TempDir()
	if err := os.WriteFile(filepath.Join(blocked, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f(t.Context(), natsserver.Options{Dir: blocked}, "not a directory")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f(ended, natsserver.Options{Dir: t.TempDir()}, "canceled")

	t.Setenv("TOCSIN_NATSSERVER_CHILD", "{}") // as in a child that did not call Main
	f(t.Context(), natsserver.Options{Dir: t.TempDir()}, "natsserver.Main")
}
