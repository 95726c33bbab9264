package pipeline

import (
	"context"
	"time"
)

// hurry ends a turn from another goroutine when the worker must stop or a
// rebalance waits. Polling ends at once, and work that is unfinished after a grace
// is abandoned.
type hurry struct {
	enough  context.CancelFunc // ends the polling
	abandon context.CancelFunc // ends the work
	ended   <-chan struct{}    // closed when the work has ended, finished or not
}

// within ends the turn, and returns when it has ended.
func (h *hurry) within(grace time.Duration) {
	h.enough()
	select {
	case <-h.ended:
	case <-time.After(grace):
		h.abandon()
	}
}

// bounded returns the context of a turn's polls, the context of its work, and
// done, which the turn calls at its end. The work outlives ctx, because finishing
// a declared batch is better than leaving it for a replay.
func (s *session) bounded(ctx context.Context) (polling, work context.Context, done func()) {
	polling, enough := context.WithCancel(ctx)
	work, abandon := context.WithCancel(context.WithoutCancel(ctx))
	h := &hurry{enough, abandon, work.Done()}
	unhook := context.AfterFunc(ctx, func() { h.within(s.DrainTimeout) })
	s.hurry.Store(h)
	return polling, work, func() {
		s.hurry.Store(nil)
		unhook()
		enough()
		abandon()
	}
}
