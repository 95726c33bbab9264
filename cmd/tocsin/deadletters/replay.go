package deadletters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// A replay is one record in Kafka, however the command ends and however often it
// runs:
//
//  1. The replay is noted in ClickHouse, then produced. So every produced replay has
//     a note, and this command never replayed a dead letter without a note.
//  2. The notes are read before the status. An attempt that was noted earlier shows
//     in the status, as pending or by its row. An attempt that is noted later has
//     the same number as this one, and ClickHouse keeps the first of two notes of
//     one number (Sink.Claim). So of two simultaneous replays one produces.
//  3. The producer is idempotent: its retries make no second record.
//  4. The replay's row shows its outcome: a header of the record names the dead
//     letter. A note made after producing could be missing. A command that dies
//     between the note and the record, or before the acknowledgement arrives, leaves
//     the dead letter pending. Pending is not open: the next replay is rejected with
//     the state in Kafka and ClickHouse, and needs --again to send.
//  5. Only a broker's final refusal takes a note back (see final).
//  6. A record belongs to the log that it came from. If its topic was deleted and
//     created again, it is produced with --again only (see refuse).
//
// Rejected: noting after producing, which doubles when the note is lost; a
// transaction, whose markers take offsets and would show as skipped in the view
// completeness.

const (
	// deliveryTimeout bounds the producing of one record.
	deliveryTimeout = 30 * time.Second
	// sendTimeout bounds the whole replay of one record.
	sendTimeout = 2 * time.Minute
	// progressEvery is the period at which a long replay reports its progress.
	progressEvery = 5 * time.Second
)

// replayer produces dead letters again.
type replayer struct {
	*letters
	sink   *clickhouse.Sink
	client *kgo.Client
}

// newReplayer does not connect yet.
func newReplayer(l *letters, sink *clickhouse.Sink, k *config.Kafka) (*replayer, error) {
	client, err := kgo.NewClient(append(k.Client(),
		kgo.RequiredAcks(kgo.AllISRAcks()), // idempotent, as is the default
		// The record goes to the partition that it came from, whatever rule its
		// producer partitions by: the records of a key stay together.
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		// One record is one batch; the topic limits its size.
		kgo.ProducerBatchMaxBytes(64<<20),
		kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(deliveryTimeout),
		kgo.UnknownTopicRetries(3),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &replayer{l, sink, client}, nil
}

// replay produces the chosen dead letters, one after the other. It stops at a
// failure, which is likely to repeat for the rest.
func (r *replayer) replay(ctx context.Context) error {
	replacement, err := r.replacement()
	if err != nil {
		return err
	}
	topics, err := r.current(ctx)
	if err != nil {
		return err
	}
	chosen, err := r.choose(ctx, r.sink, func(d *clickhouse.DeadLetter) error { return r.refuse(ctx, d, topics) })
	if err != nil || len(chosen) == 0 {
		return err
	}
	reported := time.Now()
	for n, d := range chosen {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d of %d; the rest is untouched", n, len(chosen))
		}
		if time.Since(reported) > progressEvery {
			reported = time.Now()
			fmt.Fprintf(r.stderr, "tocsin deadletters: %d of %d are sent again\n", n, len(chosen))
		}
		// A replay that has begun runs to its end: half of it would leave a pending
		// dead letter.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
		done, err := r.send(bounded, d.Place, replacement)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w\n%d of %d were sent again; those after it are untouched", d.Place, err, n, len(chosen))
		}
		if err := r.printDone(done); err != nil {
			return err
		}
	}
	return nil
}

// replacement returns the content of --file; nil without it.
func (r *replayer) replacement() (value []byte, err error) {
	switch r.file {
	case "":
		return nil, nil
	case "-":
		value, err = io.ReadAll(r.stdin)
	default:
		value, err = os.ReadFile(r.file)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("--file: %w", err)
	case len(value) == 0:
		return nil, fmt.Errorf("--file %s is empty, which is no event: give the corrected bytes", r.file)
	}
	return value, nil
}

