package netfault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tocsin/cmd/devstack/netfault"
)

func TestPasses(t *testing.T) {
	_, c, s := pair(t)
	big := strings.Repeat("x", 60_000)
	for range 100 {
		c.say(t, big)
		s.hears(t, big)
		c.hears(t, "re: "+big)
	}
	// One side ends, and the other still answers.
	if _, err := fmt.Fprintln(c, "last"); err != nil {
		t.Fatal(err)
	}
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c.hears(t, "re: last")
	if got, err := c.next(bound); err != io.EOF {
		t.Errorf("heard %q, %v; want the end", got, err)
	}
	if err := s.ended(t); err != nil {
		t.Errorf("the server's connection ended with %v", err)
	}
}

func TestCut(t *testing.T) {
	p, c, s := pair(t)
	p.Cut()
	c.reset(t)
	if err := s.ended(t); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the server's connection ended with %v, want a reset", err)
	}
	again := dial(t, p.Addr())
	again.say(t, "b")
	again.hears(t, "re: b")
}

func TestRefuse(t *testing.T) {
	p, old, _ := pair(t)
	p.Refuse(true)
	refused(t, p)
	old.say(t, "b")
	old.hears(t, "re: b")
	p.Refuse(false)
	again := dial(t, p.Addr())
	again.say(t, "c")
	again.hears(t, "re: c")
}

func TestFreeze(t *testing.T) {
	p, old, s := pair(t)
	p.Freeze()
	fresh := dial(t, p.Addr())
	for range 3 {
		old.say(t, "old")
		fresh.say(t, "fresh")
	}
	s.deaf(t)
	old.deaf(t)
	fresh.deaf(t)
	p.Thaw()
	for range 3 {
		old.hears(t, "re: old")
		fresh.hears(t, "re: fresh")
	}
}

// TestFreezeHoldsLittle: a proxy that is frozen does not read, so a sender
// comes to a stop, and nothing it sent is lost.
func TestFreezeHoldsLittle(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := newProxy(t, l.Addr().String())
	c := dial(t, p.Addr())
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = accepted.Close() })
	p.Freeze()

	var before, after runtime.MemStats
	block := make([]byte, 1<<20)
	runtime.GC()
	runtime.ReadMemStats(&before)
	sent := 0
	for err == nil {
		if sent > 256<<20 {
			t.Fatalf("%d bytes went into a frozen connection", sent)
		}
		var n int
		_ = c.SetWriteDeadline(time.Now().Add(5 * quiet))
		n, err = c.Write(block)
		sent += n
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(block) // it counts before and after
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 256<<10 {
		t.Errorf("%d bytes sent, and %d held by the program", sent, grown)
	}
	p.Thaw()
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.Copy(io.Discard, accepted); err != nil || got != int64(sent) {
		t.Errorf("%d bytes arrived of %d, %v", got, sent, err)
	}
}

func TestFreezeAnswers(t *testing.T) {
	p, c, s := pair(t)
	p.FreezeAnswers()
	c.say(t, "b")
	s.hears(t, "b")
	c.deaf(t)
	fresh := dial(t, p.Addr())
	fresh.say(t, "c")
	s.hears(t, "c")
	fresh.deaf(t)
	p.Thaw()
	c.hears(t, "re: b")
	fresh.hears(t, "re: c")

	// An answer that is cut off is lost for good, though the server has acted.
	p.FreezeAnswers()
	c.say(t, "d")
	s.hears(t, "d")
	p.Cut()
	c.reset(t)
}

// TestTheEndIsHeldToo: while nothing passes, a client cannot know that its
// server is gone, nor the server that its client is.
func TestTheEndIsHeldToo(t *testing.T) {
	t.Run("server", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := newProxy(t, l.Addr().String())
		c := dial(t, p.Addr())
		accepted, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		p.FreezeAnswers()
		_, _ = accepted.(*net.TCPConn).SetLinger(0), accepted.Close()
		_ = l.Close()
		for range 3 { // the proxy's write fails
			c.say(t, "b")
			c.deaf(t)
		}
		fresh := dial(t, p.Addr()) // the proxy's dial fails
		fresh.deaf(t)
		p.Thaw()
		c.reset(t)
		fresh.reset(t)
	})
	t.Run("client", func(t *testing.T) {
		p, c, s := pair(t)
		p.Freeze()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-s.gone:
			t.Fatalf("the server's connection ended with %v while frozen", err)
		case <-time.After(quiet):
		}
		p.Thaw()
		if err := s.ended(t); err != nil {
			t.Errorf("the server's connection ended with %v", err)
		}
	})
}

