// Package stack runs what a Tocsin worker needs around it on one machine, with
// nothing installed: a broker that speaks the Kafka protocol, NATS JetStream
// and a real ClickHouse, on loopback ports, with their data in one directory.
// A server whose address is in the environment is used instead of starting
// one, so that the same commands try a worker against real servers.
package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/loopback"
	"tocsin/cmd/devstack/natsserver"
)

// The topics that Start makes, which is what a worker reads by default.
const (
	LedgerTopic = "ledger.events"
	SystemTopic = "system.events"
	partitions  = 2 // of each topic: an insert is of one partition, and servers and worker share this machine
)

// Config describes the stack to start.
type Config struct {
	// Dir holds the data of all servers. A stack started on the Dir of an
	// earlier one continues it. One stack at a time can use it.
	Dir string
	// Present are the servers that run already (see FromEnviron): an address
	// that is not empty is used as it is.
	Present Addresses
	// Ports are the ports of the servers to be started. Zero means a free one.
	Ports Ports
	// SyncWrites has the broker flush each batch to disk, as for a test that
	// cuts the power; by default an acknowledged record survives the death of
	// the process, not of the machine.
	SyncWrites bool
	// Progress, if not nil, receives lines about fetches.
	Progress *os.File
}

// Ports are the ports of a stack's servers on the loopback interface.
type Ports struct {
	Kafka, NATS, ClickHouse, ClickHouseHTTP, Metrics int
}

// Stack is a running stack.
type Stack struct {
	// Addresses are where its servers are. Nothing listens on Metrics: it is
	// a free port, reserved for a worker.
	Addresses Addresses
	// Pids are the ids of the processes started besides this one.
	Pids []int

	stops []stop // in the order of starting
	died  chan error
}

// stop ends one server.
type stop struct {
	name string
	end  func(context.Context) error
}

// Main turns the process into one of the stack's servers if it is the child
// that Start started, and then never returns; otherwise it does nothing. It is
// the first call of main and of TestMain in every program that calls Start.
func Main() {
	chserver.Main()
	natsserver.Main()
}

// Start starts the servers that are not present and makes the topics. When it
// fails, whatever it had started is stopped again.
func Start(ctx context.Context, c Config) (*Stack, error) {
	s := &Stack{Addresses: c.Present, died: make(chan error, 1)}
	for _, start := range []func(context.Context, Config) error{
		s.startKafka, s.startNATS, s.startClickHouse, s.reserveMetrics,
	} {
		if err := start(ctx, c); err != nil {
			return nil, errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}
	return s, nil
}

// Died yields an error if a server that was started ends by itself.
func (s *Stack) Died() <-chan error { return s.died }

// watch has Died yield err if a server ends before stopped is called.
func (s *Stack) watch(done <-chan struct{}, err error) (stopped func()) {
	stopping := make(chan struct{})
	go func() {
		<-done
		select {
		case <-stopping:
		default:
			select {
			case s.died <- err:
			default: // another did, and that is enough
			}
		}
	}()
	return func() { close(stopping) }
}

// Stop ends the servers that were started, the last one first, each in an
// orderly way. When ctx ends, what cannot be hurried is killed.
func (s *Stack) Stop(ctx context.Context) error {
	var errs []error
	for _, st := range slices.Backward(s.stops) {
		if err := st.end(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", st.name, err))
		}
	}
	s.stops = nil
	return errors.Join(errs...)
}

// reserveMetrics chooses the address a worker will serve its metrics on.
func (s *Stack) reserveMetrics(_ context.Context, c Config) error {
	if s.Addresses.Metrics != "" {
		return nil
	}
	port := c.Ports.Metrics
	if port == 0 {
		free, err := loopback.Ports(1)
		if err != nil {
			return fmt.Errorf("choose the metrics address: %w", err)
		}
		port = free[0]
	}
	s.Addresses.Metrics = loopback.Addr(port)
	return nil
}

// subdirectory makes and returns a server's own directory.
func (c Config) subdirectory(name string) (string, error) {
	dir := filepath.Join(c.Dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the directory of %s: %w", name, err)
	}
	return dir, nil
}
