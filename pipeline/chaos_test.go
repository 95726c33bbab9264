package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// gate is the network cable of one worker.
type gate struct {
	dial  func(ctx context.Context, network, address string) (net.Conn, error)
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (g *gate) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cut {
		return nil, errors.New("the cable is cut")
	}
	conn, err := g.dial(ctx, network, address)
	if err == nil {
		g.conns = append(g.conns, conn)
	}
	return conn, err
}

func (g *gate) set(cut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cut = cut; cut {
		for _, c := range g.conns {
			c.Close()
		}
		g.conns = nil
	}
}

// plug connects a worker to Kafka through the cable.
func (g *gate) plug(b *bench) func(*Config) {
	return func(c *Config) {
		c.Kafka = []kgo.Opt{kgo.SeedBrokers(b.cluster.ListenAddrs()...), kgo.Dialer(g.DialContext)}
	}
}

// startGated starts a worker whose connection to Kafka can be cut.
func (b *bench) startGated(configure ...func(*Config)) (*worker, *gate) {
	g := &gate{dial: b.net.DialContext}
	return b.start(append(configure, g.plug(b))...), g
}

// A member that is cut off in the midst of a batch is expelled. Another member
// replays the promised batch. Then the first comes back and finishes its late
// store.
func TestAZombieDoublesNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.produce(0, 400)
		release := make(chan struct{})
		held := 0
		first, cable := b.startGated()
		b.sink.set(func() {
			b.sink.storeErr = func() error {
				if held++; held > 2 {
					return nil
				}
				return errAway
			}
		})
		time.Sleep(50 * time.Millisecond) // its batches are declared, and its first tries failed
		cable.set(true)
		second := b.start()
		b.settled(400, 5*time.Minute)
		close(release)
		cable.set(false)
		b.produce(400, 400)
		b.settled(800, 5*time.Minute)
		time.Sleep(2 * time.Minute)
		b.end(first)
		b.end(second)
		b.exact(800)
	})
}

// Stores and publishes fail before and after they take effect, cables break,
// members join and leave, at any time. Nothing is lost or doubled.
func TestChaos(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			virtual(t, func(t *testing.T) { chaos(t, seed) })
		})
	}
}

func chaos(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 409))
	b := newBench(t, 4)
	sometimes := func(p float64) func() error { // called under the sink's lock
		own := rand.New(rand.NewPCG(random.Uint64(), 1))
		return func() error {
			if own.Float64() < p {
				return errAway
			}
			return nil
		}
	}
	b.sink.set(func() {
		b.sink.storeErr, b.sink.afterErr, b.sink.pubErr = sometimes(0.2), sometimes(0.2), sometimes(0.2)
	})
	quick := func(c *Config) {
		c.MaxRecords, c.SessionTimeout, c.StepTimeout, c.DrainTimeout, c.IntentTTL = 150, 10*time.Second, 2*time.Second, 5*time.Second, 3*time.Second
		c.ServerSide = seed%2 == 1
	}
	type member struct {
		*worker
		cable *gate
	}
	var members []member
	join := func() {
		w, cable := b.startGated(quick)
		members = append(members, member{w, cable})
	}
	join()
	n := 0
	for range 25 {
		b.produce(n, 100)
		n += 100
		switch random.IntN(5) {
		case 0:
			if len(members) < 3 {
				join()
			}
		case 1:
			if len(members) > 1 {
				i := random.IntN(len(members))
				members[i].cable.set(false)
				b.end(members[i].worker)
				members = append(members[:i], members[i+1:]...)
			}
		case 2:
			members[random.IntN(len(members))].cable.set(true)
		case 3:
			for _, m := range members {
				m.cable.set(false)
			}
		case 4:
			b.sink.set(func() { b.sink.current = []string{"one", "two"}[random.IntN(2)] })
		}
		time.Sleep(time.Duration(random.IntN(8000)) * time.Millisecond)
	}
	for _, m := range members {
		m.cable.set(false)
	}
	b.sink.set(func() { b.sink.storeErr, b.sink.afterErr, b.sink.pubErr = nothing, nothing, nothing })
	b.settled(n, 10*time.Minute)
	time.Sleep(time.Minute)
	for _, m := range members {
		b.end(m.worker)
	}
	b.exact(n)
}
