package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/sinks/clickhouse"
)

// A replay is one record in Kafka, however the command ends and however often
// it is called:
//
//  1. It is noted in ClickHouse, then produced. So what was produced was noted,
//     and a dead letter without a note was not replayed by this command.
//  2. The notes are read before the status. An attempt noted before that shows
//     in the status, as pending or by its row; one noted later has the number
//     that ours has, and of two notes of one number ClickHouse keeps the first
//     (Sink.Claim). So of two who replay at once one produces.
//  3. The producer is idempotent: its retries make no second record.
//  4. What became of it is told by its row, which names the dead letter in a
//     header of the record itself, and never by a note made after producing:
//     that one could be missing. A command that dies between the note and the
//     record, or before it learns of the acknowledgement, leaves the dead letter
//     pending. That is not open: the next replay refuses, says what Kafka and
//     ClickHouse know of it, and sends only on --again.
//  5. Only a broker's refusal that is final takes a note back (see final).
//
// Rejected: noting after producing, which doubles when the note is lost; a
// transaction, whose markers take offsets and would show as skipped in the view
// completeness.

const (
	// deliveryTimeout bounds the producing of one record.
	deliveryTimeout = 30 * time.Second
	// sendTimeout bounds all that is done about one record.
	sendTimeout = 2 * time.Minute
	// progressEvery is how often a long replay says how far it is.
	progressEvery = 5 * time.Second
)

// replayer produces dead letters again.
type replayer struct {
	*letters
	sink   *clickhouse.Sink
	client *kgo.Client
}

// newReplayer does not connect yet.
func newReplayer(l *letters, sink *clickhouse.Sink, k *kafkaConfig) (*replayer, error) {
	client, err := kgo.NewClient(append(k.client(),
		kgo.RequiredAcks(kgo.AllISRAcks()), // idempotent, as is the default
		// The record goes to the partition that it came from, whatever its
		// producer chose partitions by: what has its key stays together.
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		// One record is one batch; how large it may be, the topic decides.
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

// doneLine is what was done about one dead letter, as JSON.
type doneLine struct {
	Place      string            `json:"place"`
	Action     clickhouse.Action `json:"action"`
	ReplayedAs string            `json:"replayed_as,omitempty"`
	Attempt    uint32            `json:"attempt,omitempty"`
	SHA256     string            `json:"sha256,omitempty"` // of the bytes that were produced
}

func (l *letters) printDone(d doneLine) error {
	if l.asJSON {
		return l.printJSON(d)
	}
	text := d.Place + " is set aside"
	if d.ReplayedAs != "" {
		text = d.Place + " is sent again, as " + d.ReplayedAs
	}
	_, err := fmt.Fprintln(l.stdout, text)
	return err
}

// replay produces the chosen dead letters, one after the other. When one fails
// the rest is left alone: what failed it is likely to fail them.
func (r *replayer) replay(ctx context.Context) error {
	mended, err := r.mended()
	if err != nil {
		return err
	}
	chosen, err := r.choose(ctx, r.sink, func(d *clickhouse.DeadLetter) error { return r.refuse(ctx, d) })
	if err != nil || len(chosen) == 0 {
		return err
	}
	said := time.Now()
	for n, d := range chosen {
		if ctx.Err() != nil {
			return fmt.Errorf("stopped after %d of %d; the rest is as it was", n, len(chosen))
		}
		if time.Since(said) > progressEvery {
			said = time.Now()
			fmt.Fprintf(r.stderr, "tocsin deadletters: %d of %d are sent again\n", n, len(chosen))
		}
		// What has begun is finished: half of it would be a doubt.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendTimeout)
		done, err := r.send(bounded, d.Place, mended)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w\n%d of %d were sent again; those after it are as they were", d.Place, err, n, len(chosen))
		}
		if err := r.printDone(done); err != nil {
			return err
		}
	}
	return nil
}

// mended is the content of --file; nil without it.
func (r *replayer) mended() (value []byte, err error) {
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
		return nil, fmt.Errorf("--file %s is empty, and no event is: give the mended bytes", r.file)
	}
	return value, nil
}

// refuse returns why a dead letter is not to be replayed.
func (r *replayer) refuse(ctx context.Context, d *clickhouse.DeadLetter) error {
	if !slices.Contains(r.topics, d.Topic) {
		return fmt.Errorf("%s: no worker of this configuration reads topic %s, so its replay would get no row; add the topic to kafka.topics", d.Place, d.Topic)
	}
	switch {
	case r.again || d.Status == clickhouse.StatusOpen:
		return nil
	case d.Status == clickhouse.StatusReplayed:
		return fmt.Errorf("%s was replayed as %s, which is an event; --again sends it once more", d.Place, d.ReplayedAs)
	case d.Status == clickhouse.StatusFailedAgain:
		return fmt.Errorf("%s was replayed as %s, which is a dead letter too: replay that one; --again sends this one once more", d.Place, d.ReplayedAs)
	case d.Status == clickhouse.StatusDiscarded:
		return fmt.Errorf("%s is discarded; tocsin deadletters show %[1]s says by whom and why; --again sends it nevertheless", d.Place)
	}
	says, err := r.doubt(ctx, d.Place)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s has a replay already, and that has no row: %s", d.Place, says)
}

// doubt says what is known of a replay that is noted and has no row. The order
// counts: what the partition held first, and then what is stored, so that a
// record which came between is not taken for one that never came.
func (r *replayer) doubt(ctx context.Context, p clickhouse.Place) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	ends, err := kadm.NewClient(r.client).ListEndOffsets(ctx, p.Topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return "", fmt.Errorf("kafka: the end of %s cannot be read, so nothing can be said of the replay of %s: %w. Grant DESCRIBE on the topic", p.Topic, p, err)
	}
	end, _ := ends.Lookup(p.Topic, p.Partition)
	d, err := r.sink.DeadLetter(ctx, r.cluster, p)
	if err != nil {
		return "", err
	}
	if d.Status != clickhouse.StatusPending {
		return fmt.Sprintf("it has just got one and is %s now", d.Status), nil
	}
	tail, stored, err := r.sink.Tail(ctx, r.cluster, p.Topic, p.Partition)
	if err != nil {
		return "", err
	}
	next := int64(0)
	if stored {
		next = tail.Last + 1
	}
	if next < end.Offset {
		return fmt.Sprintf("%d offsets of its partition are not stored yet, and it may be among them: wait for the workers and look again; --again sends one more", end.Offset-next), nil
	}
	return "all that Kafka holds of its partition is stored, so it was never produced, unless the command that noted it still runs; --again sends it", nil
}

