package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"tocsin/rules"
)

// library finds rules by digest: the current ones and a few earlier ones in
// memory, others in ClickHouse, where every worker keeps the pack it judges by.
type library struct {
	load    func(ctx context.Context, digest string) ([]byte, error)
	current atomic.Pointer[rules.Engine]

	mu      sync.Mutex // replays of several partitions may ask at once
	earlier map[string]*rules.Engine
}

// earlierKept bounds the engines in memory of a worker whose rules change often.
const earlierKept = 8

func newLibrary(current *rules.Engine, load func(ctx context.Context, digest string) ([]byte, error)) *library {
	l := &library{load: load, earlier: make(map[string]*rules.Engine)}
	l.current.Store(current)
	return l
}

// Current returns the rules that judge new batches.
func (l *library) Current() *rules.Engine { return l.current.Load() }

// replace makes next the current rules. The pack must be kept in ClickHouse
// before: from now on batches are promised by it.
func (l *library) replace(next *rules.Engine) {
	was := l.current.Swap(next)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(was) // batches that were promised by it may be replayed
}

func (l *library) remember(e *rules.Engine) {
	if len(l.earlier) >= earlierKept {
		clear(l.earlier) // they are loaded again when they are needed
	}
	l.earlier[e.Digest()] = e
}

// ByDigest returns the rules with that digest.
func (l *library) ByDigest(ctx context.Context, digest string) (*rules.Engine, error) {
	if current := l.Current(); digest == current.Digest() {
		return current, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.earlier[digest]; e != nil {
		return e, nil
	}
	archive, err := l.load(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("the rules %s, under which a batch was promised: %w", digest, err)
	}
	pack, err := rules.OpenArchive(archive)
	if err != nil {
		return nil, fmt.Errorf("the rules %s, under which a batch was promised: %w", digest, err)
	}
	if pack.Digest() != digest {
		return nil, fmt.Errorf("the rules %s, under which a batch was promised: what the table packs keeps under that digest has the digest %s: "+
			"it was altered; restore the row", digest, pack.Digest())
	}
	e := rules.NewEngine(pack)
	l.remember(e)
	return e, nil
}
