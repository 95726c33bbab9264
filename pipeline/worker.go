package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"tocsin/rules/event"
)

// Config is what a worker needs to know besides its sinks and rules. Every
// duration and count must be positive.
type Config struct {
	Kafka   []kgo.Opt  // how to reach Kafka: brokers, TLS, SASL
	Hooks   []kgo.Hook // of the client that consumes; others come and go
	Cluster string     // name of the Kafka cluster; part of every insert token
	Group   string
	Topics  []string
	// FirstStart says where a partition begins that the group has never
	// committed.
	FirstStart FirstStart

	MaxRecords int // records in a cycle, at most; what is replayed is not cut
	// MaxBytes is about how much memory a cycle's records and the events made
	// of them may take: a cycle that has as much ends, and what was polled beyond
	// it is fetched again. What is replayed is not cut, nor the first record of a
	// partition; what the sinks make of it comes on top.
	MaxBytes       int
	Linger         time.Duration // how long a cycle waits for more records after its first
	DrainTimeout   time.Duration // how long a cycle may take to end after the worker is told to stop
	RebalanceGrace time.Duration // how long a cycle may take to end after a rebalance waits for it
	StepTimeout    time.Duration // how long one try of a commit, a store or a publish may take
	BackoffMin     time.Duration // pause after the first failed try
	BackoffMax     time.Duration // longest pause between tries
	SessionTimeout time.Duration // after which the group takes a silent member for dead
	// IntentTTL is how long a batch may be stored after the group acknowledged
	// its intent: long enough that this is the rule, and so short that the
	// store remembers the tokens of IntentTTL and StepTimeout together. A batch
	// that comes later is declared again and looked for before it is stored.
	IntentTTL time.Duration
	// ServerSide joins by the server-side group protocol of KIP-848, for which
	// Kafka should be 4.3 or newer; else by the classic one, cooperatively.
	// The session's timeout is then the broker's.
	ServerSide bool

	// Refused says why a broker and the client do not accept each other, or nil
	// when that is not what an error of the client says. It is waited for: a
	// token or a certificate is replaced while the worker runs. Nil: never.
	Refused func(error) error

	Limits event.Limits
	// Fits says why an event cannot be stored exactly, or nil when it can: an
	// event that does not fit becomes a dead letter before it is judged. It is
	// called from several goroutines at once. Nil: every event fits.
	Fits func(*event.Event) *event.Failure
	// Tracer makes the spans of a cycle; see trace.go. It must not block, nor
	// must what it exports to. Nil: there are none.
	Tracer trace.Tracer
}

// FirstStart is where a partition begins that the group has never committed.
type FirstStart string

const (
	// StartRefused makes the absence of an offset an error. It is the default:
	// a group name mistyped, or offsets that expired, must not silently begin
	// somewhere.
	StartRefused  FirstStart = "refuse"
	StartEarliest FirstStart = "earliest" // at the oldest record kept
	StartLatest   FirstStart = "latest"   // at the next record produced
)

// Validate checks what the code relies on and names every mistake.
func (c *Config) Validate() error {
	var errs []error
	require := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	require(c.Cluster != "", "cluster is empty: name the Kafka cluster, the name is part of every insert token")
	require(c.Group != "", "group is empty: name the consumer group")
	require(len(c.Topics) > 0, "topics is empty: name at least one topic")
	switch c.FirstStart {
	case StartRefused, StartEarliest, StartLatest:
	default:
		require(false, "first_start is %q: want refuse, earliest or latest", c.FirstStart)
	}
	require(c.MaxRecords > 0, "max_records is %d: want at least 1", c.MaxRecords)
	require(c.MaxBytes > 0, "max_cycle_bytes is %d: want at least 1", c.MaxBytes)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"linger", c.Linger}, {"drain_timeout", c.DrainTimeout}, {"rebalance_grace", c.RebalanceGrace}, {"step_timeout", c.StepTimeout},
		{"backoff_min", c.BackoffMin}, {"backoff_max", c.BackoffMax}, {"session_timeout", c.SessionTimeout}, {"intent_ttl", c.IntentTTL}} {
		require(d.value > 0, "%s is %s: want more than 0s", d.name, d.value)
	}
	require(c.BackoffMin <= c.BackoffMax, "backoff_min %s is more than backoff_max %s", c.BackoffMin, c.BackoffMax)
	// A step that outlives the drain would always end as an abandoned batch; a
	// drain that outlives the session would end with the member expelled.
	require(c.StepTimeout < c.DrainTimeout, "step_timeout %s must be less than drain_timeout %s", c.StepTimeout, c.DrainTimeout)
	require(c.DrainTimeout < c.SessionTimeout, "drain_timeout %s must be less than session_timeout %s", c.DrainTimeout, c.SessionTimeout)
	require(c.StepTimeout <= c.IntentTTL, "step_timeout %s must not be more than intent_ttl %s: a batch would be declared again after its first slow try", c.StepTimeout, c.IntentTTL)
	require(c.RebalanceGrace < c.SessionTimeout, "rebalance_grace %s must be less than session_timeout %s", c.RebalanceGrace, c.SessionTimeout)
	return errors.Join(errs...)
}

