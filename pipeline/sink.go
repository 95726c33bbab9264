package pipeline

import (
	"context"
	"errors"
	"fmt"

	"tocsin/rules"
)

// Store keeps batches. It is called from several goroutines at once.
type Store interface {
	// Store keeps every row of the batch, once: a second call with a batch of
	// the same Token changes nothing and is a success, for as long as the store
	// remembers the token. It returns nil only when the rows are durable. It
	// must return soon after ctx is cancelled; the outcome is then unknown and
	// the caller will store the same batch again. When b.Late after whatever
	// keeps the rows has begun to, it must keep none and return ErrLate; from
	// that begin on it may take no longer than the caller's StepTimeout,
	// whether or not the caller still lives. An error made by Wait is cured by
	// time or an operator and is retried for ever; any other error stops the
	// worker.
	Store(ctx context.Context, b *Batch) error
	// Holds reports whether the rows of exactly this batch are kept, and the
	// chain of the last of them. Rows of another batch in its range, or some of
	// its own, are an error that stops the worker: nothing that Tocsin does
	// leaves them. Errors are as for Store.
	Holds(ctx context.Context, b *Batch) (chain Hash, held bool, err error)
	// Tail returns the last batch of a partition; ok is false when there is
	// none. Errors are as for Store.
	Tail(ctx context.Context, cluster, topic string, partition int32) (t Tail, ok bool, err error)
}

// Tail is the last batch that is stored of a partition.
type Tail struct {
	First, Last int64  // offsets of its first and last record
	Digest      string // of the rules that judged it
	Before      Hash   // chain of the row before it; zero when there is none
	Chain       Hash   // chain of its last row
}

// ErrLate is Store's answer to a batch whose intent is too old: somebody else
// may have stored it since, for longer than the store remembers a token.
var ErrLate = errors.New("the batch came too late to be stored under its intent")

// Publisher delivers alerts. It is called from several goroutines at once.
type Publisher interface {
	// Publish delivers each alert, once: an alert whose candidate id was
	// delivered before is a success and is not delivered again. Errors are as
	// for Store.
	Publish(ctx context.Context, alerts []Alert) error
}

// Library finds rules by digest, so that a replay is judged by the rules it
// was first judged by.
type Library interface {
	// Current returns the rules that judge new batches.
	Current() *rules.Engine
	// ByDigest returns the rules with that digest. Errors are as for Store.
	ByDigest(ctx context.Context, digest string) (*rules.Engine, error)
}

// waitError is an error that passes: the server is away, full, or refuses the
// worker for now.
type waitError struct {
	what string
	err  error
}

// Wait marks err as one that is waited for: what says in a few words what is
// being waited for ("ClickHouse: too many parts") and stays the same from one
// try to the next, because it is what an operator reads.
func Wait(what string, err error) error { return &waitError{what, err} }

func (e *waitError) Error() string { return fmt.Sprintf("%s: %v", e.what, e.err) }
func (e *waitError) Unwrap() error { return e.err }

// Waiting returns what err waits for, and false when err is not made by Wait.
func Waiting(err error) (what string, ok bool) {
	var w *waitError
	if errors.As(err, &w) {
		return w.what, true
	}
	return "", false
}
