package netfault_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/netfault"
)

const (
	// quiet is how long a side is listened to until it counts as silent.
	quiet = 50 * time.Millisecond
	// bound is how long what must come may take.
	bound = 20 * time.Second
)

// server answers each line with "re: " and the line, and reports what it heard.
type server struct {
	addr  string
	heard chan string
	gone  chan error // how each connection ended; nil is an orderly end
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &server{l.Addr().String(), make(chan string, 100), make(chan error, 100)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *server) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		s.heard <- lines.Text()
		_, _ = fmt.Fprintf(c, "re: %s\n", lines.Text())
	}
	s.gone <- lines.Err()
}

// hears demands that the server hears a line.
func (s *server) hears(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-s.heard:
		if got != want {
			t.Fatalf("the server heard %q, want %q", got, want)
		}
	case <-time.After(bound):
		t.Fatalf("the server did not hear %q", want)
	}
}

// deaf demands that the server hears nothing for a while.
func (s *server) deaf(t *testing.T) {
	t.Helper()
	select {
	case got := <-s.heard:
		t.Fatalf("the server heard %q", got)
	case <-time.After(quiet):
	}
}

// ended returns how a connection of the server ended.
func (s *server) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-s.gone:
		return err
	case <-time.After(bound):
		t.Fatal("the server's connection did not end")
		return nil
	}
}

type client struct {
	*net.TCPConn
	lines *bufio.Reader
}

func dial(t *testing.T, addr string) client {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return client{c.(*net.TCPConn), bufio.NewReader(c)}
}

func (c client) say(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(c, line); err != nil {
		t.Fatal(err)
	}
}

// hears demands an answer.
func (c client) hears(t *testing.T, want string) {
	t.Helper()
	if got, err := c.next(bound); err != nil || got != want {
		t.Fatalf("heard %q, %v; want %q", got, err, want)
	}
}

// deaf demands that no answer comes for a while, nor the end.
func (c client) deaf(t *testing.T) {
	t.Helper()
	if got, err := c.next(quiet); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("heard %q, %v; want silence", got, err)
	}
}

func (c client) next(d time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(d))
	line, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

// reset demands that the connection ends with a reset.
func (c client) reset(t *testing.T) {
	t.Helper()
	if got, err := c.next(bound); !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("heard %q, %v; want a reset", got, err)
	}
}

// refused demands that a new connection ends at once, which the dial may be
// told already.
func refused(t *testing.T, p *netfault.Proxy) {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err == nil {
		defer func() { _ = c.Close() }()
		_ = c.SetReadDeadline(time.Now().Add(bound))
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Fatalf("a refused connection ended with %v, want a reset", err)
	}
}

func newProxy(t *testing.T, target string) *netfault.Proxy {
	t.Helper()
	p, err := netfault.Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// pair is a client that talks to a server through a proxy.
func pair(t *testing.T) (*netfault.Proxy, client, *server) {
	t.Helper()
	s := newServer(t)
	p := newProxy(t, s.addr)
	c := dial(t, p.Addr())
	c.say(t, "a")
	s.hears(t, "a")
	c.hears(t, "re: a")
	return p, c, s
}