// send notes and produces one replay.
func (r *replayer) send(ctx context.Context, p clickhouse.Place, replacement []byte) (doneLine, error) {
	// First the notes, then the status: see the top of the file.
	notes, err := r.sink.Dispositions(ctx, r.cluster, p)
	if err != nil {
		return doneLine{}, err
	}
	claim := clickhouse.Disposition{Place: p, Action: clickhouse.Replaying, Attempt: 1, Reason: r.reason, Actor: r.actor}
	for _, n := range notes {
		claim.Attempt = max(claim.Attempt, n.Attempt+1)
	}
	d, err := r.sink.DeadLetter(ctx, r.cluster, p)
	if err != nil {
		return doneLine{}, err
	}
	topics, err := r.current(ctx)
	if err != nil {
		return doneLine{}, err
	}
	if err := r.refuse(ctx, &d, topics); err != nil {
		return doneLine{}, err
	}
	record, err := r.record(ctx, p, replacement)
	if err != nil {
		return doneLine{}, err
	}
	claim.SHA256 = sha256.Sum256(record.Value)
	if err := r.sink.Claim(ctx, r.cluster, claim); err != nil {
		return doneLine{}, err
	}
	if err := r.produce(ctx, record); err != nil {
		if !final(err) {
			return doneLine{}, fmt.Errorf("it is not known whether the replay was produced: %w. It is noted as pending; tocsin deadletters show %s reports its outcome later", err, p)
		}
		claim.Action, claim.Reason = clickhouse.Refused, err.Error()
		if noted := r.sink.Note(ctx, r.cluster, claim); noted != nil {
			err = errors.Join(err, fmt.Errorf("the refusal could not be noted, so the replay is pending: %w", noted))
		}
		return doneLine{}, fmt.Errorf("the broker rejects the record: %w", err)
	}
	as := clickhouse.Place{Topic: record.Topic, ID: pipeline.TopicID(topics[record.Topic].ID), Partition: record.Partition, Offset: record.Offset}
	return doneLine{p.String(), clickhouse.Replaying, as.String(), claim.Attempt, hex.EncodeToString(claim.SHA256[:])}, nil
}

// record returns the record to produce: the stored one, or one with replacement as
// its value, and the header that names the dead letter. A dead letter that is itself
// a replay has such a header already; record drops it, because the dead letter's own
// row keeps that link.
func (r *replayer) record(ctx context.Context, p clickhouse.Place, replacement []byte) (*kgo.Record, error) {
	held, err := r.sink.Record(ctx, r.cluster, p)
	if err != nil {
		return nil, err
	}
	record := &kgo.Record{Topic: p.Topic, Partition: p.Partition, Key: held.Key, Value: held.Raw}
	if replacement != nil {
		record.Value = replacement
	}
	for _, h := range held.Headers {
		if h.Key != clickhouse.ReplayHeader {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
	}
	record.Headers = append(record.Headers, kgo.RecordHeader{Key: clickhouse.ReplayHeader, Value: []byte(p.In(r.cluster))})
	return record, nil
}

// produce sends the record and waits for every in-sync replica.
func (r *replayer) produce(ctx context.Context, record *kgo.Record) error {
	err := r.client.ProduceSync(ctx, record).FirstErr()
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fmt.Errorf("%w. With the header that names the dead letter, the record is larger than max.message.bytes of topic %s: raise that setting", err, record.Topic)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("%w. Grant WRITE on topic %s", err, record.Topic)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%w. Topic %s has no partition %d any more", err, record.Topic, record.Partition)
	}
	return err
}

// final reports whether an error of producing proves that the record is in no
// partition and will not arrive in one. Any other error leaves that open.
func final(err error) bool {
	for _, code := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.UnknownTopicOrPartition, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation, kerr.UnsupportedForMessageFormat} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
