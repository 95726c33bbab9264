package pipeline

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"time"

	"tocsin/rules"
	"tocsin/rules/event"
)

// Batch is a contiguous range of one Kafka partition, judged. It is the unit of
// the intent, of the insert and of the replay.
type Batch struct {
	Cluster   string // name of the Kafka cluster, from the configuration
	Topic     string
	TopicID   TopicID
	Partition int32
	First     int64 // offset of the first record
	Last      int64 // offset of the last record
	// At is the Kafka timestamp of the first record, in whole milliseconds
	// UTC. It determines the ClickHouse partition, so a replay of the batch
	// lands in the same one. Producers write what they like there.
	At       time.Time
	Digest   string // of the rules that judged it
	Calendar string // version of the calendars that counted its deadlines
	// MaxBytes is the worker's limit of a record's value. A larger one is a dead
	// letter. 0 is the decoder's default.
	MaxBytes int
	// Number is how many tokens of the batch the store remembers without their
	// rows; see lost.go.
	Number int
	Rows   []Row // one for each record, in offset order
	// Repaired marks a batch that tocsin repair stores in the place of lost rows. Its
	// rows may be some of a batch of which others are left; Whole is then the number
	// of rows of that batch, otherwise 0, and First, Last and At are those of it.
	Repaired bool
	Whole    int
	// Declared is when the last acknowledged intent of the batch was sent, and
	// IntentTTL how long it is valid; see Late.
	Declared  time.Time
	IntentTTL time.Duration
}

// Late reports whether the intent of the batch has expired. After so long a pause
// (a stopped process, a machine asleep) another worker may have stored the batch,
// and the store may have forgotten its token, so the batch must not be stored
// under this intent. A batch that was never declared is never late.
//
// Late checks both clocks: the monotonic clock stands still while a machine sleeps,
// and the wall clock may be set back.
func (b *Batch) Late(now time.Time) bool {
	if b.Declared.IsZero() {
		return false
	}
	return now.Sub(b.Declared) >= b.IntentTTL || now.Round(0).Sub(b.Declared.Round(0)) >= b.IntentTTL
}

// overtaken replaces an error that would stop the worker by ErrLate when the
// intent of the batch has expired. Another group does not know the intent, and may
// have stored the records in other batches. The batch is declared again; an error
// that persists under the new intent stops the worker.
func (b *Batch) overtaken(err error) error {
	if _, waits := Waiting(err); err != nil && !waits && !errors.Is(err, ErrLost) && b.Late(time.Now()) {
		return ErrLate
	}
	return err
}

// Log returns the log of the batch's records.
func (b *Batch) Log() Log { return Log{b.Cluster, b.Topic, b.TopicID, b.Partition} }

// Token identifies the insert of the batch: ClickHouse drops a second insert with
// the same token. The second token of a batch ends in /2.
func (b *Batch) Token() string {
	token := b.Cluster + "/" + b.Topic
	if b.TopicID != (TopicID{}) {
		token += "/" + b.TopicID.String()
	}
	token += fmt.Sprintf("/%d/%d-%d", b.Partition, b.First, b.Last)
	if b.Repaired && len(b.Rows) > 0 {
		token += fmt.Sprintf("/repair-%d-%d", b.Rows[0].Offset, b.Rows[len(b.Rows)-1].Offset)
	}
	if b.Number > 0 {
		token += fmt.Sprintf("/%d", b.Number+1)
	}
	return token
}

// Size is the number of rows that the batch has in the store.
func (b *Batch) Size() int { return max(b.Whole, len(b.Rows)) }

// Header is one header of a Kafka record.
type Header struct {
	Key   string
	Value []byte
}

// EachHeader iterates over headers, for an event.Decoder.
func EachHeader(headers []Header) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := range headers {
			if !yield(headers[i].Key, headers[i].Value) {
				return
			}
		}
	}
}

// Hash is a SHA-256.
type Hash = [sha256.Size]byte

// Row is one Kafka record with its outcome: an event with verdicts, a dead letter
// or a tombstone. Key, Raw and the texts of Event alias the fetched bytes.
type Row struct {
	Offset    int64
	Timestamp time.Time // whole milliseconds UTC, as Kafka sent them: see rules.Observed
	Key       []byte
	Headers   []Header
	Raw       []byte       // value of the record
	Tombstone bool         // the record had no value at all
	RawHash   Hash         // SHA-256 of Raw; of the producer's batch if that was never unpacked (StageUnpack)
	Judged    Hash         // of the judgement, see judgement.go
	Chain     Hash         // see link, in chain.go
	Event     *event.Event // nil for a dead letter and a tombstone
	Failure   *event.Failure
	Verdicts  []rules.Verdict
}

// Alert is the message about one candidate.
type Alert struct {
	Topic     string
	TopicID   TopicID
	Partition int32
	Offset    int64
	Observed  time.Time // Kafka timestamp of the record; zero where it counts as absent
	Digest    string
	Event     *event.Event
	Verdict   rules.Verdict // its Finding is set
}

// Alerts returns the alerts of the batch's candidates, in offset order and,
// within one record, in rule order.
func (b *Batch) Alerts() []Alert { return b.alerts(0, len(b.Rows)) }

// alerts returns the alerts of some rows.
func (b *Batch) alerts(from, to int) (alerts []Alert) {
	for i := range b.Rows[from:to] {
		row := &b.Rows[from+i]
		for _, v := range row.Verdicts {
			if v.Candidate() {
				alerts = append(alerts, Alert{b.Topic, b.TopicID, b.Partition, row.Offset, rules.Observed(row.Timestamp), b.Digest, row.Event, v})
			}
		}
	}
	return alerts
}
