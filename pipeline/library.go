package pipeline

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"tocsin/rules"
)

// Engines is the Library of a worker. It keeps the current rules and a few
// earlier ones in memory, and loads others from the packs that every worker
// keeps in the store.
type Engines struct {
	load    func(ctx context.Context, digest string) ([]byte, error)
	current atomic.Pointer[rules.Engine]

	mu      sync.Mutex // replays of several partitions may call at once
	earlier map[string]*rules.Engine
}

// earlierKept bounds the earlier engines in memory.
const earlierKept = 8

// NewEngines returns a library whose current rules are current. load returns the
// archive of the pack with a digest.
func NewEngines(current *rules.Engine, load func(ctx context.Context, digest string) ([]byte, error)) *Engines {
	l := &Engines{load: load, earlier: make(map[string]*rules.Engine)}
	l.current.Store(current)
	return l
}

// Current returns the rules that judge new batches.
func (l *Engines) Current() *rules.Engine { return l.current.Load() }

// Replace makes next the current rules. The store must already keep its pack,
// because batches are promised under it from now on.
func (l *Engines) Replace(next *rules.Engine) {
	was := l.current.Swap(next)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.remember(was) // batches promised under it may be replayed
}

func (l *Engines) remember(e *rules.Engine) {
	if len(l.earlier) >= earlierKept {
		clear(l.earlier) // they are loaded again when needed
	}
	l.earlier[e.Digest()] = e
}

// ByDigest returns the rules with that digest.
func (l *Engines) ByDigest(ctx context.Context, digest string) (*rules.Engine, error) {
	if current := l.Current(); digest == current.Digest() {
		return current, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if e := l.earlier[digest]; e != nil {
		return e, nil
	}
	e, err := OpenKept(ctx, digest, l.load)
	if err != nil {
		return nil, fmt.Errorf("the rules %s, under which a batch was promised: %w", digest, err)
	}
	l.remember(e)
	return e, nil
}

// OpenKept returns the rules that the store keeps under a digest. load returns
// their archive. An archive with another digest is an error: it was altered.
func OpenKept(ctx context.Context, digest string, load func(ctx context.Context, digest string) ([]byte, error)) (*rules.Engine, error) {
	archive, err := load(ctx, digest)
	if err != nil {
		return nil, err
	}
	pack, err := rules.OpenArchive(archive)
	if err != nil {
		return nil, err
	}
	if pack.Digest() != digest {
		return nil, fmt.Errorf("the archive that the table packs keeps as %s has the digest %s: it was altered; restore the row", digest, pack.Digest())
	}
	return rules.NewEngine(pack), nil
}
