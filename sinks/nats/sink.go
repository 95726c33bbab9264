// Package nats publishes alerts to a NATS JetStream stream, each matter once.
//
// # Why a matter alerts once
//
// The candidate id is the last token of an alert's subject. A publish carries
// the expectation that no message stands on prefix.*.*.*.<id>. So the server itself
// refuses a second one, whatever registrant, item or severity the later record has,
// for as long as it keeps the first. The stream must therefore keep its messages
// (limits retention, no purge, no delete, new messages refused and not old ones
// dropped when it is full), and Open refuses a stream that does not.
//
// Publish sends Nats-Msg-Id too, because subscribers and mirrors know it. It alone
// would not do: the server forgets it after the stream's duplicate window of two
// minutes. A limit of one message a subject would not do either: the severity is in
// the subject, so an escalated repeat would pass, and its refusal has the error code
// of a full disk.
//
// JetStream acknowledges before it has synced to disk. ClickHouse is the record
// of truth: Missing finds what the stream has lost.
package nats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
)

// Sink is a pipeline.Publisher on a stream. It is safe for concurrent use.
type Sink struct {
	config Config
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	// denials holds the first unreported violation of a permission, which the server reports
	// apart from the request that it does not answer.
	denials chan error

	published, duplicates atomic.Uint64
}

var _ pipeline.Publisher = (*Sink)(nil)

// Open connects and checks the stream. It waits for a server, or a cluster, that
// is away or not ready for Config.OpenTimeout. Errors: the end of that wait gives
// one made by pipeline.Wait. A wrong setting, here or on the server, ends Open at
// once with the remedy.
func Open(ctx context.Context, c Config) (*Sink, error) {
	c, err := c.filled()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.OpenTimeout)
	defer cancel()
	s := &Sink{config: c, denials: make(chan error, 1)}
	if s.conn, err = s.connect(ctx); err != nil {
		return nil, err
	}
	if s.js, err = jetstream.New(s.conn, jetstream.WithPublishAsyncTimeout(c.PublishTimeout)); err == nil {
		err = s.ready(ctx)
	}
	if err != nil {
		s.conn.Close()
		return nil, err
	}
	return s, nil
}

// ready prepares the stream and repeats that until it succeeds: a cluster without a
// leader does not answer. A permission that the user lacks ends it at once.
func (s *Sink) ready(ctx context.Context) error {
	for {
		err := s.permitted(ctx, s.prepare)
		if _, passes := pipeline.Waiting(err); !passes || errors.Is(err, nats.ErrPermissionViolation) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// permitted calls request within PublishTimeout, and ends it as soon as the server
// reports a violation of a permission. Errors are those of fault.
func (s *Sink) permitted(ctx context.Context, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.config.PublishTimeout)
	defer cancel()
	select {
	case <-s.denials: // of an earlier request
	default:
	}
	answer := make(chan error, 1)
	go func() { answer <- request(ctx) }()
	select {
	case err := <-answer:
		return err
	case denied := <-s.denials:
		cancel()
		if err := <-answer; err == nil {
			return nil // the violation was another request's
		}
		return s.fault(denied)
	}
}

// Migrate creates the stream if it is missing and checks it, and passes say a line
// about what it did. It never alters a stream that exists.
func Migrate(ctx context.Context, c Config, say func(line string)) error {
	c.CreateStream = false
	s, err := Open(ctx, c)
	created := errors.Is(err, jetstream.ErrStreamNotFound)
	if created {
		c.CreateStream = true
		s, err = Open(ctx, c)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	if created {
		say(fmt.Sprintf("NATS: created the stream %s", s.config.Stream))
	} else {
		say(fmt.Sprintf("NATS: the stream %s is as it must be", s.config.Stream))
	}
	return nil
}

// Plan returns what Migrate would do; "" when the stream is as it must be.
func Plan(ctx context.Context, c Config) (string, error) {
	c.CreateStream = false
	s, err := Open(ctx, c)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		c, err = c.filled()
		return "NATS: create the stream " + c.Stream, err
	case err != nil:
		return "", err
	}
	s.Close()
	return "", nil
}

// Close ends the connection.
func (s *Sink) Close() { s.conn.Close() }

// Stats counts alerts since Open.
type Stats struct {
	Published  uint64 // stored by a call of this sink
	Duplicates uint64 // found to have been delivered before
}

// Stats returns the counts so far.
func (s *Sink) Stats() Stats { return Stats{s.published.Load(), s.duplicates.Load()} }

// connect returns a connection that is up.
func (s *Sink) connect(ctx context.Context) (*nats.Conn, error) {
	c := &s.config
	opts, dialer, err := c.options()
	if err != nil {
		return nil, err
	}
	var failed atomic.Pointer[error] // of the last attempt
	opts = append(opts, nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { failed.Store(&err) }),
		// The default prints to the standard error. Requests return the other errors
		// that matter.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) {
				select {
				case s.denials <- err:
				default:
				}
			}
		}))
	conn, err := nats.Connect(strings.Join(c.Servers, ","), opts...)
	if err != nil {
		return nil, fmt.Errorf("nats: connect to %s: %w", c.addresses(), err)
	}
	dialer.conn.Store(conn)
	up := conn.StatusChanged(nats.CONNECTED)
	defer conn.RemoveStatusListener(up)
	if conn.IsConnected() {
		return conn, nil
	}
	select {
	case <-up:
		return conn, nil
	case <-ctx.Done():
		conn.Close()
		err := ctx.Err()
		if last := failed.Load(); last != nil {
			err = *last
		}
		if isTLS(err) {
			return nil, pipeline.Wait(waitCertificate, fmt.Errorf("connect to %s: %w", c.addresses(), err))
		}
		return nil, pipeline.Wait("NATS: not reachable", fmt.Errorf("connect to %s: %w", c.addresses(), err))
	}
}
