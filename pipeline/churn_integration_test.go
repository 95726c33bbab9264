//go:build integration

package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/rules"
	"tocsin/rules/event"
)

// churnTime is how long members come, go and freeze.
const churnTime = 60 * time.Second

// TestIntegrationChurn runs three members of a group on Apache Kafka. They join,
// leave, pause before they store, and freeze for longer than their session. The
// test counts the batches whose intents two members had acknowledged: both
// members could store such a batch.
func TestIntegrationChurn(t *testing.T) {
	for _, serverSide := range []bool{false, true} {
		name := map[bool]string{false: "cooperative", true: "server-side"}[serverSide]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Cluster(t, 1, map[string]string{"group.consumer.session.timeout.ms": "3000"})
			c := &churn{t: t, brokers: cluster.Bootstrap(), serverSide: serverSide, memory: newMemory(), fresh: make(map[string]map[int]bool)}
			c.makeTopic()
			produced := c.run()
			c.judge(name, produced)
		})
	}
}

// churn is one run of the test.
type churn struct {
	t          *testing.T
	brokers    string
	serverSide bool
	memory     *memory

	mu       sync.Mutex
	fresh    map[string]map[int]bool // token: members that stored it without having looked for it
	replays  int
	freezes  int
	members  int
	registry []*prometheus.Registry
}

func (c *churn) client(opts ...kgo.Opt) *kgo.Client {
	c.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(c.brokers))...)
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

func (c *churn) makeTopic() {
	c.t.Helper()
	client := c.client()
	defer client.Close()
	if _, err := kadm.NewClient(client).CreateTopic(c.t.Context(), 6, 1, nil, topic); err != nil {
		c.t.Fatal(err)
	}
}

// seen is the store as one member sees it.
type seen struct {
	*churn
	member int
	mu     sync.Mutex
	random *rand.Rand
	looked map[string]bool
}

func (s *seen) pause() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() < 0.02 {
		return time.Duration(s.random.Int64N(int64(7 * time.Second)))
	}
	return 0
}

func (s *seen) Store(ctx context.Context, b *Batch) error {
	<-time.After(s.pause()) // after the intent
	s.mu.Lock()
	looked := s.looked[b.Token()]
	s.mu.Unlock()
	s.churn.mu.Lock()
	if s.replays++; !looked {
		s.replays--
		if s.fresh[b.Token()] == nil {
			s.fresh[b.Token()] = make(map[int]bool)
		}
		s.fresh[b.Token()][s.member] = true
	}
	s.churn.mu.Unlock()
	return s.memory.Store(ctx, b)
}

func (s *seen) Holds(ctx context.Context, b *Batch) (Held, bool, error) {
	s.mu.Lock()
	s.looked[b.Token()] = true
	s.mu.Unlock()
	return s.memory.Holds(ctx, b)
}

func (s *seen) Tail(ctx context.Context, log Log, near int64) (Tail, bool, error) {
	return s.memory.Tail(ctx, log, near)
}

// Current is called between a poll and the intent. A member that pauses there, or
// in a store that ignores its context, holds the cycle, and so the rebalance,
// until the group expels it. Then it goes on with the batch it holds.
func (s *seen) Current() *rules.Engine {
	<-time.After(s.pause())
	return s.memory.Current()
}

func (s *seen) ByDigest(ctx context.Context, digest string) (*rules.Engine, error) {
	return s.memory.ByDigest(ctx, digest)
}

// churner is a member with a network of its own.
type churner struct {
	*Worker
	stop  context.CancelFunc
	done  chan error
	cable *ice
}

// String describes the state of a member.
func (m *churner) String() string {
	select {
	case err := <-m.done:
		return fmt.Sprintf("a member that ended: %v", err)
	default:
		return fmt.Sprintf("a member: %+v", m.health.Status(time.Now(), time.Minute))
	}
}

