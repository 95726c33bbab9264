// Package natsserver runs NATS with JetStream as a child process, which can be
// killed as a crash would, and started again on the same port and store.
//
// The program executes itself again, and the copy, seeing a variable in its
// environment, becomes the server: Main must come first in main or TestMain.
package natsserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/process"
)

// logOf is the log of the server whose streams are in dir.
func logOf(dir string) string { return filepath.Join(dir, "nats.log") }

// startBound is how long a server may take to be ready; it takes a tenth of a
// second, more when it has streams to recover.
const startBound = time.Minute

// Options say what server to start.
type Options struct {
	// Dir holds the streams, and the server's log. It is made if absent; a
	// server started on the Dir of an earlier one continues it. One server at
	// a time can use it.
	Dir string
	// Port is the one to listen on. Zero means a free one; that of an earlier
	// server can be had again by giving it.
	Port int
	// SyncAlways has JetStream flush a message to disk before it acknowledges
	// it. Otherwise it does so every two minutes, as NATS does by itself: an
	// acknowledged message survives the death of the server, not of the
	// machine.
	SyncAlways bool
}

// Server is a server that is ready, JetStream included.
type Server struct {
	Addr string // host:port

	process *process.Process
}

// Start starts a server and returns when it is ready. The server ends with
// this process, however that ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := start(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, o Options) (*Server, error) {
	if os.Getenv(childEnv) != "" { // or children without end
		return nil, errors.New("this program is the child of another Start: call natsserver.Main first in main or TestMain")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make its directory: %w", err)
	}
	o.Dir = dir
	if o.Port != 0 {
		if err := loopback.Free(o.Port); err != nil { // the server itself would wait in silence
			return nil, err
		}
	}
	order, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode the child's order: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to start it again: %w", err)
	}
	// The child writes its address to this pipe when it is ready. If it ends
	// before, so does the pipe.
	ready, word, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the child's pipe: %w", err)
	}
	defer func() { _ = ready.Close() }() // only read
	cmd := exec.Command(self)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	cmd.ExtraFiles = []*os.File{word} // wordFile in the child
	log, err := os.OpenFile(logOf(dir), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open its log: %w", err), word.Close())
	}
	p, err := process.Start(cmd, syscall.SIGKILL, log)
	if err := errors.Join(err, word.Close()); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	go func() {
		<-p.Done()
		_ = log.Close() // what is in it is for a human to read
	}()

	ctx, cancel := context.WithTimeoutCause(ctx, startBound, errors.New("not ready in "+startBound.String()))
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = ready.Close() })()
	addr, err := io.ReadAll(ready)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil || len(addr) == 0 {
		p.Kill()
		if err == nil {
			err = errors.New(p.String())
		}
		return nil, fmt.Errorf("the server did not start: %w: %s (log: %s)", err, strings.TrimSpace(p.Tail()), logOf(dir))
	}
	return &Server{Addr: string(addr), process: p}, nil
}

// Pid is the server's process id.
func (s *Server) Pid() int { return s.process.Pid() }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Kill ends the server at once, as kill -9 does, and waits until it is gone.
func (s *Server) Kill() { s.process.Kill() }

// Stop ends the server in an orderly way. When ctx ends first the server is
// killed, and that is an error. Stopping a server that has ended is none.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.process.Stop(ctx, func() error { return s.process.Signal(syscall.SIGTERM) }); err != nil {
		return fmt.Errorf("nats: %w", err)
	}
	return nil
}
