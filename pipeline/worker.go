package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"tocsin/rules/event"
)

// Config configures a worker, except for its sinks and rules. Every duration and
// count must be positive.
type Config struct {
	Kafka   []kgo.Opt  // how to reach Kafka: brokers, TLS, SASL
	Hooks   []kgo.Hook // of the consuming client; other clients are short-lived
	Cluster string     // name of the Kafka cluster; part of every insert token
	Group   string
	Topics  []string
	// FirstStart is where a partition without a committed offset and without
	// rows begins.
	FirstStart FirstStart

	MaxRecords int // most records in a batch; a replay is not cut
	// MaxBytes is about how much memory the batches in hand may take, with their events.
	// A worker that holds so much polls no more until a batch is settled. A batch takes
	// at most half of it. A replay is taken in any case. The sinks' own memory
	// comes on top.
	MaxBytes int
	Stores   int // most inserts at once
	// MaxUnpacked is how much memory the batches of producers may take once they are
	// unpacked, over all partitions, with those that are fetched and not polled yet. A
	// batch that alone takes more is never unpacked: its records become dead letters.
	MaxUnpacked    int
	Linger         time.Duration // how long ordinary records wait for company before they are stored; candidates never wait
	DrainTimeout   time.Duration // how long a turn may go on after the worker's context is cancelled
	RebalanceGrace time.Duration // how long a turn may go on after a rebalance waits for it
	StepTimeout    time.Duration // bound on one try of a commit, a store or a publish
	BackoffMin     time.Duration // pause after the first failed try
	BackoffMax     time.Duration // longest pause between tries
	SessionTimeout time.Duration // after which the group expels a silent member
	// IntentTTL is how long a batch may be stored after its intent was sent. It
	// should be long enough for almost every batch, and must be so short that
	// the store remembers tokens for longer than IntentTTL and StepTimeout
	// together. A later batch is declared again and looked for before it is
	// stored.
	IntentTTL time.Duration
	// ServerSide selects the server-side group protocol of KIP-848, for which
	// Kafka should be 4.3 or newer; the broker then sets the session timeout.
	// Otherwise the member joins by the classic protocol, cooperatively.
	ServerSide bool

	// Refused returns the TLS or login rejection behind a client error, or nil.
	// The worker waits until the rejection ends, because a token or a certificate
	// can be replaced while it runs. A nil function finds none.
	Refused func(error) error

	Limits event.Limits
	// Tracer makes the spans of rounds and batches; see trace.go. Neither it nor its
	// exporter may block. A nil Tracer makes none.
	Tracer trace.Tracer
}

// FirstStart is where a partition without a committed offset and without rows
// begins.
type FirstStart string

const (
	// StartRefused makes the absence of an offset an error. It is the default,
	// so that a mistyped group name does not silently begin somewhere.
	StartRefused  FirstStart = "refuse"
	StartEarliest FirstStart = "earliest" // at the oldest record that Kafka keeps
	StartLatest   FirstStart = "latest"   // at the next record produced
)

// Mistakes returns what is wrong with the values that the loop relies on. It names
// settings by their keys in the configuration file.
func (c *Config) Mistakes() (all []*Mistake) {
	add := func(m *Mistake) { all = append(all, m) }
	require := func(ok bool, format string, args ...any) {
		if !ok {
			add(Wrong(format, args...))
		}
	}
	if strings.TrimSpace(c.Cluster) == "" {
		add(Wrong("kafka.cluster is empty: name the Kafka cluster, the name is part of every insert token").At("kafka.cluster"))
	}
	if strings.TrimSpace(c.Group) == "" {
		add(Wrong("kafka.group is empty: name the consumer group").At("kafka.group"))
	}
	if len(c.Topics) == 0 {
		add(Wrong("kafka.topics is empty: name at least one topic").At("kafka.topics"))
	}
	for i, name := range c.Topics {
		topic := Setting{fmt.Sprintf("kafka.topics[%d]", i), name}
		legal := topicName.MatchString(name) && name != "." && name != ".."
		require(legal, "%s is %s: want 1 to 249 letters, digits, dots, - and _", topic.Key, topic)
		require(!legal || !slices.Contains(c.Topics[:i], name), "%s is %s, which is in the list already: remove one of the two", topic.Key, topic)
	}
	switch c.FirstStart {
	case StartRefused, StartEarliest, StartLatest:
	default:
		require(false, "kafka.first_start is %s: want refuse, earliest or latest", Setting{"kafka.first_start", string(c.FirstStart)})
	}
	var (
		maxRecords     = Setting{"worker.max_records", c.MaxRecords}
		maxBytes       = Setting{"worker.max_bytes", c.MaxBytes}
		linger         = Setting{"worker.linger", c.Linger}
		drainTimeout   = Setting{"worker.drain_timeout", c.DrainTimeout}
		rebalanceGrace = Setting{"worker.rebalance_grace", c.RebalanceGrace}
		stepTimeout    = Setting{"worker.step_timeout", c.StepTimeout}
		backoffMin     = Setting{"worker.backoff_min", c.BackoffMin}
		backoffMax     = Setting{"worker.backoff_max", c.BackoffMax}
		sessionTimeout = Setting{"kafka.session_timeout", c.SessionTimeout}
		intentTTL      = Setting{"worker.intent_ttl", c.IntentTTL}
	)
	require(c.MaxRecords > 0, "worker.max_records is %s: want at least 1", maxRecords)
	require(c.Stores > 0 && c.Stores <= deliveries, "worker.max_inserts is %s: want 1 to %d, as many as ClickHouse connections", Setting{"worker.max_inserts", c.Stores}, deliveries)
	require(c.MaxBytes > 0, "worker.max_bytes is %s: want at least 1", maxBytes)
	maxUnpacked, maxRecord := Setting{"worker.max_unpacked_bytes", c.MaxUnpacked}, Setting{"worker.max_record_bytes", c.Limits.MaxBytes}
	require(c.MaxUnpacked > c.Limits.MaxBytes, "worker.max_unpacked_bytes is %s: want more than worker.max_record_bytes, %s, or the batch of such a record is never unpacked", maxUnpacked, maxRecord)
	for _, d := range []Setting{linger, drainTimeout, rebalanceGrace, stepTimeout, backoffMin, backoffMax, sessionTimeout, intentTTL} {
		require(d.Value.(time.Duration) > 0, "%s is %s: want more than 0s", d.Key, d)
	}
	require(c.SessionTimeout <= maxSession, "kafka.session_timeout is %s: want at most %s, the most that brokers accept by default (group.max.session.timeout.ms)", sessionTimeout, maxSession)
	require(c.BackoffMin <= c.BackoffMax, "worker.backoff_min %s must not be more than worker.backoff_max %s", backoffMin, backoffMax)
	// A step longer than the drain would always end in an abandoned batch. A
	// drain longer than the session would end with the member expelled.
	require(c.StepTimeout < c.DrainTimeout, "worker.step_timeout %s must be less than worker.drain_timeout %s", stepTimeout, drainTimeout)
	require(c.DrainTimeout < c.SessionTimeout, "worker.drain_timeout %s must be less than kafka.session_timeout %s", drainTimeout, sessionTimeout)
	require(c.StepTimeout <= c.IntentTTL, "worker.step_timeout %s must not be more than worker.intent_ttl %s: a batch would be declared again after its first slow try", stepTimeout, intentTTL)
	require(c.RebalanceGrace < c.SessionTimeout, "worker.rebalance_grace %s must be less than kafka.session_timeout %s", rebalanceGrace, sessionTimeout)
	return all
}

