package faults

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// producers are a load's clients, one for each topic. A client knows a topic as it was
// when it came to it, so another takes its place after each change of the topic.
type producers struct {
	load *load
	opts []kgo.Opt
	of   map[string]*producer
}

// producer is a client that produces into a topic as it was after so many changes.
type producer struct {
	*kgo.Client
	changes int
}

func (l *load) producers(opts ...kgo.Opt) *producers {
	return &producers{l, append(opts, kgo.SeedBrokers(l.broker), directly(l.broker)), make(map[string]*producer)}
}

// produce hands a record over. A record for a topic that is being changed is dropped.
func (p *producers) produce(ctx context.Context, r *kgo.Record) error {
	changes, ok := p.load.gate.enter(r.Topic, 1)
	if !ok {
		return nil
	}
	of := p.of[r.Topic]
	if of == nil || of.changes != changes {
		if of != nil {
			of.Close() // nothing is on its way
		}
		client, err := kgo.NewClient(p.opts...)
		if err != nil {
			p.load.gate.leave(r.Topic, 1, 0)
			return fmt.Errorf("load: %w", err)
		}
		of = &producer{client, changes}
		p.of[r.Topic] = of
	}
	of.Produce(ctx, r, func(r *kgo.Record, err error) {
		if err == nil {
			p.load.acknowledged(r)
		}
		p.load.gate.leave(r.Topic, 1, count(err == nil))
	})
	return nil
}

// close waits for what was handed over, until ctx is cancelled, and ends the clients.
func (p *producers) close(ctx context.Context) {
	for _, of := range p.of {
		_ = of.Flush(ctx)
		of.Close()
	}
}

// count is 1 for what is there.
func count(there bool) int {
	if there {
		return 1
	}
	return 0
}
