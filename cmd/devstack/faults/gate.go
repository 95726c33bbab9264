package faults

import (
	"context"
	"errors"
	"sync"
	"time"
)

// gate lets records into the topics. A fault that changes a topic closes it: then no
// record is on its way there, and the outcome of each is known, or shows in the topic.
type gate struct {
	mu     sync.Mutex
	topics map[string]*gated
}

// gated is what the load knows of a topic.
type gated struct {
	id     string // the topic's, in Kafka
	width  int32  // partitions
	change int    // how often the topic was changed: a producer from before knows another
	closed bool
	inside int   // records on their way
	count  int64 // records acknowledged and, in transactions, committed, under this id
}

// enter lets n records into a topic, and returns how often it was changed before;
// false while it is closed.
func (g *gate) enter(topic string, n int) (change int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if t.closed {
		return 0, false
	}
	t.inside += n
	return t.change, true
}

// leave notes the outcome of n records, of which so many are there.
func (g *gate) leave(topic string, n, there int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	t.inside -= n
	t.count += int64(there)
}

// close closes a topic, and waits until no record is on its way. One fault at a time
// closes topics.
func (g *gate) close(ctx context.Context, topic string) error {
	for at := g.at(topic, func(t *gated) { t.closed = true }); at.inside > 0; at = g.at(topic, nil) {
		if ctx.Err() != nil {
			g.at(topic, func(t *gated) { t.closed = false })
			return errors.Join(errOver, ctx.Err())
		}
		sleep(ctx, 20*time.Millisecond)
	}
	return nil
}

// errOver is returned where the run ends before a fault can happen.
var errOver = errors.New("the run is over")

// open opens a topic again. Where it has another id, its count begins anew.
func (g *gate) open(topic, id string, width int32) {
	g.at(topic, func(t *gated) {
		if t.id != id {
			t.count = 0
		}
		t.id, t.width, t.closed = id, width, false
		t.change++
	})
}

// at returns what is known of a topic, after a change.
func (g *gate) at(topic string, change func(*gated)) gated {
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.topics[topic]
	if change != nil {
		change(t)
	}
	return *t
}

// held returns the ids of the topics, and how many records are in them.
func (g *gate) held() (ids []string, count int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, t := range g.topics {
		ids = append(ids, t.id)
		count += t.count
	}
	return ids, count
}
