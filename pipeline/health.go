package pipeline

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Health is what a worker says of itself to probes and to its status page. It
// is written by the loop and read by an HTTP handler, so it has a lock; nothing
// waits under it.
type Health struct {
	mu         sync.Mutex
	turned     time.Time // when the loop last turned
	partitions int       // assigned now
	waits      []Waited  // in the order in which they began
	places     map[topicPartition]Place
	failed     Failed
}

// NewHealth returns the health of a worker that has not yet turned.
func NewHealth(now time.Time) *Health { return &Health{turned: now} }

// Status is a snapshot of a worker's health.
type Status struct {
	Live       bool      // the loop turned within the limit given to Status
	Ready      bool      // partitions are assigned and nothing is waited for
	Turned     time.Time // when the loop last turned
	Partitions int       // partitions assigned
	WaitingFor string    // what it has waited for the longest; empty when nothing
	Since      time.Time // when that wait began; zero when nothing is waited for
	Waits      []Waited  // all that it waits for, the longest wait first
	Places     []Place   // where it is in each partition assigned, by topic and number
	LastError  Failed    // zero when there was none
}

// Waited is one thing that a worker waits for.
type Waited struct {
	For   string
	Since time.Time
	Error string // what the last try said
}

// Place is where a worker is in one partition.
type Place struct {
	Topic     string
	Partition int32
	// Next is the offset after the last record that is stored and published;
	// -1 while the partition has not begun.
	Next int64
	// End is where Kafka's records ended when some were last fetched; -1
	// unknown. Markers of transactions count as records there.
	End int64
	// Promised is the last offset of the batch that is declared and not
	// settled; -1 when there is none.
	Promised int64
	// Oldest is the Kafka timestamp of the oldest record that was fetched and
	// is not settled; zero when there is none.
	Oldest  time.Time
	Digest  string    // of the rules of the last batch; empty before the first
	Settled time.Time // when a batch was last settled here; zero before the first
	// LastError is the last try that failed since the partition was assigned.
	LastError Failed
}

// Age is how long the oldest record in hand has waited since it was produced;
// 0 when there is none.
func (p *Place) Age(now time.Time) time.Duration {
	if p.Oldest.IsZero() {
		return 0
	}
	return max(now.Sub(p.Oldest), 0)
}

// Lag is how many records Kafka has beyond those settled, as far as is known.
func (p *Place) Lag() int64 {
	if p.Next < 0 || p.End < 0 {
		return 0
	}
	return max(p.End-p.Next, 0)
}

// Failed is a try that failed.
type Failed struct {
	At    time.Time
	Error string
}

// Status returns the health at now. A loop that has not turned for longer than
// limit is not live. A wait turns the loop at every try, so a sink that is
// away makes the worker unready and not dead: killing it would mend nothing.
func (h *Health) Status(now time.Time, limit time.Duration) Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{
		Live:       now.Sub(h.turned) <= limit,
		Ready:      h.partitions > 0 && len(h.waits) == 0,
		Turned:     h.turned,
		Partitions: h.partitions,
		Waits:      slices.Clone(h.waits),
		LastError:  h.failed,
	}
	for _, p := range h.places {
		s.Places = append(s.Places, p)
	}
	slices.SortFunc(s.Places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	slices.SortStableFunc(s.Waits, func(a, b Waited) int { return a.Since.Compare(b.Since) })
	if len(s.Waits) > 0 {
		s.WaitingFor, s.Since = s.Waits[0].For, s.Waits[0].Since
	}
	return s
}

func (h *Health) turn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turned = time.Now()
}

// assigned adds n partitions to those assigned.
func (h *Health) assigned(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.partitions = max(h.partitions+n, 0)
}

// unassign notes that no partition is assigned.
func (h *Health) unassign() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.partitions, h.places = 0, nil
}

// place replaces where the worker is. What failed in a partition that stays is
// remembered.
func (h *Health) place(places map[topicPartition]Place) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for tp, p := range places {
		p.LastError = h.places[tp].LastError
		places[tp] = p
	}
	h.places = places
}

// fail notes a try that failed for a partition.
func (h *Health) fail(tp topicPartition, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p, ok := h.places[tp]; ok {
		p.LastError = Failed{time.Now(), err.Error()}
		h.places[tp] = p
	}
}

// wait records a wait, because of err, and reports whether it is a new one.
// Where the same step waited for something else before, named by instead, that
// wait goes on under the new name.
func (h *Health) wait(what, instead string, err error) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	h.failed = Failed{now, err.Error()}
	at := func(what string) int {
		return slices.IndexFunc(h.waits, func(w Waited) bool { return w.For == what })
	}
	if i := at(instead); instead != what && i >= 0 {
		now = h.waits[i].Since
		h.waits = slices.Delete(h.waits, i, i+1)
	}
	if i := at(what); i >= 0 {
		h.waits[i].Error = err.Error()
		return false
	}
	h.waits = append(h.waits, Waited{what, now, err.Error()})
	return true
}

// proceed ends the wait for what, or every wait when what is empty, and returns
// those that ended.
func (h *Health) proceed(what string) (ended []Waited) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waits = slices.DeleteFunc(h.waits, func(w Waited) bool {
		if what != "" && what != w.For {
			return false
		}
		ended = append(ended, w)
		return true
	})
	return ended
}
