// Package netfault puts a network that can be broken on purpose in front of
// one server: a TCP proxy whose connections can be cut, refused, frozen and
// delayed while clients are using them.
//
// The client sends requests, the server sends answers. The proxy does not look at
// their bytes. A verb holds for the bytes that come after it. Bytes that are
// passing while it is called may count as before or after it.
package netfault

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"tocsin/cmd/devstack/loopback"
)

const (
	// listenTries is how often a free port is chosen: between the choice and
	// the bind another server may take it.
	listenTries = 10
	// acceptPause is how long the proxy rests when the system has no socket for
	// it, as when too many files are open.
	acceptPause = 10 * time.Millisecond
)

// Proxy passes connections on to a server, until a method stops it. It is safe
// for concurrent use.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup // the goroutines

	mu      sync.Mutex
	state   state
	changed chan struct{} // closed, and replaced, when state changes
	conns   map[*conn]struct{}
	closed  bool
}

// state is what the proxy does to connections.
type state struct {
	target string
	refuse bool
	frozen [directions]bool
	delay  time.Duration // of answers
}

// Listen starts a proxy in front of target, host:port, on a free port of the
// loopback interface. An empty target is a server that is not there yet: see
// SetTarget.
func Listen(target string) (*Proxy, error) {
	var last error
	for range listenTries {
		ports, err := loopback.Ports(1)
		if err != nil {
			return nil, fmt.Errorf("netfault: %w", err)
		}
		p, err := ListenOn(loopback.Addr(ports[0]), target)
		if err == nil {
			return p, nil
		}
		last = err
	}
	return nil, last
}

// ListenOn starts a proxy in front of target that listens on addr, host:port.
func ListenOn(addr, target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("netfault: %w", err)
	}
	p := &Proxy{
		listener: listener,
		state:    state{target: target},
		changed:  make(chan struct{}),
		conns:    make(map[*conn]struct{}),
	}
	p.running.Go(p.accept)
	return p, nil
}

// Addr is where the proxy listens, host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetTarget sends connections made from now on to another server.
func (p *Proxy) SetTarget(addr string) { p.change(func(s *state) { s.target = addr }) }

// Refuse closes new connections at once, or no longer. A client sees them
// taken and reset. Those there are stay.
func (p *Proxy) Refuse(on bool) { p.change(func(s *state) { s.refuse = on }) }

// Freeze makes the connections half-open: they stay, and new ones are
// accepted, but nothing passes either way, not even the end of one. The proxy
// stops reading, so what a side sends stays in the kernel's buffers until they
// are full, and passes on after Thaw.
func (p *Proxy) Freeze() {
	p.change(func(s *state) { s.frozen = [directions]bool{request: true, answer: true} })
}

// FreezeAnswers has requests pass while answers are held until Thaw: the
// server acts, and the client cannot know.
func (p *Proxy) FreezeAnswers() {
	p.change(func(s *state) { s.frozen = [directions]bool{answer: true} })
}

// Thaw ends Freeze and FreezeAnswers: the bytes held pass on, in order. A
// connection one of whose ends went away in the meantime ends.
func (p *Proxy) Thaw() { p.change(func(s *state) { s.frozen = [directions]bool{} }) }

// Delay has each chunk of an answer delivered this much later than it came;
// 0 ends it, also for what is held. A connection delivers a megabyte in d at most.
func (p *Proxy) Delay(d time.Duration) { p.change(func(s *state) { s.delay = d }) }

// Cut ends every connection at once, on both sides, with a reset. What was
// held is lost. New connections are taken.
func (p *Proxy) Cut() {
	p.mu.Lock()
	conns := slices.Collect(maps.Keys(p.conns))
	p.mu.Unlock()
	for _, c := range conns {
		c.reset()
	}
}

// Close stops listening, cuts the connections and returns when nothing of the
// proxy is left.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("netfault: %w", err)
	}
	return nil
}

// change changes the state and wakes the connections that wait for it.
func (p *Proxy) change(f func(*state)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.state)
	close(p.changed)
	p.changed = make(chan struct{})
}

// look returns the state, and a channel that is closed when it is no longer
// true.
func (p *Proxy) look() (state, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.changed
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(acceptPause)
		default:
			p.adopt(client.(*net.TCPConn))
		}
	}
}

// adopt has a connection passed on, or resets it.
func (p *Proxy) adopt(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.state.refuse {
		reset(client)
		return
	}
	c := newConn(p, client)
	p.conns[c] = struct{}{}
	p.running.Go(func() {
		c.run()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
	})
}
