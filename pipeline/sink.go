package pipeline

import (
	"context"
	"errors"

	"tocsin/rules"
)

// Store keeps batches. It is called from several goroutines at once.
type Store interface {
	// Store keeps every row of the batch, once. A second call with a batch of
	// the same Token changes nothing and succeeds, while the store remembers the
	// token. Store returns nil only when the rows are durable. A remembered token
	// proves nothing: a store that drops the batch as a repeat looks for its rows
	// on the server that dropped it, and returns ErrLost when there are none.
	//
	// It must return soon after ctx is cancelled. The outcome is then unknown,
	// and the caller stores the same batch again.
	//
	// It must ask b.Late after the server has begun the insert. If the batch is
	// late, it must keep no row and return ErrLate. The insert may take no
	// longer than the caller's StepTimeout from its begin, even if the caller
	// dies meanwhile.
	//
	// An error made by Wait is one that time or an operator cures: the caller
	// retries for ever. Any other error stops the worker.
	Store(ctx context.Context, b *Batch) error
	// Holds reports whether the rows of exactly this batch are kept, and returns
	// the chain of the last one. Rows of another batch in its range, or only some
	// of its own, are an error that stops the worker: Tocsin never leaves such
	// rows. Errors are as for Store.
	Holds(ctx context.Context, b *Batch) (held Held, ok bool, err error)
	// Tail returns the last stored batch of a log; ok is false when there is
	// none. The caller expects its end near an offset, or anywhere when near is
	// 0. A store that forgets its rows when the process ends returns ErrForgets.
	// Errors are as for Store.
	Tail(ctx context.Context, log Log, near int64) (t Tail, ok bool, err error)
}

// Held is a batch as it is stored.
type Held struct {
	Rows  int  // more than the batch has if records were compacted away since
	Chain Hash // of the last row
}

// Tail is the last stored batch of a log.
type Tail struct {
	First, Last int64  // offsets of its first and last record
	Digest      string // of the rules that judged it
	MaxBytes    int    // the limit of a record under which it was judged
	Before      Hash   // chain of the row before it; the log's seed when there is none
	Chain       Hash   // chain of its last row
	// Refused is the code of the last row's failure if that is of StageUnpack: then
	// it is so of every row of the batch. Otherwise it is empty.
	Refused string
	// Earlier reports, when there is no batch, that rows of an earlier topic of
	// the same name are stored.
	Earlier bool
	// None reports, when there is no batch, that no row of any topic of the name is
	// stored.
	None bool
}

// ErrForgets is returned by Tail of a store that keeps nothing from one process
// to the next.
var ErrForgets = errors.New("the store keeps nothing from one process to the next")

// ErrLate is returned by Store, and by a comparison of a mark with the rows, when the
// intent of the batch has expired or another worker has moved the mark. Another worker
// may have stored the batch since, so long ago that the store has forgotten its token.
var ErrLate = errors.New("the batch came too late to be stored under its intent")

// ErrLost is returned by Store for a batch whose token the store remembers and
// whose rows it does not have.
var ErrLost = errors.New("the store remembers the insert and has none of its rows")

// Publisher delivers alerts. It is called from several goroutines at once.
type Publisher interface {
	// Publish delivers each alert, once. An alert whose candidate id was
	// delivered before succeeds and is not delivered again. Errors are as for
	// Store.
	Publish(ctx context.Context, alerts []Alert) error
}

// Library finds rules by digest, so that a replay is judged by the rules of the
// first attempt.
type Library interface {
	// Current returns the rules for new batches.
	Current() *rules.Engine
	// ByDigest returns the rules with that digest. Errors are as for Store.
	ByDigest(ctx context.Context, digest string) (*rules.Engine, error)
}
