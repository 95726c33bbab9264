package stack

import (
	"context"
	"errors"

	"tocsin/cmd/devstack/natsserver"
)

// startNATS starts NATS with JetStream on a file store, unless one is present.
func (s *Stack) startNATS(ctx context.Context, c Config) error {
	if s.Addresses.NATS != "" {
		return nil
	}
	dir, err := c.subdirectory("nats")
	if err != nil {
		return err
	}
	n, err := natsserver.Start(ctx, natsserver.Options{Dir: dir, Port: c.Ports.NATS})
	if err != nil {
		return err
	}
	stopped := s.watch(n.Done(), errors.New("nats ended by itself: see "+dir+"/nats.log"))
	s.stops = append(s.stops, stop{"nats", func(ctx context.Context) error {
		stopped()
		return n.Stop(ctx)
	}})
	s.Pids = append(s.Pids, n.Pid())
	s.Addresses.NATS = "nats://" + n.Addr
	return nil
}
