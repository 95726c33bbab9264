package endtoend

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/stack"
)

// program is the tocsin binary under test, built once.
var program string

func TestMain(m *testing.M) {
	stack.Main() // does not return in the process that is one of its servers
	if err := errors.Join(overlap(), setPasswords()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(testMain(m))
}

// overlap has three times as many tests run at once as there are processors, unless
// -parallel asks for another number: most of a test's time is a wait for a server
// or a timeout.
func overlap() error {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if asked {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(3*runtime.GOMAXPROCS(0)))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tocsin-endtoend-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "tocsin")
	if out, err := exec.Command("go", append(append([]string{"build"}, buildFlags...), "-o", program, "tocsin/cmd/tocsin")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// harness is a set of servers with workers on them.
type harness struct {
	t *testing.T
	stack.Addresses
	config string
	kafka  *kgo.Client
	within []string // the begin of a command that peak measures
}

// start starts the servers that present lacks.
func start(t *testing.T, present stack.Addresses) *harness {
	t.Helper()
	servers, err := stack.Start(t.Context(), stack.Config{Dir: t.TempDir(), Present: present, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := servers.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	client, err := kgo.NewClient(kgo.SeedBrokers(servers.Addresses.Kafka))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &harness{t: t, Addresses: servers.Addresses, config: impatient(t), kafka: client}
}

// impatient is the example configuration with short timeouts, so that a worker
// that was killed is expelled in seconds.
func impatient(t *testing.T) string {
	t.Helper()
	return configured(t, filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"),
		"# session_timeout: 45s", "session_timeout: 8s", "# insert_timeout: 15s", "insert_timeout: 3s",
		"# step_timeout: 20s", "step_timeout: 4s", "# drain_timeout: 30s", "drain_timeout: 6s",
		"# intent_ttl: 1m", "intent_ttl: 5s",
		"# reconcile_every: 10m", "reconcile_every: 0s") // which would hide that the loop had lost an alert
}

// configured is a copy of a configuration with texts replaced: old, new, old,
// new.
func configured(t *testing.T, config string, oldnew ...string) string {
	t.Helper()
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for c := range slices.Chunk(oldnew, 2) {
		if !strings.Contains(changed, c[0]) {
			t.Fatalf("the configuration does not show %q", c[0])
		}
		changed = strings.Replace(changed, c[0], c[1], 1)
	}
	path := filepath.Join(t.TempDir(), "tocsin.yaml")
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// worker starts a worker process and waits until it is ready.
func (h *harness) worker() *stack.Worker {
	h.t.Helper()
	return h.workerOf(program, h.config)
}

// workerOf is worker with another binary or configuration.
func (h *harness) workerOf(binary, config string) *stack.Worker {
	h.t.Helper()
	a := h.Addresses
	ports, err := loopback.Ports(1)
	if err != nil {
		h.t.Fatal(err)
	}
	a.Metrics = loopback.Addr(ports[0])
	log, err := os.CreateTemp(h.t.TempDir(), "worker-*.log")
	if err != nil {
		h.t.Fatal(err)
	}
	w, err := stack.StartWorker(h.t.Context(), a, binary, config, log)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		w.Kill()
		text, err := os.ReadFile(log.Name())
		if err != nil || strings.Contains(string(text), "CANARY") {
			h.t.Errorf("%v, or a secret is in the log", err)
		}
		if h.t.Failed() {
			h.t.Logf("worker log:\n%s", text)
		}
	})
	return w
}

// end stops a worker politely.
func (h *harness) end(w *stack.Worker) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), time.Minute)
	defer cancel()
	if err := w.Stop(ctx); err != nil {
		h.t.Error(err)
	}
}

// tocsin runs a command of the program to its end and returns what it printed.
func (h *harness) tocsin(args ...string) string {
	h.t.Helper()
	out, err := h.said(args...)
	if err != nil {
		h.t.Fatalf("tocsin %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// said is tocsin for a command that may fail.
func (h *harness) said(args ...string) (string, error) {
	cmd := exec.CommandContext(h.t.Context(), program, args...)
	cmd.Env = append(os.Environ(), h.Addresses.Environ()...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// drain migrates and runs a worker until the topics are drained.
func (h *harness) drain() {
	h.t.Helper()
	h.tocsin("migrate", "--config", h.config)
	h.tocsin("run", "--drain", "--config", h.config)
}

// query returns the answer of ClickHouse as tab-separated text without the
// last line end.
func (h *harness) query(sql string) string {
	h.t.Helper()
	text, err := h.ask(sql)
	if err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

func (h *harness) ask(sql string) (string, error) {
	u, err := url.Parse(h.ClickHouseHTTP)
	if err != nil {
		return "", err
	}
	u.RawQuery = url.Values{"database": {"tocsin"}}.Encode()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, u.String(), strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(h.ClickHouseUser, h.ClickHousePassword)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", resp.Status, text)
	}
	return strings.TrimSuffix(string(text), "\n"), nil
}

// stream returns a stream of the alert server, and the server's JetStream.
func (h *harness) stream(name string) (jetstream.JetStream, jetstream.Stream) {
	h.t.Helper()
	conn, err := nats.Connect(h.NATS)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		h.t.Fatal(err)
	}
	stream, err := js.Stream(h.t.Context(), name)
	if err != nil {
		h.t.Fatal(err)
	}
	return js, stream
}

// alerts returns how many messages the alert stream holds for each candidate.
func (h *harness) alerts() map[string]int {
	h.t.Helper()
	_, stream := h.stream("DISCLOSURE")
	info, err := stream.Info(h.t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		h.t.Fatal(err)
	}
	found := make(map[string]int)
	for subject, messages := range info.State.Subjects {
		found[subject[strings.LastIndexByte(subject, '.')+1:]] += int(messages)
	}
	return found
}

// promised counts the partitions whose committed mark holds an intent.
func (h *harness) promised() (n int) {
	h.t.Helper()
	for _, mark := range h.marks() {
		if strings.Contains(mark, `"rules"`) {
			n++
		}
	}
	return n
}

// committed counts the partitions that have a committed mark in the group.
func (h *harness) committed() int {
	h.t.Helper()
	return len(h.marks())
}

// marks are the group's committed marks.
func (h *harness) marks() (marks []string) {
	h.t.Helper()
	offsets, err := kadm.NewClient(h.kafka).FetchOffsets(h.t.Context(), "tocsin")
	if err != nil {
		h.t.Fatal(err)
	}
	offsets.Each(func(o kadm.OffsetResponse) { marks = append(marks, o.Metadata) })
	return marks
}

// ends is the sum of the end offsets of the topic's partitions.
func (h *harness) ends(topic string) (sum int64) {
	h.t.Helper()
	offsets, err := kadm.NewClient(h.kafka).ListEndOffsets(h.t.Context(), topic)
	if err != nil {
		h.t.Fatal(err)
	}
	offsets.Each(func(o kadm.ListedOffset) { sum += o.Offset })
	return sum
}

// eventually waits until ok, for at most a while.
func (h *harness) eventually(within time.Duration, what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(within)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// produce produces records and waits until they are acknowledged.
func (h *harness) produce(records ...*kgo.Record) {
	h.t.Helper()
	if err := h.kafka.ProduceSync(h.t.Context(), records...).FirstErr(); err != nil {
		h.t.Fatal(err)
	}
}
