package netfault

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// chunk is the most that is read at a time, depth how many chunks of a
	// direction are held for Delay. Together they bound a connection's memory.
	chunk, depth = 32 << 10, 32
	// dialBound is how long the server's system may take to answer.
	dialBound = 10 * time.Second
)

// direction is a way through a connection.
type direction int

const (
	request direction = iota
	answer
	directions
)

// conn is a connection of a client and, once made, the one to the server.
type conn struct {
	proxy  *Proxy
	client *net.TCPConn
	ended  <-chan struct{} // closed by stop
	stop   context.CancelFunc
	dial   func(addr string) (net.Conn, error)
	broken atomic.Bool // a write to an end has failed

	mu     sync.Mutex
	server *net.TCPConn // nil until made
}

// piece is what one read brought.
type piece struct {
	bytes []byte
	came  time.Time
	err   error // that came with it; io.EOF is an orderly end
}

func newConn(p *Proxy, client *net.TCPConn) *conn {
	ctx, stop := context.WithCancel(context.Background()) // the connection's own life
	return &conn{
		proxy: p, client: client, ended: ctx.Done(), stop: stop,
		dial: func(addr string) (net.Conn, error) {
			d := net.Dialer{Timeout: dialBound}
			return d.DialContext(ctx, "tcp", addr)
		},
	}
}

// run passes the connection on until it ends.
func (c *conn) run() {
	defer c.reset() // of what has not ended in an orderly way
	// While requests are frozen the server's system gets none to connect.
	if !c.await(request, time.Time{}) {
		return
	}
	now, _ := c.proxy.look()
	server, err := c.dial(now.target)
	if err != nil {
		c.await(answer, time.Time{}) // a refusal is an answer
		return
	}
	if !c.connected(server.(*net.TCPConn)) {
		return
	}
	var all sync.WaitGroup
	for d, ends := range [directions][2]*net.TCPConn{request: {c.client, c.server}, answer: {c.server, c.client}} {
		pieces := make(chan piece, depth)
		all.Go(func() { c.read(direction(d), ends[0], pieces) })
		all.Go(func() { c.write(direction(d), pieces, ends[1]) })
	}
	all.Wait()
	select {
	case <-c.ended:
	default:
		_, _ = c.client.Close(), c.server.Close() // after both ends were passed on
	}
}

// connected keeps the connection to the server, or resets it when there is no
// use for it any more.
func (c *conn) connected(server *net.TCPConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.ended:
		reset(server)
		return false
	default:
		c.server = server
		return true
	}
}

// read takes in what comes, and leaves it to the kernel while the direction is
// frozen.
func (c *conn) read(d direction, from *net.TCPConn, pieces chan<- piece) {
	buffer := make([]byte, chunk)
	for c.await(d, time.Time{}) {
		n, err := from.Read(buffer)
		select {
		case pieces <- piece{slices.Clone(buffer[:n]), time.Now(), err}:
		case <-c.ended:
			return
		}
		if err != nil {
			return
		}
	}
}

// write delivers pieces when they may pass, and the end of them as it came.
func (c *conn) write(d direction, pieces <-chan piece, to *net.TCPConn) {
	for {
		var next piece
		select {
		case next = <-pieces:
		case <-c.ended:
			return
		}
		if !c.await(d, next.came) {
			return
		}
		_, err := to.Write(next.bytes)
		switch {
		case err != nil:
			// News that an end is gone travels against the direction, and
			// waits while that is frozen. The kernel reports a reset once:
			// here, and so the read of this end shows an orderly one.
			c.broken.Store(true)
			c.await(1-d, time.Time{})
			c.reset()
			return
		case errors.Is(next.err, io.EOF) && !c.broken.Load():
			_ = to.CloseWrite() // an error here is one of the next read too
			return
		case next.err != nil:
			c.reset()
			return
		}
	}
}

// await returns true once what came at that time may pass, and false when the
// connection has ended.
func (c *conn) await(d direction, came time.Time) bool {
	for {
		now, changed := c.proxy.look()
		due := came
		if d == answer {
			due = came.Add(now.delay)
		}
		var passes <-chan time.Time // never, while frozen
		if !now.frozen[d] {
			left := time.Until(due)
			if left <= 0 {
				return true
			}
			passes = time.After(left)
		}
		select {
		case <-passes:
		case <-changed:
		case <-c.ended:
			return false
		}
	}
}

// reset ends the connection at once on both sides.
func (c *conn) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop()
	reset(c.client)
	if c.server != nil {
		reset(c.server)
	}
}

// reset closes a connection so that the other end sees a reset. Errors say
// that it has ended already.
func reset(c *net.TCPConn) { _, _ = c.SetLinger(0), c.Close() }
