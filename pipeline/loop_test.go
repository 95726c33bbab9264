package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"tocsin/rules"
)

const topic = "ledger.events"

// bench is a Kafka in virtual time, sinks in memory, and workers on them.
type bench struct {
	t       *testing.T
	net     kfake.VirtualNetwork
	cluster *kfake.Cluster
	sink    *memory
	log     *slog.Logger
}

func newBench(t *testing.T, partitions int32) *bench { return newBenchOf(t, 1, partitions) }

// newBenchOf is newBench with several brokers.
func newBenchOf(t *testing.T, brokers int, partitions int32) *bench {
	b := &bench{t: t, sink: newMemory(), log: slog.New(slog.NewTextHandler(testWriter{t}, nil))}
	ports := []int{19092, 19093}[:brokers]
	cluster, err := kfake.NewCluster(kfake.NumBrokers(brokers), kfake.Ports(ports...), kfake.SeedTopics(partitions, topic), kfake.ListenFn(b.net.Listen))
	if err != nil {
		t.Fatal(err)
	}
	b.cluster = cluster
	t.Cleanup(cluster.Close)
	return b
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

func (b *bench) kafka() []kgo.Opt {
	return []kgo.Opt{kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.Dialer(b.net.DialContext)}
}

func (b *bench) client(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	client, err := kgo.NewClient(append(b.kafka(), opts...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	return client
}

func (b *bench) config() Config {
	return Config{
		Kafka: b.kafka(), Cluster: "test", Group: "tocsin", Topics: []string{topic}, FirstStart: StartEarliest,
		MaxRecords: 1000, MaxBytes: 64 << 20, MaxUnpacked: 256 << 20, Linger: 100 * time.Millisecond, DrainTimeout: 20 * time.Second, RebalanceGrace: time.Second,
		Stores: 4, StepTimeout: 10 * time.Second, BackoffMin: 100 * time.Millisecond, BackoffMax: 15 * time.Second, SessionTimeout: 45 * time.Second,
		IntentTTL: time.Minute,
	}
}

// worker is one running worker.
type worker struct {
	*Worker
	stop context.CancelFunc
	done chan error
}

func (b *bench) start(configure ...func(*Config)) *worker {
	b.t.Helper()
	return b.startOn(b.sink, configure...)
}

// startOn starts a worker on another store.
func (b *bench) startOn(store Store, configure ...func(*Config)) *worker {
	b.t.Helper()
	c := b.config()
	for _, f := range configure {
		f(&c)
	}
	health := NewHealth(time.Now())
	w, err := New(c, store, b.sink, b.sink, NewMetrics(prometheus.NewRegistry()), health, b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	run := &worker{w, cancel, make(chan error, 1)}
	go func() { run.done <- w.Run(ctx) }()
	return run
}

// end stops a worker in an orderly way and wants no error.
func (b *bench) end(w *worker) {
	b.t.Helper()
	w.stop()
	if err := <-w.done; err != nil {
		b.t.Errorf("the worker ended with %v", err)
	}
}

// produce sends n records, numbered from first, over the partitions.
func (b *bench) produce(first, n int) {
	b.t.Helper()
	client := b.client(kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	defer client.Close()
	var records []*kgo.Record
	for i := first; i < first+n; i++ {
		records = append(records, &kgo.Record{Topic: topic, Value: value(i)})
	}
	if err := client.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// value is record i: every hundredth is not an event.
func value(i int) []byte {
	if i%100 == 99 {
		return fmt.Appendf(nil, "record %d is not JSON", i)
	}
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"%d","source":"test","type":"ledger.contract.executed","data":{"contract":{"contract_id":"C-%d"}}}`, i, i)
}

// settled waits until n distinct records are stored, in virtual time.
func (b *bench) settled(n int, within time.Duration) {
	b.t.Helper()
	for deadline := time.Now().Add(within); b.sink.stored() < n; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("%d of %d records stored after %s", b.sink.stored(), n, within)
		}
	}
}

// exact wants each of n records stored once, each candidate alerted once, and an
// unbroken chain.
func (b *bench) exact(n int) {
	b.t.Helper()
	b.sink.mu.Lock()
	defer b.sink.mu.Unlock()
	times := make(map[string]int)
	for _, batch := range b.sink.batches {
		for _, row := range batch.Rows {
			times[string(row.Raw)]++
		}
	}
	for i := range n {
		if got := times[string(value(i))]; got != 1 {
			b.t.Errorf("record %d is stored %d times, want once", i, got)
		}
		id := fmt.Sprint("C-", i)
		want := 1
		if i%100 == 99 || i%10 != 0 {
			want = 0
		}
		if got := b.sink.alerts[id]; got != want {
			b.t.Errorf("candidate %s is alerted %d times, want %d", id, got, want)
		}
	}
	if len(times) != n {
		b.t.Errorf("%d distinct records are stored, want %d", len(times), n)
	}
	b.sink.checkChain(b.t)
}

// group returns the committed offset of a partition.
func (b *bench) group(partition int32) kadm.OffsetResponse {
	b.t.Helper()
	client := b.client(kgo.MaxVersions(kversion.V4_0_0())) // which asks by name: a broker may not know the id yet
	defer client.Close()
	all, err := kadm.NewClient(client).FetchOffsets(b.t.Context(), "tocsin")
	if err != nil {
		b.t.Fatal(err)
	}
	o, _ := all.Lookup(topic, partition)
	return o
}

// virtual runs a test in virtual time. A leaked goroutine fails it.
func virtual(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func TestEveryRecordIsStoredOnceAndEveryCandidateAlertedOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		b.produce(0, 3000)
		w := b.start()
		b.settled(3000, time.Minute)
		b.end(w)
		b.exact(3000)
		for p := range int32(4) {
			o := b.group(p)
			m, err := parseMark(o.Metadata, o.At)
			if err != nil || len(m.Promises) > 0 || o.At != 750 {
				t.Errorf("partition %d is left at %d with mark %+v, %v; want 750 without an intent", p, o.At, m, err)
			}
		}
	})
}

func TestDrainEndsByItself(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		b.produce(0, 1000)
		b.drain()
		b.exact(1000)
	})
}

// drain runs a worker until everything is stored.
func (b *bench) drain(configure ...func(*Config)) {
	b.t.Helper()
	c := b.config()
	for _, f := range configure {
		f(&c)
	}
	w, err := New(c, b.sink, b.sink, b.sink, NewMetrics(prometheus.NewRegistry()), NewHealth(time.Now()), b.log)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 10*time.Minute)
	defer cancel()
	if err := w.Drain(ctx); err != nil || ctx.Err() != nil {
		b.t.Fatalf("drain: %v, %v", err, ctx.Err())
	}
}

// A partition may end with offsets that no commit covers: markers of
// transactions, and records of an aborted one.
func TestDrainEndsBehindTransactions(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		client := b.client(kgo.TransactionalID("ledger"))
		defer client.Close()
		n := 0
		transaction := func(records int, end kgo.TransactionEndTry) {
			t.Helper()
			if err := client.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			for i := range records {
				if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: value(n + i)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			if err := client.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
			if end == kgo.TryCommit {
				n += records
			}
		}
		transaction(5, kgo.TryCommit)
		transaction(3, kgo.TryAbort)
		b.drain()
		b.exact(n)
		transaction(2, kgo.TryCommit)
		b.drain()
		b.exact(n)
	})
}

// memory is a store, a publisher and a library in memory, with switches.
type memory struct {
	mu       sync.Mutex
	batches  []Batch
	tokens   map[string]int
	offsets  map[Log]map[int64]bool
	alerts   map[string]int
	engines  map[string]*rules.Engine
	current  string
	storeErr func() error // asked before each store
	tailErr  error        // of every look for the tail
	trying   Batch        // what storeErr is asked about
	loses    func() bool  // asked of each new batch: keep its token, lose its rows
	afterErr func() error // asked after a store took effect
	pubErr   func() error // asked before each publish
}

var errAway = Wait("the sink", errors.New("away"))

func nothing() error { return nil }

func newMemory() *memory {
	return &memory{tokens: make(map[string]int), offsets: make(map[Log]map[int64]bool), alerts: make(map[string]int),
		engines: engines(), current: "one", storeErr: nothing, loses: func() bool { return false }, afterErr: nothing, pubErr: nothing}
}

func (m *memory) Store(ctx context.Context, b *Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trying = *b
	if err := m.storeErr(); err != nil {
		return err
	}
	if b.Late(time.Now()) {
		return ErrLate
	}
	if m.tokens[b.Token()]++; m.tokens[b.Token()] > 1 {
		if !slices.ContainsFunc(m.batches, func(held Batch) bool { return held.Token() == b.Token() }) {
			return ErrLost
		}
	} else if m.loses() {
		return errAway
	} else {
		kept := *b
		kept.Rows = nil
		tp := b.Log()
		if m.offsets[tp] == nil {
			m.offsets[tp] = make(map[int64]bool)
		}
		for _, row := range b.Rows {
			row.Raw = append([]byte(nil), row.Raw...)
			row.Event, row.Verdicts = nil, nil
			kept.Rows = append(kept.Rows, row)
			m.offsets[tp][row.Offset] = true
		}
		m.batches = append(m.batches, kept)
	}
	return m.afterErr()
}

func (m *memory) Holds(ctx context.Context, b *Batch) (Held, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.storeErr(); err != nil {
		return Held{}, false, err
	}
	for i := range m.batches {
		if held := &m.batches[i]; held.Log() == b.Log() && held.First == b.First && held.Last == b.Last {
			return Held{len(held.Rows), held.Rows[len(held.Rows)-1].Chain}, true, nil
		}
	}
	return Held{}, false, nil
}

func (m *memory) Tail(_ context.Context, log Log, _ int64) (t Tail, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tailErr != nil {
		return Tail{}, false, m.tailErr
	}
	earlier := false
	t.Chain = Seed(log.ID, log.Partition)
	for _, b := range m.batches {
		switch {
		case b.Log() == log && (!ok || b.Last > t.Last):
			t, ok = Tail{First: b.First, Last: b.Last, Digest: b.Digest, MaxBytes: b.MaxBytes, Before: t.Chain, Chain: b.Rows[len(b.Rows)-1].Chain}, true
			if last := &b.Rows[len(b.Rows)-1]; last.packed() {
				t.Refused = last.Failure.Code
			}
		case b.Topic == log.Topic && b.TopicID != log.ID:
			earlier = true
		}
	}
	if !ok {
		return Tail{Earlier: earlier}, false, nil
	}
	return t, ok, nil
}

func (m *memory) Publish(ctx context.Context, alerts []Alert) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.pubErr(); err != nil {
		return err
	}
	for _, a := range alerts {
		m.alerts[a.Verdict.Finding.Key] = 1 // by candidate: a repeat changes nothing
	}
	return nil
}

func (m *memory) Current() *rules.Engine {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.engines[m.current]
}

func (m *memory) ByDigest(_ context.Context, digest string) (*rules.Engine, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.engines {
		if e.Digest() == digest {
			return e, nil
		}
	}
	return nil, io.ErrUnexpectedEOF
}

func (m *memory) stored() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, seen := range m.offsets {
		n += len(seen)
	}
	return n
}

func (m *memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}
