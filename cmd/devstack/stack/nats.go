package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"tocsin/cmd/devstack/loopback"
)

// natsBound is how long NATS may take to be ready; it takes milliseconds,
// more when it has streams to recover.
const natsBound = 30 * time.Second

// startNATS starts NATS with JetStream on a file store, unless one is present.
func (s *Stack) startNATS(_ context.Context, c Config) error {
	if s.Addresses.NATS != "" {
		return nil
	}
	dir, err := c.subdirectory("nats")
	if err != nil {
		return err
	}
	port := c.Ports.NATS
	if port == 0 {
		port = server.RANDOM_PORT
	} else if err := loopback.Free(port); err != nil { // the server itself would wait in silence
		return fmt.Errorf("start nats: %w", err)
	}
	n, err := server.NewServer(&server.Options{
		ServerName: "tocsin-devstack",
		Host:       loopback.Host,
		Port:       port,
		JetStream:  true,
		StoreDir:   dir,
		NoSigs:     true, // signals are the program's
		NoLog:      true,
	})
	if err != nil {
		return fmt.Errorf("start nats: %w", err)
	}
	go n.Start()
	if !n.ReadyForConnections(natsBound) || !n.JetStreamEnabled() {
		n.Shutdown()
		return errors.New("start nats: not ready in " + natsBound.String() + ": is its port free, its directory not in use?")
	}
	s.stops = append(s.stops, stop{"nats", func(context.Context) error {
		n.Shutdown()
		n.WaitForShutdown()
		return nil
	}})
	s.Addresses.NATS = n.ClientURL()
	return nil
}
