package pipeline

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Health is the state of a worker for probes and the status page. The loop writes
// it and HTTP handlers read it, so it has a lock. Nothing waits under the lock.
type Health struct {
	mu         sync.Mutex
	turned     time.Time      // last beat of the loop
	partitions int            // assigned now
	waits      []Waited       // in the order of their begin
	holders    map[string]int // steps that wait, by what they wait for
	progress   map[topicPartition]Progress
	held       InHand
	failed     Failed
}

// NewHealth returns the health of a worker that begins now.
func NewHealth(now time.Time) *Health { return &Health{turned: now, holders: make(map[string]int)} }

// Status is a snapshot of a worker's health.
type Status struct {
	Live       bool       // the loop made a beat within the limit
	Ready      bool       // partitions are assigned, each has begun, and there is no wait
	Turned     time.Time  // last beat of the loop
	Partitions int        // number assigned
	WaitingFor string     // the longest wait; empty when there is none
	Since      time.Time  // when that wait began; zero when there is none
	Waits      []Waited   // every wait, the longest first
	Progress   []Progress // in each assigned partition, by topic and number
	InHand     InHand     // what the worker has in hand
	LastError  Failed     // last failed try; zero when there was none
}

// Waited is one wait of a worker.
type Waited struct {
	For   string
	Since time.Time
	Error string // of the last try
}

// Progress is how far a worker is in one partition.
type Progress struct {
	Topic     string
	TopicID   TopicID // zero while it is unknown
	Partition int32
	// Next is the offset after the last settled record; -1 while the partition
	// has not begun.
	Next int64
	// End is the end of Kafka's records at the last fetch; -1 unknown. Markers
	// of transactions count as records.
	End int64
	// Promised is the last offset of the declared, unsettled batch; -1 when
	// there is none.
	Promised int64
	// Oldest is the Kafka timestamp of the oldest record that is fetched and
	// not settled; zero when there is none.
	Oldest  time.Time
	Digest  string    // of the rules of the last batch; empty before the first
	Settled time.Time // when a batch was last settled here; zero before the first
	// LastError is the last failed try since the partition was assigned.
	LastError Failed
}

// InHand is what a worker has in hand: records that are fetched and not settled.
type InHand struct {
	Rows   int
	Bytes  int64   // that they take of the budget, with their events
	Budget int64   // Config.MaxBytes
	Rate   float64 // bytes a second that were taken in hand lately
}

// FullIn is how long records can be taken, and candidates alerted, at the present rate
// while nothing is settled: until the budget is full. It is negative when nothing comes.
func (h InHand) FullIn() time.Duration {
	if h.Rate < 1 {
		return -1
	}
	return time.Duration(float64(max(h.Budget-h.Bytes, 0)) / h.Rate * float64(time.Second))
}

// Age is the time since the oldest record in hand was produced; 0 when there is
// none.
func (p *Progress) Age(now time.Time) time.Duration {
	if p.Oldest.IsZero() {
		return 0
	}
	return max(now.Sub(p.Oldest), 0)
}

// Lag is the number of records after the settled ones, as of the last fetch.
func (p *Progress) Lag() int64 {
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

// Status returns the health at now. A worker is live if its loop made a beat
// within limit. A wait makes a beat at every try, so a worker whose sink is away is
// unready and live: a restart would not help.
func (h *Health) Status(now time.Time, limit time.Duration) Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := Status{
		Live:       now.Sub(h.turned) <= limit,
		Ready:      h.partitions > 0 && len(h.waits) == 0 && h.begun(),
		Turned:     h.turned,
		Partitions: h.partitions,
		Waits:      slices.Clone(h.waits),
		InHand:     h.held,
		LastError:  h.failed,
	}
	for _, p := range h.progress {
		s.Progress = append(s.Progress, p)
	}
	slices.SortFunc(s.Progress, func(a, b Progress) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	slices.SortStableFunc(s.Waits, func(a, b Waited) int { return a.Since.Compare(b.Since) })
	if len(s.Waits) > 0 {
		s.WaitingFor, s.Since = s.Waits[0].For, s.Waits[0].Since
	}
	return s
}

// waitsNow reports whether the worker waits for something.
func (h *Health) waitsNow() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waits) > 0
}

// begun reports whether every assigned partition has begun.
func (h *Health) begun() bool {
	for _, p := range h.progress {
		if p.Next < 0 {
			return false
		}
	}
	return len(h.progress) >= h.partitions
}

// beat notes that the loop goes on.
func (h *Health) beat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.turned = time.Now()
}

// assigned adds n to the number of assigned partitions.
func (h *Health) assigned(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.partitions = max(h.partitions+n, 0)
}

// unassign notes that no partition is assigned.
func (h *Health) unassign() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.partitions, h.progress = 0, nil
}

// report replaces the progress in all partitions and what is in hand. A partition that
// stays keeps its LastError.
func (h *Health) report(all map[topicPartition]Progress, held InHand) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held = held
	for tp, p := range all {
		p.LastError = h.progress[tp].LastError
		all[tp] = p
	}
	h.progress = all
}

// fail notes a failed try for a partition.
func (h *Health) fail(tp topicPartition, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p, ok := h.progress[tp]; ok {
		p.LastError = Failed{time.Now(), err.Error()}
		h.progress[tp] = p
	}
}

// wait records a wait caused by err and reports whether it is new. instead is the
// step's previous wait: it continues under the new name.
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

// hold notes that a step waits for what, and no longer for instead. The wait does not
// end before the step lets it go.
func (h *Health) hold(what, instead string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if instead != "" {
		h.holders[instead]--
	}
	h.holders[what]++
}

// let notes that a step no longer waits for what.
func (h *Health) let(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.holders[what]--
}

// proceed ends the wait for what, or every wait when what is empty, unless a step still
// waits for it. It returns the ended waits.
func (h *Health) proceed(what string) (ended []Waited) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waits = slices.DeleteFunc(h.waits, func(w Waited) bool {
		if what != "" && what != w.For || h.holders[w.For] > 0 {
			return false
		}
		ended = append(ended, w)
		return true
	})
	return ended
}
