package faults

import (
	"context"
	"time"
)

// stallWatch measures the longest time that no row was stored while records
// waited. It looks at ClickHouse a few times a second.
type stallWatch struct {
	http    database
	held    func() (ids []string, count int64) // the topics, and how many records they hold
	longest time.Duration
	done    chan struct{}
}

// stallEvery is how often it looks, and so how exact it is.
const stallEvery = 250 * time.Millisecond

func watchStalls(ctx context.Context, http database, held func() ([]string, int64)) *stallWatch {
	s := &stallWatch{http: http, held: held, done: make(chan struct{})}
	go s.run(ctx)
	return s
}

func (s *stallWatch) run(ctx context.Context) {
	defer close(s.done)
	t := time.NewTicker(stallEvery)
	defer t.Stop()
	since, rows := time.Now(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		// A server that does not answer stores nothing that can be seen.
		ids, waiting := s.held()
		asked, cancel := context.WithTimeout(ctx, time.Second)
		n, err := s.http.number(asked, "SELECT count() FROM events WHERE "+of(ids))
		cancel()
		if err == nil && (n != rows || n >= waiting) {
			since, rows = time.Now(), n
		}
		if ctx.Err() == nil {
			s.longest = max(s.longest, time.Since(since))
		}
	}
}

// result waits for the end of the watch, which ends with its context.
func (s *stallWatch) result() time.Duration {
	<-s.done
	return s.longest
}