// send notes and produces one.
func (r *replayer) send(ctx context.Context, p clickhouse.Place, mended []byte) (doneLine, error) {
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
	if err := r.refuse(ctx, &d); err != nil {
		return doneLine{}, err
	}
	record, err := r.record(ctx, p, mended)
	if err != nil {
		return doneLine{}, err
	}
	claim.SHA256 = sha256.Sum256(record.Value)
	if err := r.sink.Claim(ctx, r.cluster, claim); err != nil {
		return doneLine{}, err
	}
	if err := r.produce(ctx, record); err != nil {
		if !final(err) {
			return doneLine{}, fmt.Errorf("whether it was produced is not known: %w. It is noted as pending; tocsin deadletters show %s says later what became of it", err, p)
		}
		claim.Action, claim.Reason = clickhouse.Refused, err.Error()
		if noted := r.sink.Note(ctx, r.cluster, claim); noted != nil {
			err = errors.Join(err, fmt.Errorf("and that it was not produced could not be noted, so it is pending: %w", noted))
		}
		return doneLine{}, fmt.Errorf("the broker does not take it: %w", err)
	}
	as := clickhouse.Place{Topic: record.Topic, Partition: record.Partition, Offset: record.Offset}
	return doneLine{p.String(), clickhouse.Replaying, as.String(), claim.Attempt, hex.EncodeToString(claim.SHA256[:])}, nil
}

// record is what is produced: the record as it was, or with mended bytes, and
// the header that names the dead letter. A dead letter that is itself a replay
// names another one already; that link is in its own row.
func (r *replayer) record(ctx context.Context, p clickhouse.Place, mended []byte) (*kgo.Record, error) {
	held, err := r.sink.Record(ctx, r.cluster, p)
	if err != nil {
		return nil, err
	}
	record := &kgo.Record{Topic: p.Topic, Partition: p.Partition, Key: held.Key, Value: held.Raw}
	if mended != nil {
		record.Value = mended
	}
	for _, h := range held.Headers {
		if h.Key != clickhouse.ReplayHeader {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
	}
	record.Headers = append(record.Headers, kgo.RecordHeader{Key: clickhouse.ReplayHeader, Value: []byte(p.In(r.cluster))})
	return record, nil
}

// produce waits for every in-sync replica.
func (r *replayer) produce(ctx context.Context, record *kgo.Record) error {
	err := r.client.ProduceSync(ctx, record).FirstErr()
	switch {
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge):
		return fmt.Errorf("%w. With the header that names the dead letter it is larger than max.message.bytes of topic %s: raise that", err, record.Topic)
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed):
		return fmt.Errorf("%w. Grant WRITE on topic %s", err, record.Topic)
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return fmt.Errorf("%w. Topic %s has no partition %d any more", err, record.Topic, record.Partition)
	}
	return err
}

// final reports whether an error of producing says that the record is in no
// partition and will not come there. Every other one leaves it open.
func final(err error) bool {
	for _, code := range []error{kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.UnknownTopicOrPartition, kerr.InvalidRecord, kerr.InvalidTimestamp, kerr.PolicyViolation, kerr.UnsupportedForMessageFormat} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
