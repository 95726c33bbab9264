package sinktest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/pipeline"
)

// Memory is a store and a publisher in memory, with switches for outages. Its zero
// value is ready. It keeps copies, because the bytes of a batch are the caller's.
type Memory struct {
	mu     sync.Mutex // several goroutines call, and a test reads meanwhile
	away   int
	lost   int
	tokens map[string]bool
	held   map[span]bool
	tails  map[pipeline.Log]pipeline.Tail
	rows   map[partition][]Row
	ids    map[string]bool
	alerts []string
	calls  int
}

type partition struct {
	topic  string
	number int32
}

// span is what a batch covers, under whatever token.
type span struct {
	pipeline.Log
	first, last int64
}

func spanOf(b *pipeline.Batch) span { return span{b.Log(), b.First, b.Last} }

var (
	errAway = pipeline.Wait("sinktest: the server is away", errors.New("connection refused"))
	errLost = pipeline.Wait("sinktest: the server does not answer", errors.New("the answer was lost"))
)

// Away begins an outage: until back is called, every call has no effect and fails
// with an error made by pipeline.Wait. Outages may overlap.
func (m *Memory) Away() (back func()) { return m.switched(&m.away) }

// Mute begins a worse outage: until back is called, every call takes effect and
// then fails with an error made by pipeline.Wait.
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
	lost := false
	err := m.call(ctx, func() {
		at := spanOf(b)
		if m.tokens[b.Token()] {
			lost = !m.held[at]
			return
		}
		if m.tokens == nil {
			m.tokens, m.held, m.rows = make(map[string]bool), make(map[span]bool), make(map[partition][]Row)
			m.tails = make(map[pipeline.Log]pipeline.Tail)
		}
		m.tokens[b.Token()], m.held[at] = true, true
		p := partition{b.Topic, b.Partition}
		for i := range b.Rows {
			m.rows[p] = append(m.rows[p], rowOf(&b.Rows[i]))
		}
		if t, ok := m.tails[at.Log]; !ok || t.Last < b.Last {
			before := t.Chain
			if !ok {
				before = pipeline.Seed(b.TopicID, b.Partition)
			}
			last := &b.Rows[len(b.Rows)-1]
			t = pipeline.Tail{First: b.First, Last: b.Last, Digest: b.Digest, MaxBytes: b.MaxBytes, Before: before, Chain: last.Chain}
			if last.Failure != nil && last.Failure.Stage == pipeline.StageUnpack {
				t.Refused = last.Failure.Code
			}
			m.tails[at.Log] = t
		}
	})
	if err == nil && lost {
		return pipeline.ErrLost
	}
	return err
}

// Lose takes the rows of a batch away and goes on remembering its token, as a
// server does that dies between the two.
func (m *Memory) Lose(b *pipeline.Batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := spanOf(b)
	delete(m.held, at)
	p := partition{b.Topic, b.Partition}
	m.rows[p] = slices.DeleteFunc(m.rows[p], func(r Row) bool { return b.First <= r.Offset && r.Offset <= b.Last })
}

// Holds implements pipeline.Store.
func (m *Memory) Holds(ctx context.Context, b *pipeline.Batch) (held pipeline.Held, ok bool, err error) {
	err = m.call(ctx, func() {
		if ok = m.held[spanOf(b)]; ok {
			held = pipeline.Held{Rows: len(b.Rows), Chain: b.Rows[len(b.Rows)-1].Chain}
		}
	})
	return held, ok, err
}

// Tail implements pipeline.Store.
func (m *Memory) Tail(ctx context.Context, log pipeline.Log, _ int64) (t pipeline.Tail, ok bool, err error) {
	err = m.call(ctx, func() {
		if t, ok = m.tails[log]; ok {
			return
		}
		t.None = true
		for other := range m.tails {
			if other.Cluster == log.Cluster && other.Topic == log.Topic {
				t.None, t.Earlier = false, t.Earlier || other.ID != log.ID
			}
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

// Calls returns the number of calls so far, failed ones included.
func (m *Memory) Calls() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls
}

// Rows is a ReadRows.
func (m *Memory) Rows(_ context.Context, topic string, number int32) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rows := slices.Clone(m.rows[partition{topic, number}])
	slices.SortStableFunc(rows, func(a, b Row) int { return int(a.Offset - b.Offset) })
	return rows, nil
}

// Alerts is a ReadAlerts.
func (m *Memory) Alerts(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.alerts), nil
}