func TestDelay(t *testing.T) {
	p, c, s := pair(t)
	p.Delay(time.Hour)
	c.say(t, "b")
	s.hears(t, "b") // requests are not delayed
	c.deaf(t)
	p.Delay(0)
	c.hears(t, "re: b")

	// One after the other the answers would take lines times the delay.
	const delay, lines = 100 * time.Millisecond, 200
	p.Delay(delay)
	began := time.Now()
	for i := range lines {
		c.say(t, strconv.Itoa(i))
		s.hears(t, strconv.Itoa(i))
	}
	for i := range lines {
		c.hears(t, "re: "+strconv.Itoa(i))
	}
	if took := time.Since(began); took < delay || took >= lines*delay {
		t.Errorf("%d answers took %v, want %v or little more: all are on the way at the same time", lines, took, delay)
	}
}

func TestSetTarget(t *testing.T) {
	p := newProxy(t, "")
	refused(t, p) // no server there yet
	one, two := newServer(t), newServer(t)
	p.SetTarget(one.addr)
	c := dial(t, p.Addr())
	c.say(t, "a")
	one.hears(t, "a")
	p.SetTarget(two.addr)
	c.say(t, "b") // a connection stays where it is
	one.hears(t, "b")
	d := dial(t, p.Addr())
	d.say(t, "c")
	two.hears(t, "c")
}

func TestListenOn(t *testing.T) {
	s := newServer(t)
	p := newProxy(t, s.addr)
	addr := p.Addr()
	if _, err := netfault.ListenOn(addr, s.addr); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error = %v, want that the address is in use", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := netfault.ListenOn(addr, s.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestCloseLeavesNothing, whatever a connection is in the middle of.
func TestCloseLeavesNothing(t *testing.T) {
	for name, spoil := range map[string]func(*netfault.Proxy){
		"idle":           func(*netfault.Proxy) {},
		"frozen":         (*netfault.Proxy).Freeze,
		"answers frozen": (*netfault.Proxy).FreezeAnswers,
		"delayed":        func(p *netfault.Proxy) { p.Delay(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			p, c, _ := pair(t)
			spoil(p)
			fresh := dial(t, p.Addr())
			for range 100 {
				c.say(t, "b")
				fresh.say(t, "c")
			}
			if err := p.Close(); err != nil {
				t.Fatal(err)
			}
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			if bytes.Contains(stacks, []byte("netfault.(*")) {
				t.Errorf("goroutines are left:\n%s", stacks)
			}
			ctx, cancel := context.WithTimeout(t.Context(), bound)
			defer cancel()
			var d net.Dialer
			if after, err := d.DialContext(ctx, "tcp", p.Addr()); err == nil {
				_ = after.Close()
				t.Error("it still listens")
			}
			if err := p.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

// TestVerbsAtOnce is for the race detector.
func TestVerbsAtOnce(t *testing.T) {
	s := newServer(t)
	go func() {
		for range s.heard { // until the test binary ends
		}
	}()
	p := newProxy(t, s.addr)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 50 {
			c, err := net.Dial("tcp", p.Addr())
			if err != nil {
				continue
			}
			_ = c.SetDeadline(time.Now().Add(quiet / 10))
			_, _ = fmt.Fprintln(c, "a")
			_, _ = c.Read(make([]byte, 10))
			_ = c.Close()
		}
	}()
	for {
		select {
		case <-done:
			p.Thaw()
			p.Refuse(false)
			c := dial(t, p.Addr())
			c.say(t, "b")
			c.hears(t, "re: b")
			return
		default:
			p.Freeze()
			p.Thaw()
			p.FreezeAnswers()
			p.Refuse(true)
			p.Cut()
			p.Refuse(false)
			p.Delay(time.Microsecond)
			p.Delay(0)
			p.SetTarget(s.addr)
			p.Thaw()
		}
	}
}