func (c *churn) join(random *rand.Rand) *churner {
	c.t.Helper()
	cable := &ice{}
	registry := prometheus.NewRegistry()
	c.members++
	c.registry = append(c.registry, registry)
	view := &seen{churn: c, member: c.members, random: rand.New(rand.NewPCG(random.Uint64(), 1)), looked: make(map[string]bool)}
	w, err := New(Config{
		Kafka:   []kgo.Opt{kgo.SeedBrokers(c.brokers), kgo.Dialer(cable.DialContext), kgo.RequestTimeoutOverhead(2 * time.Second)},
		Cluster: "test", Group: "tocsin", Topics: []string{topic}, FirstStart: StartEarliest, ServerSide: c.serverSide,
		MaxRecords: 200, MaxBytes: 64 << 20, Limits: event.Limits{MaxBytes: 1 << 20}, MaxUnpacked: 256 << 20, Stores: 4, Linger: 20 * time.Millisecond, StepTimeout: 2 * time.Second, IntentTTL: 4 * time.Second, DrainTimeout: 2500 * time.Millisecond,
		RebalanceGrace: time.Second, SessionTimeout: 3 * time.Second, BackoffMin: 50 * time.Millisecond, BackoffMax: time.Second,
	}, view, c.memory, view, NewMetrics(registry), NewHealth(time.Now()), slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &churner{w, cancel, make(chan error, 1), cable}
	go func() { m.done <- w.Run(ctx) }()
	return m
}

// leave thaws a member and stops it in an orderly way.
func (c *churn) leave(m *churner) {
	c.t.Helper()
	m.cable.freeze(false)
	m.stop()
	if err := <-m.done; err != nil {
		c.t.Errorf("a member ended with %v", err)
	}
}

// run churns and returns the number of records produced.
func (c *churn) run() (produced int) {
	random := rand.New(rand.NewPCG(409, 8))
	client := c.client(kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	defer client.Close()
	members := []*churner{c.join(random), c.join(random), c.join(random)}
	frozen := make(map[*churner]time.Time) // until
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(churnTime); time.Now().Before(end); <-tick.C {
		var records []*kgo.Record
		for range 12 {
			records = append(records, &kgo.Record{Topic: topic, Value: value(produced)})
			produced++
		}
		if err := client.ProduceSync(c.t.Context(), records...).FirstErr(); err != nil {
			c.t.Fatal(err)
		}
		for m, until := range frozen {
			if time.Now().After(until) {
				m.cable.freeze(false)
				delete(frozen, m)
			}
		}
		i := random.IntN(len(members))
		switch m := members[i]; {
		case !frozen[m].IsZero():
		case random.Float64() < 0.01:
			c.leave(m)
			members[i] = c.join(random)
		case random.Float64() < 0.01:
			m.cable.freeze(true)
			c.freezes++
			frozen[m] = time.Now().Add(time.Duration(random.Int64N(int64(8 * time.Second))))
		}
	}
	for _, m := range members {
		m.cable.freeze(false)
	}
	deadline := time.After(2 * time.Minute)
	for c.memory.stored() < produced {
		select {
		case <-tick.C:
		case <-deadline:
			for _, m := range members {
				c.t.Log(m)
			}
			c.t.Fatalf("%d of %d records stored two minutes after the churn", c.memory.stored(), produced)
		}
	}
	for _, m := range members {
		c.leave(m)
	}
	return produced
}

// judge counts the batches acknowledged to two members.
func (c *churn) judge(name string, produced int) {
	twice := 0
	for token, members := range c.fresh {
		if len(members) > 1 {
			twice++
			c.t.Errorf("batch %s was acknowledged to %d members", token, len(members))
		}
	}
	commits := uint64(0)
	for _, r := range c.registry {
		families, err := r.Gather()
		if err != nil {
			c.t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				for _, l := range m.GetLabel() {
					if f.GetName() == "tocsin_step_duration_seconds" && l.GetValue() == "commit" {
						commits += m.GetHistogram().GetSampleCount()
					}
				}
			}
		}
	}
	b := &bench{t: c.t, sink: c.memory}
	b.exact(produced)
	fmt.Printf("churn, %s: %d members joined, %d freezes, %d records, %d commits acknowledged, %d batches, %d replays stored, %d batches acknowledged to two members\n",
		name, c.members, c.freezes, produced, commits, len(c.fresh), c.replays, twice)
	if c.replays == 0 || c.freezes == 0 {
		c.t.Error("nothing was replayed or frozen: the run proves nothing")
	}
}

// ice is a network whose connections can be frozen: they stay open and carry no
// data.
type ice struct {
	mu     sync.Mutex
	thawed chan struct{} // nil: not frozen
}

func (i *ice) freeze(on bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case on && i.thawed == nil:
		i.thawed = make(chan struct{})
	case !on && i.thawed != nil:
		close(i.thawed)
		i.thawed = nil
	}
}

// wait returns once the network is not frozen or closed is closed.
func (i *ice) wait(closed <-chan struct{}) {
	i.mu.Lock()
	thawed := i.thawed
	i.mu.Unlock()
	if thawed != nil {
		select {
		case <-thawed:
		case <-closed:
		}
	}
}

func (i *ice) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	i.wait(ctx.Done())
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &icyConn{Conn: conn, ice: i, closed: make(chan struct{})}, nil
}

// icyConn is a connection on the ice. Only the client can give it up, by closing
// it.
type icyConn struct {
	net.Conn
	ice    *ice
	once   sync.Once
	closed chan struct{}
}

func (c *icyConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.ice.wait(c.closed) // what came meanwhile is held back too
	return n, err
}

func (c *icyConn) Write(p []byte) (int, error) {
	c.ice.wait(c.closed)
	return c.Conn.Write(p)
}

func (c *icyConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
