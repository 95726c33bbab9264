package nats

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// codeOtherStream answers a publish that expects another stream than the one
// that its subject leads to.
const codeOtherStream jetstream.ErrorCode = 10060

// Condition is the state of a server and its stream, beyond what Open checks.
type Condition struct {
	Ahead           time.Duration // how far its clock is ahead of this one; negative: behind
	Replicas        int           // copies that the stream keeps
	Bytes, MaxBytes uint64        // of the stream; MaxBytes 0: no bound
}

// Look returns the condition of the server and stream, and checks that alerts may
// be published. It publishes a message that expects a stream of another name, so
// that the server answers and does not store it. clock is this machine's.
func (s *Sink) Look(ctx context.Context, clock func() time.Time) (found Condition, err error) {
	began := clock()
	info, err := s.stream.Info(ctx)
	if err != nil {
		return found, s.fault(err)
	}
	took := clock().Sub(began)
	if !info.TimeStamp.IsZero() {
		found.Ahead = info.TimeStamp.Sub(began.Add(took / 2))
	}
	if max(found.Ahead, -found.Ahead) <= took { // the answer itself may have taken so long
		found.Ahead = 0
	}
	found.Replicas, found.Bytes = info.Config.Replicas, info.State.Bytes
	found.MaxBytes = uint64(max(info.Config.MaxBytes, 0))

	return found, s.permitted(ctx, func(ctx context.Context) error {
		subject := s.config.SubjectPrefix + ".check.check.check.check"
		_, err := s.js.PublishMsg(ctx, nats.NewMsg(subject), jetstream.WithExpectStream(s.config.Stream+"-check"), jetstream.WithRetryAttempts(0))
		var api *jetstream.APIError
		switch {
		case err == nil:
			return fmt.Errorf("nats: the stream takes a message meant for another: upgrade the server")
		case errors.As(err, &api) && api.ErrorCode == codeOtherStream:
			return nil
		}
		return s.fault(err)
	})
}