// Worker reads records, judges them, stores them and publishes candidates.
type Worker struct {
	Config
	store     Store
	publisher Publisher
	library   Library
	metrics   *Metrics
	health    *Health
	log       *slog.Logger
	sightings map[topicPartition]sighting // of partitions without a committed offset
}

// New returns a worker that is ready to Run.
func New(c Config, store Store, publisher Publisher, library Library, metrics *Metrics, health *Health, log *slog.Logger) (*Worker, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return &Worker{c, store, publisher, library, metrics, health, log, make(map[topicPartition]sighting)}, nil
}

// stopError ends the worker: a person must mend something.
type stopError struct{ err error }

func stop(err error) error         { return &stopError{err} }
func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// Run works until ctx is cancelled, and returns nil, or until something is
// wrong that time does not mend, and returns what. A cycle that is under way
// when ctx is cancelled is finished, within DrainTimeout.
//
// Membership of the group is lived in sessions: when the outcome of a commit
// is unknown the member leaves and a new one joins, so that a commit that
// arrives late is refused.
func (w *Worker) Run(ctx context.Context) error { return w.run(ctx, nil) }

// Drain works until everything that the topics held when it was called is
// stored, by this worker or by others of its group, and returns nil.
func (w *Worker) Drain(ctx context.Context) error {
	ends, err := w.endOffsets(ctx)
	if err != nil {
		return fmt.Errorf("read the end offsets of the topics: %w", err)
	}
	return w.run(ctx, ends)
}

func (w *Worker) run(ctx context.Context, until offsets) error {
	pause := backoff{min: w.BackoffMin, max: w.BackoffMax}
	for was := ""; ; {
		progress, err := w.runSession(ctx, until)
		var stopped *stopError
		switch {
		case errors.As(err, &stopped):
			return stopped.err
		case err == nil, ctx.Err() != nil:
			return nil
		}
		if progress {
			pause.reset()
		}
		what, ok := Waiting(err)
		if !ok {
			what = waitKafka
		}
		if refused := w.refused(err); refused != nil {
			what, err = waitLogin, refused
		}
		w.waiting(what, was, err)
		was = what
		w.health.turn()
		if !pause.sleep(ctx) {
			return nil
		}
	}
}

func (w *Worker) refused(err error) error {
	if w.Refused == nil {
		return nil
	}
	return w.Refused(err)
}

// waiting tells operators, once, what the worker waits for. instead is what the
// same step waited for before; it is empty when that is the same, or nothing.
func (w *Worker) waiting(what, instead string, err error) {
	if w.health.wait(what, instead, err) {
		w.log.Warn("waiting", "for", what, "error", err)
	}
}

const (
	// waitKafka is what the worker waits for when the group or a broker is away.
	waitKafka = "Kafka"
	// waitLogin is what it waits for when they are there, and see Config.Refused.
	waitLogin = "Kafka: a certificate, password or token that is accepted"
)

// proceeding tells operators, once, that the worker no longer waits for what,
// or, when what is empty, for anything.
func (w *Worker) proceeding(what string) {
	for _, ended := range w.health.proceed(what) {
		w.log.Info("proceeding", "after", ended.For, "waited", time.Since(ended.Since).Round(time.Millisecond))
	}
}

// backoff is the growing pause between tries.
type backoff struct{ min, max, next time.Duration }

func (b *backoff) reset() { b.next = 0 }

// sleep pauses; false when ctx was cancelled.
func (b *backoff) sleep(ctx context.Context) bool {
	b.next = min(max(b.min, 2*b.next), b.max)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(b.next):
		return true
	}
}
