package stack_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

func TestMain(m *testing.M) {
	stack.Main()
	os.Exit(m.Run())
}

func start(t *testing.T, c stack.Config) *stack.Stack {
	t.Helper()
	c.Progress = os.Stderr
	began := time.Now()
	s, err := stack.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func kafka(t *testing.T, s *stack.Stack, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(strings.Split(s.Addresses.Kafka, ",")...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func jet(t *testing.T, s *stack.Stack) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(s.Addresses.NATS)
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

func TestDataOutliveTheStack(t *testing.T) {
	dir := t.TempDir()
	first := start(t, stack.Config{Dir: dir})
	topics, err := kadm.NewClient(kafka(t, first)).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, topic := range topics.Sorted() {
		got[topic.Topic] = len(topic.Partitions)
	}
	if diff := cmp.Diff(map[string]int{"ledger.events": 2, "system.events": 2}, got); diff != "" {
		t.Errorf("topics and partitions (-want +got):\n%s", diff)
	}
	if err := kafka(t, first).ProduceSync(t.Context(), &kgo.Record{Topic: stack.LedgerTopic, Value: []byte("kept")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	js := jet(t, first)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "KEPT", Subjects: []string{"kept.>"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "kept.a", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{first.Addresses.Kafka, first.Addresses.ClickHouse, strings.TrimPrefix(first.Addresses.NATS, "nats://")} {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			t.Errorf("%s still answers", addr)
		}
	}

	second := start(t, stack.Config{Dir: dir})
	if second.Addresses.ClickHousePassword != first.Addresses.ClickHousePassword {
		t.Error("the password is not that of before")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	fetches := kafka(t, second, kgo.ConsumeTopics(stack.LedgerTopic)).PollFetches(ctx)
	if n := fetches.NumRecords(); n != 1 {
		t.Errorf("%d records left in kafka, want 1: %v", n, fetches.Err())
	}
	stream, err := jet(t, second).Stream(ctx, "KEPT")
	if err != nil {
		t.Fatal(err)
	}
	if n := stream.CachedInfo().State.Msgs; n != 1 {
		t.Errorf("%d messages left in nats, want 1", n)
	}
}

func TestPresentServersAreUsed(t *testing.T) {
	first := start(t, stack.Config{Dir: t.TempDir()})
	env := map[string]string{}
	for _, pair := range first.Addresses.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	dir := t.TempDir()
	second := start(t, stack.Config{Dir: dir, Present: stack.FromEnviron(func(name string) string { return env[name] })})
	if diff := cmp.Diff(first.Addresses, second.Addresses); diff != "" {
		t.Errorf("addresses (-given +got):\n%s", diff)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("something was started in spite of that: %v, %v", left, err)
	}
}

func TestAServerThatEndsIsSaid(t *testing.T) {
	s := start(t, stack.Config{Dir: t.TempDir()})
	for _, pid := range s.Pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-s.Died():
		if !strings.Contains(err.Error(), "ended by itself") {
			t.Errorf("Died yields %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("servers are dead and nobody says so")
	}
}

func TestDotenv(t *testing.T) {
	want := stack.Addresses{
		Kafka: "a:1,b:2", ClickHouse: "c:3", ClickHouseHTTP: "http://c:4", ClickHouseUser: "tocsin",
		ClickHousePassword: `it's "=$x`, AnalystUser: "analyst", NATS: "nats://d:5", Metrics: "e:6",
	}
	path := filepath.Join(t.TempDir(), "new", "stack.env")
	if err := want.WriteDotenv(path); err != nil {
		t.Fatal(err)
	}
	got, err := stack.ReadDotenv(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-written +read):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o: others can read the passwords", mode)
	}
}

func TestTakenPortIsSaid(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	port := l.Addr().(*net.TCPAddr).Port
	for name, ports := range map[string]stack.Ports{
		"kafka": {Kafka: port}, "nats": {NATS: port}, "clickhouse": {ClickHouse: port},
	} {
		s, err := stack.Start(t.Context(), stack.Config{Dir: t.TempDir(), Ports: ports})
		if err == nil {
			err = s.Stop(t.Context())
			t.Errorf("%s started on a taken port; stopped: %v", name, err)
			continue
		}
		if !strings.Contains(err.Error(), "in use") || !strings.Contains(err.Error(), name) {
			t.Errorf("error = %v, want that a port of %s is in use", err, name)
		}
	}
}
