package nats

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Held returns how many alerts the stream holds about each of the candidate
// ids: one, or none. Errors are as for Publish.
func (s *Sink) Held(ctx context.Context, ids []string) ([]uint64, error) {
	counts := make([]uint64, len(ids))
	for i, id := range ids {
		n, err := s.count(ctx, id)
		if err != nil {
			return nil, s.fault(err)
		}
		counts[i] = n
	}
	return counts, nil
}

// Missing returns those of the candidate ids that the stream does not hold, in
// their order. Errors are as for Publish.
func (s *Sink) Missing(ctx context.Context, ids []string) ([]string, error) {
	counts, err := s.Held(ctx, ids)
	if err != nil {
		return nil, err
	}
	var missing []string
	for i, id := range ids {
		if counts[i] == 0 {
			missing = append(missing, id)
		}
	}
	return missing, nil
}

// count asks the stream's leader how many alerts it holds about a matter.
func (s *Sink) count(ctx context.Context, id string) (n uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.PublishTimeout)
	defer cancel()
	info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(s.config.filter(id)))
	if err != nil {
		return 0, err
	}
	for _, messages := range info.State.Subjects {
		n += messages
	}
	return n, nil
}

// Published is an alert that the stream holds.
type Published struct {
	Sequence    uint64 // its number in the stream
	CandidateID string
	At          time.Time // when the stream took it
	Record      string    // its RecordHeader; empty where it has none
}

// All yields the alerts that the stream took in [from, to), in its order and without
// their bodies; a zero time is no bound. It leaves out those that the stream takes
// meanwhile. The server drops the consumer of All a minute later. Errors are as for
// Publish and end the sequence.
func (s *Sink) All(ctx context.Context, from, to time.Time) iter.Seq2[Published, error] {
	return func(yield func(Published, error) bool) {
		if err := s.each(ctx, from, to, func(p Published) bool { return yield(p, nil) }); err != nil {
			yield(Published{}, s.fault(err))
		}
	}
}

func (s *Sink) each(ctx context.Context, from, to time.Time, yield func(Published) bool) error {
	once, cancel := context.WithTimeout(ctx, s.config.PublishTimeout)
	defer cancel()
	stream, err := s.stream.Info(once)
	if err != nil {
		return err
	}
	config := jetstream.OrderedConsumerConfig{FilterSubjects: []string{s.config.SubjectPrefix + ".>"}, HeadersOnly: true, InactiveThreshold: time.Minute}
	if !from.IsZero() {
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &from
	}
	consumer, err := s.stream.OrderedConsumer(once, config)
	if err != nil {
		return err
	}
	info, err := consumer.Info(once)
	if err != nil || info.NumPending == 0 {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		message, err := s.following(ctx, messages)
		if err != nil {
			return err
		}
		about, err := message.Metadata()
		if err != nil {
			return err
		}
		if about.Sequence.Stream > stream.State.LastSeq || !to.IsZero() && !about.Timestamp.Before(to) {
			return nil // the stream's times rise
		}
		id := message.Subject()[strings.LastIndexByte(message.Subject(), '.')+1:]
		if !yield(Published{about.Sequence.Stream, id, about.Timestamp, message.Headers().Get(RecordHeader)}) || about.NumPending == 0 {
			return nil
		}
	}
}

// following waits for the next message. The client waits for a server that went away
// within OpenTimeout.
func (s *Sink) following(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.OpenTimeout)
	defer cancel()
	return messages.Next(jetstream.NextContext(ctx))
}
