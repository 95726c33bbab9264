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

// Condition is how a server and its stream are, beyond what Open insists on.
type Condition struct {
	Ahead           time.Duration // how far its clock is ahead of this one; negative: behind
	Replicas        int           // copies that the stream keeps
	Bytes, MaxBytes uint64        // of the stream; MaxBytes 0: no bound
}

// Look asks how the stream is, and whether alerts may be published to it. It
// publishes one that cannot be stored, because it expects a stream of another
// name: the answer tells that the way there is open. clock is this machine's.
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
	if max(found.Ahead, -found.Ahead) <= took { // it may be the way that took so long
		found.Ahead = 0
	}
	found.Replicas, found.Bytes = info.Config.Replicas, info.State.Bytes
	found.MaxBytes = uint64(max(info.Config.MaxBytes, 0))

	ctx, cancel := context.WithTimeout(ctx, s.config.PublishTimeout)
	defer cancel()
	subject := s.config.SubjectPrefix + ".check.check.check.check"
	_, err = s.js.PublishMsg(ctx, nats.NewMsg(subject), jetstream.WithExpectStream(s.config.Stream+"-check"), jetstream.WithRetryAttempts(0))
	var api *jetstream.APIError
	switch {
	case err == nil:
		return found, fmt.Errorf("nats: the stream takes a message meant for another: upgrade the server")
	case errors.As(err, &api) && api.ErrorCode == codeOtherStream:
		return found, nil
	}
	return found, s.fault(err)
}
