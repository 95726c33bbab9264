package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
)

// window is how many alerts of one call are under way at once.
const window = 64

// Publish implements pipeline.Publisher. It sends alerts in order, and of several
// about one matter only the first.
func (s *Sink) Publish(ctx context.Context, alerts []pipeline.Alert) error {
	messages, err := s.messages(alerts)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(messages, window) {
		if err := s.send(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// RecordHeader is the header of an alert with the place of its record in Kafka:
// topic/ID/partition/offset. The ID is empty where the brokers report none.
const RecordHeader = "Tocsin-Record"

// message is an alert ready to be sent.
type message struct {
	id string // candidate id
	*nats.Msg
}

func (s *Sink) messages(alerts []pipeline.Alert) ([]message, error) {
	messages := make([]message, 0, len(alerts))
	seen := make(map[string]bool, len(alerts))
	for i := range alerts {
		a := &alerts[i]
		if a.Verdict.Rule == nil || a.Verdict.Finding == nil || token(a.Verdict.Finding.CandidateID, "") != a.Verdict.Finding.CandidateID || a.Verdict.Finding.CandidateID == "" {
			return nil, fmt.Errorf("nats: the alert of %s/%d at offset %d has no candidate id that can end a subject: this is a defect of the program", a.Topic, a.Partition, a.Offset)
		}
		id := a.Verdict.Finding.CandidateID
		if seen[id] {
			s.duplicates.Add(1)
			continue
		}
		seen[id] = true
		body, err := s.config.body(a)
		if err != nil {
			return nil, fmt.Errorf("nats: write the alert of %s/%d at offset %d: %w", a.Topic, a.Partition, a.Offset, err)
		}
		messages = append(messages, message{id, &nats.Msg{Subject: s.config.subject(a), Data: body,
			Header: nats.Header{"Content-Type": {"application/cloudevents+json"}, RecordHeader: {fmt.Sprintf("%s/%s/%d/%d", a.Topic, a.TopicID, a.Partition, a.Offset)}}}})
	}
	return messages, nil
}

// send publishes at most a window of messages and waits for every answer, or for
// the first bad one. The answers after that one end by their own timeout.
func (s *Sink) send(ctx context.Context, messages []message) error {
	answers := make([]jetstream.PubAckFuture, len(messages))
	for i, m := range messages {
		if err := ctx.Err(); err != nil {
			return s.fault(err)
		}
		answer, err := s.js.PublishMsgAsync(m.Msg,
			jetstream.WithMsgID(m.id),
			jetstream.WithExpectStream(s.config.Stream),
			jetstream.WithExpectLastSequenceForSubject(0, s.config.filter(m.id)),
			jetstream.WithRetryAttempts(0)) // the loop tries again
		if err != nil {
			return s.fault(err)
		}
		answers[i] = answer
	}
	for i, answer := range answers {
		select {
		case ack := <-answer.Ok():
			if ack.Duplicate {
				s.duplicates.Add(1)
			} else {
				s.published.Add(1)
			}
		case err := <-answer.Err():
			if err := s.settle(ctx, messages[i].id, err); err != nil {
				return err
			}
		case <-ctx.Done():
			return s.fault(ctx.Err())
		}
	}
	return nil
}

// settle decides whether a refused alert was delivered earlier.
//
// A refusal alone is no proof. Code 10164, and 10158 for the message id, mean
// that the matter is on its way to the replicas, where it may still be lost with
// its leader. A store that cannot look also answers 10071. So settle asks the
// stream: an alert that it holds is delivered, any other is tried again.
func (s *Sink) settle(ctx context.Context, id string, refused error) error {
	var api *jetstream.APIError
	if !errors.As(refused, &api) {
		return s.fault(refused)
	}
	switch api.ErrorCode {
	case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant, codeMsgIDInUse:
	default:
		return s.fault(refused)
	}
	n, err := s.count(ctx, id)
	if err != nil {
		return s.fault(err)
	}
	if n == 0 {
		return pipeline.Wait(passing[codeMsgIDInUse], refused)
	}
	s.duplicates.Add(1)
	return nil
}
