package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// streamName is the workers' stream.
const streamName = "DISCLOSURE"

// message is an alert as the stream holds it.
type message struct {
	id     string // the candidate's, out of the subject
	body   string // the candidate's, out of the body
	at     place  // the record that raised it
	digest string
}

// readMessages reads every message of the stream.
func readMessages(ctx context.Context, addr string) ([]message, error) {
	conn, err := nats.Connect("nats://" + addr)
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	consumer, err := js.OrderedConsumer(ctx, streamName, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	stream, err := js.Stream(ctx, streamName)
	if err != nil {
		return nil, fmt.Errorf("read the stream: %w", err)
	}
	want := stream.CachedInfo().State.Msgs
	var all []message
	for uint64(len(all)) < want {
		batch, err := consumer.Fetch(500, jetstream.FetchMaxWait(5*time.Second))
		if err != nil {
			return nil, fmt.Errorf("read the stream: %w", err)
		}
		before := len(all)
		for m := range batch.Messages() {
			read, err := readMessage(m.Subject(), m.Data())
			if err != nil {
				return nil, err
			}
			all = append(all, read)
		}
		if err := batch.Error(); err != nil && len(all) == before {
			return nil, fmt.Errorf("read the stream: %d of %d messages came: %w", len(all), want, err)
		}
		if len(all) == before {
			return nil, fmt.Errorf("read the stream: %d of %d messages came", len(all), want)
		}
	}
	return all, nil
}

func readMessage(subject string, data []byte) (message, error) {
	var body struct {
		Data struct {
			CandidateID string `json:"candidate_id"`
			Digest      string `json:"rules_digest"`
			Topic       string
			TopicID     string `json:"topic_id"`
			Partition   int32
			Offset      int64
		}
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return message{}, fmt.Errorf("read the stream: the message on %s: %w", subject, err)
	}
	d := body.Data
	return message{subject[strings.LastIndexByte(subject, '.')+1:], d.CandidateID, place{partition{d.Topic, d.TopicID, d.Partition}, d.Offset}, d.Digest}, nil
}
