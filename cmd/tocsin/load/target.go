package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/config"
)

// target takes the events.
type target interface {
	put(ctx context.Context, key string, value []byte) error
	// close waits until everything is stored, or returns why it is not.
	close(ctx context.Context) error
}

// newTarget opens the destination of the events: the file out, standard output for
// -, or the topic where out is empty.
func newTarget(ctx context.Context, out, topic string, kafka *config.Kafka, src *source, stdout io.Writer) (target, error) {
	switch out {
	case "":
		return newKafkaTarget(ctx, topic, kafka)
	case "-":
		return &lineTarget{out: bufio.NewWriter(stdout)}, nil
	}
	if info, err := os.Stat(out); err == nil {
		if own, err := src.file.Stat(); err == nil && os.SameFile(info, own) {
			return nil, fmt.Errorf("--out %s names the file that is loaded: name another", out)
		}
	}
	// The events are as confidential as the ledger: no other user reads them.
	file, err := os.OpenFile(out, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, outError(out, err)
	}
	return &lineTarget{out: bufio.NewWriter(file), file: file}, nil
}

// lineTarget writes JSON lines.
type lineTarget struct {
	out  *bufio.Writer
	file *os.File // nil: standard output
}

func (t *lineTarget) put(_ context.Context, _ string, value []byte) error {
	t.out.Write(value) // bufio keeps the first error
	return t.out.WriteByte('\n')
}

func (t *lineTarget) close(context.Context) error {
	err := t.out.Flush()
	if t.file != nil {
		err = errors.Join(err, t.file.Close())
	}
	return err
}

// kafkaTarget produces records. The producer is idempotent and waits for all
// in-sync replicas: a retry of the client neither loses nor doubles a record.
type kafkaTarget struct {
	client *kgo.Client
	topic  string
	mu     sync.Mutex
	failed error // first failure of a record
}

// producerOptions returns the options of the producer. The record's timestamp is
// the broker's or the moment of producing; the event holds its own time.
func producerOptions() []kgo.Opt {
	return []kgo.Opt{
		kgo.ClientID("tocsin-load"),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
		kgo.ProducerBatchMaxBytes(MaxRecord + 16<<10),
		kgo.RecordDeliveryTimeout(2 * time.Minute),
		kgo.UnknownTopicRetries(3),
	}
}

func newKafkaTarget(ctx context.Context, topic string, kafka *config.Kafka) (*kafkaTarget, error) {
	client, err := kgo.NewClient(append(kafka.Connections(), producerOptions()...)...)
	if err != nil {
		return nil, fmt.Errorf("the brokers %s: %w", strings.Join(kafka.Brokers, ","), err)
	}
	reach, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := client.Ping(reach); err != nil {
		client.Close()
		if r := kafka.Suspected(err); r != nil {
			return nil, r
		}
		return nil, fmt.Errorf("no broker of %s answers: %w", strings.Join(kafka.Brokers, ","), err)
	}
	return &kafkaTarget{client: client, topic: topic}, nil
}

func (t *kafkaTarget) put(ctx context.Context, key string, value []byte) error {
	if err := t.failure(); err != nil {
		return err
	}
	record := &kgo.Record{Topic: t.topic, Key: []byte(key), Value: append([]byte(nil), value...),
		Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/cloudevents+json")}}}
	t.client.Produce(ctx, record, func(_ *kgo.Record, err error) {
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			err = fmt.Errorf("the topic %s does not exist: create it", t.topic)
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.failed == nil && err != nil {
			t.failed = err
		}
	})
	return nil
}

func (t *kafkaTarget) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *kafkaTarget) close(ctx context.Context) error {
	defer t.client.Close()
	if err := t.failure(); err != nil {
		return nil // put has returned it
	}
	if err := t.client.Flush(ctx); err != nil {
		return fmt.Errorf("wait for the brokers: %w", err)
	}
	return t.failure()
}
