package chserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tocsin/cmd/devstack/process"
)

const (
	// startBound is how long a server may take until it answers.
	startBound = 2 * time.Minute
	// startPoll is how often a starting server is looked at.
	startPoll = 3 * time.Millisecond
)

// Options say what server to start.
type Options struct {
	// Dir holds the server's data, configuration, passwords and log. It is
	// made if absent; a server started on the Dir of an earlier one continues
	// it. One server at a time can use it.
	Dir string
	// Binary is the path of a clickhouse program to run. Empty means the
	// embedded server out of libchdb, fetched if need be.
	Binary string
	// TCPPort and HTTPPort are the ports to listen on, native protocol and
	// HTTP. Zero means free ones; those of an earlier server can be had again
	// by giving them.
	TCPPort, HTTPPort int
	// MaxMemory bounds the server's tracked memory in bytes. Zero means 2 GiB.
	MaxMemory int64
	// FsyncAfterInsert makes an acknowledged insert survive a power loss, not
	// only the death of the server, at the price of a disk flush for each.
	FsyncAfterInsert bool
	// DataSize, if not zero, puts the data on a disk of so many bytes, held in
	// memory, that Server.Fill makes full. A server started on the same Dir in
	// the same process finds the disk and its data, whatever DataSize is
	// then; Server.Release, or the end of the process, gives it up. It takes
	// Linux, the embedded server, and root.
	DataSize int64
	// KeepFree is how many bytes of the disk the server leaves alone
	// (keep_free_space_bytes): it refuses writes before there is no space. Zero
	// lets it fill the disk, and then it has been seen to acknowledge an insert
	// whose files were empty.
	KeepFree int64
	// Renames, if not nil, is called before each rename of a file by the server, with
	// the path before, and must return soon. The rename fails with the error that it
	// returns; 0 lets it happen. It takes Linux and the embedded server. A kernel
	// without seccomp never calls it.
	Renames func(from string) syscall.Errno
	// Progress, if not nil, receives lines about a fetch of the embedded server.
	Progress *os.File
}

// Server is a ClickHouse server that answers.
type Server struct {
	// TCPAddr and HTTPAddr are host:port of the native protocol and of HTTP.
	TCPAddr, HTTPAddr string
	// Password is the password of User, AnalystPassword that of AnalystUser.
	Password, AnalystPassword string

	process *process.Process
	ask     func() error // asks the process to end
	layout  layout
	disk    *disk // nil without DataSize
}

// Start starts a server and returns when it answers and Database exists. The
// server ends with this process, however that ends.
func Start(ctx context.Context, o Options) (*Server, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, startBound, errors.New("not up in "+startBound.String()))
	defer cancel()

	var s *Server
	switch {
	case o.Binary == "":
		s, err = startLibrary(ctx, layout(dir), o)
	case o.DataSize != 0 || o.Renames != nil:
		err = errors.New("Options.DataSize and Renames are for the embedded server: leave Options.Binary empty")
	default:
		s, err = startBinary(ctx, layout(dir), o)
	}
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	if _, err := s.Query(ctx, "CREATE DATABASE IF NOT EXISTS "+Database); err != nil {
		s.Kill()
		return nil, fmt.Errorf("clickhouse: make the database: %w", err)
	}
	return s, nil
}

// Pid is the server's process id.
func (s *Server) Pid() int { return s.process.Pid() }

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Stop ends the server in an orderly way, which takes about five seconds when
// queries are running. When ctx ends first the server is killed, and that is
// an error. Stopping a server that has ended is none.
func (s *Server) Stop(ctx context.Context) error {
	if err := s.process.Stop(ctx, s.ask); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// Kill ends the server at once, as kill -9 does, and waits until it is gone.
func (s *Server) Kill() { s.process.Kill() }

// errNoDisk is why there is nothing to fill.
var errNoDisk = errors.New("clickhouse: the data are on no disk of their own: set Options.DataSize")

// Fill makes the disk full, by a file that takes what space is left. Space
// that comes back later, as from merges, is taken by another call.
func (s *Server) Fill() error { return s.FillTo(0) }

// FillTo is Fill, but leaves so many bytes: enough for a write to begin, say,
// and too little for it to end.
func (s *Server) FillTo(left int64) error {
	if s.disk == nil {
		return errNoDisk
	}
	if err := s.disk.fill(left); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// FillFiles makes empty files until the disk can hold only so many more: there
// is space, and no file can be made to use it.
func (s *Server) FillFiles(left int) error {
	if s.disk == nil {
		return errNoDisk
	}
	if err := s.disk.fillFiles(left); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// Drain gives back what Fill, FillTo and FillFiles took; also when the server
// has ended.
func (s *Server) Drain() error {
	if s.disk == nil {
		return errNoDisk
	}
	if err := s.disk.drain(); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

// Release kills the server and gives up the disk that Options.DataSize made,
// with the data on it.
func (s *Server) Release() error {
	s.Kill()
	if err := release(s.layout.data()); err != nil {
		return fmt.Errorf("clickhouse: give up the disk: %w", err)
	}
	return nil
}

// Query runs one statement as User over HTTP and returns the answer, in the
// format that the statement asks for (tab-separated if none). It is for
// preparing a server, not for measuring one.
func (s *Server) Query(ctx context.Context, statement string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.HTTPAddr+"/?async_insert=0", strings.NewReader(statement))
	if err != nil {
		return "", fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("X-ClickHouse-User", User)
	req.Header.Set("X-ClickHouse-Key", s.Password)
	req.Header.Set("X-ClickHouse-Database", "system") // is there before Database
	req.Close = true                                  // an idle connection delays Stop
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", fmt.Errorf("reach the server: %w", err)
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the server answers: %s", strings.TrimSpace(string(body)))
	}
	return string(body), nil
}

// await calls up until it returns true. It fails, and leaves no process, as soon
// as up does, the process has ended or ctx has.
func await(ctx context.Context, p *process.Process, log string, up func() (bool, error)) error {
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		ready, err := up()
		if ready {
			return nil
		}
		if err != nil {
			p.Kill()
			return fmt.Errorf("the server did not start: %w", err)
		}
		select {
		case <-p.Done():
			return fmt.Errorf("the server ended while starting (%s): %s (log: %s)", p, strings.TrimSpace(p.Tail()), log)
		case <-ctx.Done():
			p.Kill()
			return fmt.Errorf("the server did not start: %w: %s (log: %s)", context.Cause(ctx), strings.TrimSpace(p.Tail()), log)
		case <-tick.C:
		}
	}
}
