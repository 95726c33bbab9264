package pipeline

import (
	"crypto/sha256"
	"fmt"
	"time"

	"tocsin/rules"
	"tocsin/rules/event"
)

// Batch is a contiguous range of one Kafka partition, judged: the unit of the
// intent, of the insert and of the replay.
type Batch struct {
	Cluster   string // name of the Kafka cluster, from the configuration
	Topic     string
	Partition int32
	First     int64 // offset of the first record
	Last      int64 // offset of the last record
	// At is the Kafka timestamp of the first record, in whole milliseconds
	// UTC. The ClickHouse partition is a function of it, so a replay of the
	// batch lands in the same one.
	At       time.Time
	Digest   string // of the rules that judged it
	Calendar string // version of the calendars that dated it
	Rows     []Row  // one for each record, in offset order
	// Declared is when the group last acknowledged the intent to store the
	// batch, and IntentTTL how long that is good for; see Late.
	Declared  time.Time
	IntentTTL time.Duration
}

// Late reports whether the batch may no longer be stored under its intent: the
// worker was away for so long (a stopped process, a machine that slept) that
// another may have stored it, and so much else that the token is forgotten.
// A batch that was never declared is never late.
//
// Both clocks are asked. The monotonic one stands still while a machine
// sleeps; the wall clock may be set back.
func (b *Batch) Late(now time.Time) bool {
	if b.Declared.IsZero() {
		return false
	}
	return now.Sub(b.Declared) >= b.IntentTTL || now.Round(0).Sub(b.Declared.Round(0)) >= b.IntentTTL
}

// Token identifies the batch's insert: ClickHouse drops a second insert with
// the same token.
func (b *Batch) Token() string {
	return fmt.Sprintf("%s/%s/%d/%d-%d", b.Cluster, b.Topic, b.Partition, b.First, b.Last)
}

// Header is one header of a Kafka record.
type Header struct {
	Key   string
	Value []byte
}

// Hash is a SHA-256.
type Hash = [sha256.Size]byte

// Row is one Kafka record and what became of it: an event with its verdicts,
// or a dead letter. Key, Raw and the texts of Event alias the fetched bytes.
type Row struct {
	Offset    int64
	Timestamp time.Time // Kafka's, in whole milliseconds UTC
	Key       []byte
	Headers   []Header
	Raw       []byte // value of the record
	Tombstone bool   // the record had no value at all
	RawHash   Hash
	Chain     Hash         // see link, in chain.go
	Event     *event.Event // nil for a dead letter and a tombstone
	Failure   *event.Failure
	Verdicts  []rules.Verdict
}

// Alert is the message that puts one candidate before people.
type Alert struct {
	Topic     string
	Partition int32
	Offset    int64
	Observed  time.Time // Kafka timestamp of the record
	Digest    string
	Event     *event.Event
	Verdict   rules.Verdict // its Finding is set
}

// Alerts returns the alerts of the batch's candidates, in offset order and,
// within one record, in rule order.
func (b *Batch) Alerts() []Alert {
	var alerts []Alert
	for i := range b.Rows {
		row := &b.Rows[i]
		for _, v := range row.Verdicts {
			if v.Candidate() {
				alerts = append(alerts, Alert{b.Topic, b.Partition, row.Offset, row.Timestamp, b.Digest, row.Event, v})
			}
		}
	}
	return alerts
}
