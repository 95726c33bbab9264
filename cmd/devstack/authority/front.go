package authority

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// Front is TLS before a server that has none.
type Front struct {
	Addr  string // host:port
	Taken atomic.Int64
	// config is of the connections to come.
	config atomic.Pointer[tls.Config]

	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// NewFront passes what comes over TLS on to a server, until the test ends.
func NewFront(tb testing.TB, server string, config *tls.Config) *Front {
	tb.Helper()
	f := &Front{open: make(map[net.Conn]bool)}
	f.Demand(config)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.config.Load(), nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	f.listener, f.Addr = l, l.Addr().String()
	tb.Cleanup(func() {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			tb.Error(err)
		}
		f.Cut()
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go f.pass(c, server)
		}
	}()
	return f
}

// Demand has the connections to come made under another configuration.
func (f *Front) Demand(config *tls.Config) { f.config.Store(config) }

// Config is what Demand was last given.
func (f *Front) Config() *tls.Config { return f.config.Load() }

// Cut ends the connections that are open.
func (f *Front) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		_ = c.Close()
	}
}

func (f *Front) pass(c net.Conn, server string) {
	defer func() { _ = c.Close() }()
	if c.(*tls.Conn).Handshake() != nil {
		return // the client has had its answer
	}
	f.Taken.Add(1)
	s, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.open[c] = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.open, c)
		f.mu.Unlock()
	}()
	go func() {
		_, _ = io.Copy(s, c)
		_ = s.Close()
	}()
	_, _ = io.Copy(c, s)
}