// topicName is a name that Kafka accepts, apart from "." and "..".
var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// maxSession is the longest session that a broker accepts by default. After a crash,
// the partitions of a worker stand still for that long.
const maxSession = 30 * time.Minute

// Worker reads records, judges them, stores them and publishes candidates.
type Worker struct {
	Config
	store     Store
	publisher Publisher
	library   Library
	metrics   *Metrics
	health    *Health
	log       *slog.Logger
	unpacker  *unpacker
	sightings map[topicPartition]sighting // of partitions without a committed offset
}

// New returns a worker that is ready to Run.
func New(c Config, store Store, publisher Publisher, library Library, metrics *Metrics, health *Health, log *slog.Logger) (*Worker, error) {
	if err := Joined(c.Mistakes()); err != nil {
		return nil, err
	}
	metrics.reads(c.Topics)
	return &Worker{c, store, publisher, library, metrics, health, log, newUnpacker(c.MaxUnpacked), make(map[topicPartition]sighting)}, nil
}

// stopError ends the worker: a person must repair something.
type stopError struct{ err error }

func stop(err error) error         { return &stopError{err} }
func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// Run works until ctx is cancelled or no retry can cure an error. It returns nil
// or that error. When ctx is cancelled, the turn under way is finished within
// DrainTimeout.
//
// A worker joins the group in sessions, one after another. When the outcome of a
// commit is unknown, the member leaves and a new member joins, so that the
// coordinator refuses the commit if it arrives late.
func (w *Worker) Run(ctx context.Context) error { return w.run(ctx, nil) }

// Drain works until this worker, or others of its group, have stored every record
// that the topics held at the call, and returns nil.
func (w *Worker) Drain(ctx context.Context) error {
	ends, err := w.endOffsets(ctx)
	if err != nil {
		return fmt.Errorf("read the end offsets of the topics: %w", err)
	}
	return w.run(ctx, ends)
}

// run joins the group again and again until a session ends without an error.
func (w *Worker) run(ctx context.Context, until offsets) error {
	sessions := w.retry()
	err := sessions.until(ctx, func(ctx context.Context) (wait string, err error) {
		settled, err := w.runSession(ctx, until)
		if settled {
			sessions.pause.reset()
		}
		if err == nil {
			return "", ctx.Err() // nil when the session reached until
		}
		return w.waitOf(err)
	})
	var stopped *stopError
	switch {
	case errors.As(err, &stopped):
		return stopped.err
	case ctx.Err() != nil:
		return nil
	}
	return err
}

// waitOf returns what to wait for after err ended a session, and the error to
// show: the rejection behind err, if there is one. A stopError has no wait.
func (w *Worker) waitOf(err error) (wait string, _ error) {
	var stopped *stopError
	if errors.As(err, &stopped) {
		return "", err
	}
	if refused := w.refused(err); refused != nil {
		return WaitLogin, refused
	}
	if wait, ok := Waiting(err); ok {
		return wait, err
	}
	return WaitKafka, err
}

// retry returns a retry with the worker's pauses.
func (w *Worker) retry() *retry {
	return &retry{health: w.health, log: w.log, pause: backoff{min: w.BackoffMin, max: w.BackoffMax}}
}

func (w *Worker) refused(err error) error {
	if w.Refused == nil {
		return nil
	}
	return w.Refused(err)
}
