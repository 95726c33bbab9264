package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"
)

// Foresee returns, for each partition of the topics, why a worker could not begin
// there: the marks of the group, the stored rows and Kafka's first and last offsets
// are compared as a worker compares them. It changes nothing. An error of Foresee
// itself means that a server did not answer.
func Foresee(ctx context.Context, c Config, store Store) (stops []error, err error) {
	registry := prometheus.NewRegistry() // nothing reads these metrics
	w := &Worker{c, store, nil, nil, NewMetrics(registry), NewHealth(time.Now()), slog.New(slog.DiscardHandler), newUnpacker(c.MaxUnpacked), nil}
	s := &session{Worker: w}
	if s.client, err = kgo.NewClient(c.Kafka...); err != nil {
		return nil, err
	}
	defer s.client.Close()
	if s.ids, err = s.topicIDs(ctx); err != nil {
		return nil, err
	}
	committed, err := kadm.NewClient(s.client).FetchOffsets(ctx, s.Group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // a group that never was
		return nil, fmt.Errorf("read the offsets of group %s: %w", s.Group, err)
	}
	extents, err := s.extents(ctx)
	if err != nil {
		return nil, err
	}
	known := knownTopics(committed)
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(deliveries)
	for tp, kept := range extents {
		o, ok := committed.Lookup(tp.topic, tp.partition)
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			var err error
			switch {
			case ok && o.Err != nil:
				err = fmt.Errorf("read the offset of %s in group %s: %w", tp, s.Group, o.Err)
			case ok && o.At >= 0:
				err = s.foreseeMarked(ctx, tp, o, kept)
			default:
				err = s.foreseeUnmarked(ctx, tp, known[tp.topic], kept)
			}
			var stopped *stopError
			if errors.As(err, &stopped) {
				mu.Lock()
				defer mu.Unlock()
				stops = append(stops, stopped.err)
				return nil
			}
			return err
		})
	}
	err = group.Wait()
	slices.SortFunc(stops, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return stops, err
}

// foreseeMarked compares a mark with the rows. Workers may be at work meanwhile.
func (s *session) foreseeMarked(ctx context.Context, tp topicPartition, o kadm.OffsetResponse, kept extent) error {
	p, old, err := s.marked(tp, o, kept)
	if err != nil {
		return stop(err)
	}
	if old != nil {
		return nil // a log that begins anew
	}
	if err := s.compare(ctx, p.commitment(), p.began, p.from, true); !errors.Is(err, ErrLate) {
		return err
	}
	return nil // a worker is at work
}

func (s *session) foreseeUnmarked(ctx context.Context, tp topicPartition, known bool, kept extent) error {
	tail, stored, err := s.store.Tail(ctx, s.logOf(tp), 0)
	switch {
	case err != nil && !errors.Is(err, ErrForgets):
		return fmt.Errorf("find the last row of %s: %w", tp, err)
	case stored:
		if err := s.continues(tp, tail, kept); err != nil {
			return stop(err)
		}
	case !tail.Earlier && !known && s.FirstStart == StartRefused && kept.first != kept.end:
		return stop(s.unchosen(tp))
	}
	return nil
}
