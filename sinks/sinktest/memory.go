package sinktest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/pipeline"
)

// Memory is a store and a publisher in memory, with switches for outages. Its
// zero value is ready. It keeps copies: a batch's bytes are the caller's.
type Memory struct {
	mu     sync.Mutex // callers are several goroutines, and a test that looks on
	away   int
	lost   int
	tokens map[string]bool
	rows   map[partition][]Row
	ids    map[string]bool
	alerts []string
	calls  int
}

type partition struct {
	topic  string
	number int32
}

var (
	errAway = pipeline.Wait("sinktest: the server is away", errors.New("connection refused"))
	errLost = pipeline.Wait("sinktest: the server does not answer", errors.New("the answer was lost"))
)

// Away begins an outage: every call fails with an error to be waited for and
// has no effect, until back is called. Outages add up.
func (m *Memory) Away() (back func()) { return m.switched(&m.away) }

// Mute begins an outage of the worse kind: every call takes effect and then
// fails with an error to be waited for, until back is called.
func (m *Memory) Mute() (back func()) { return m.switched(&m.lost) }

func (m *Memory) switched(n *int) func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	*n++
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		*n--
	})
}

// Store implements pipeline.Store.
func (m *Memory) Store(ctx context.Context, b *pipeline.Batch) error {
	if b.Late(time.Now()) {
		return pipeline.ErrLate
	}
	return m.call(ctx, func() {
		if m.tokens[b.Token()] {
			return
		}
		if m.tokens == nil {
			m.tokens, m.rows = make(map[string]bool), make(map[partition][]Row)
		}
		m.tokens[b.Token()] = true
		p := partition{b.Topic, b.Partition}
		for i := range b.Rows {
			m.rows[p] = append(m.rows[p], rowOf(&b.Rows[i]))
		}
	})
}

// Holds implements pipeline.Store.
func (m *Memory) Holds(ctx context.Context, b *pipeline.Batch) (chain pipeline.Hash, held bool, err error) {
	err = m.call(ctx, func() {
		if held = m.tokens[b.Token()]; held {
			chain = b.Rows[len(b.Rows)-1].Chain
		}
	})
	return chain, held, err
}

// Tail implements pipeline.Store.
func (m *Memory) Tail(ctx context.Context, _, topic string, number int32) (t pipeline.Tail, ok bool, err error) {
	err = m.call(ctx, func() {
		for _, r := range m.rows[partition{topic, number}] {
			t, ok = pipeline.Tail{First: r.Offset, Last: r.Offset, Before: t.Chain, Chain: r.Chain}, true // a batch for each row
		}
	})
	return t, ok, err
}

// Publish implements pipeline.Publisher.
func (m *Memory) Publish(ctx context.Context, alerts []pipeline.Alert) error {
	return m.call(ctx, func() {
		if m.ids == nil {
			m.ids = make(map[string]bool)
		}
		for i := range alerts {
			id := alerts[i].Verdict.Finding.CandidateID
			if !m.ids[id] {
				m.ids[id] = true
				m.alerts = append(m.alerts, id)
			}
		}
	})
}

func (m *Memory) call(ctx context.Context, effect func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.away > 0 {
		return errAway
	}
	effect()
	if m.lost > 0 {
		return errLost
	}
	return nil
}

// Calls counts the calls of Store and Publish so far, failed ones included.
func (m *Memory) Calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// Rows is a ReadRows: what is kept of a partition, in offset order.
func (m *Memory) Rows(_ context.Context, topic string, number int32) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := slices.Clone(m.rows[partition{topic, number}])
	slices.SortStableFunc(rows, func(a, b Row) int { return int(a.Offset - b.Offset) })
	return rows, nil
}

// Alerts is a ReadAlerts: the candidate ids delivered, in order.
func (m *Memory) Alerts(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.alerts), nil
}
