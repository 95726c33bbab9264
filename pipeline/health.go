package pipeline

import (
	"sync"
	"time"
)

// Health is what a worker says of itself to probes. It is written by the loop
// and read by an HTTP handler, so it has a lock; nothing waits under it.
type Health struct {
	mu         sync.Mutex
	turned     time.Time // when the loop last turned
	partitions int       // assigned now
	waitingFor string    // "" when it waits for nothing
	since      time.Time // when the wait began
}

// NewHealth returns the health of a worker that has not yet turned.
func NewHealth(now time.Time) *Health { return &Health{turned: now} }

// Status is a snapshot of a worker's health.
type Status struct {
	Live       bool      // the loop turned within the limit given to Status
	Ready      bool      // partitions are assigned and nothing is waited for
	Turned     time.Time // when the loop last turned
	Partitions int       // partitions assigned
	WaitingFor string    // what it waits for; empty when nothing
	Since      time.Time // when the wait began; zero when nothing is waited for
}

// Status returns the health at now. A loop that has not turned for longer than
// limit is not live. A wait turns the loop at every try, so a sink that is
// away makes the worker unready and not dead: killing it would mend nothing.
func (h *Health) Status(now time.Time, limit time.Duration) Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Status{
		Live:       now.Sub(h.turned) <= limit,
		Ready:      h.partitions > 0 && h.waitingFor == "",
		Turned:     h.turned,
		Partitions: h.partitions,
		WaitingFor: h.waitingFor,
		Since:      h.since,
	}
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

// assign sets the number of partitions assigned.
func (h *Health) assign(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.partitions = n
}

// wait records a wait and reports whether it is a new one.
func (h *Health) wait(what string) (changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if changed = h.waitingFor != what; changed {
		h.waitingFor, h.since = what, time.Now()
	}
	return changed
}

// proceed ends the wait for what, or any wait when what is empty. It returns
// what was waited for, and false when there was no such wait.
func (h *Health) proceed(what string) (was string, since time.Time, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waitingFor == "" || (what != "" && what != h.waitingFor) {
		return "", time.Time{}, false
	}
	was, since = h.waitingFor, h.since
	h.waitingFor, h.since = "", time.Time{}
	return was, since, true
}
