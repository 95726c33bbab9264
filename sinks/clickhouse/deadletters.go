package clickhouse

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/pipeline"
	"tocsin/rules/event"
)

// Place is where a record stands in a Kafka cluster.
type Place struct {
	Topic     string
	Partition int32
	Offset    int64
}

// String returns topic/partition/offset, as the view dead_letters writes it.
func (p Place) String() string { return fmt.Sprintf("%s/%d/%d", p.Topic, p.Partition, p.Offset) }

// In returns the place as the header of a replay and the column replay_of have
// it: cluster/topic/partition/offset.
func (p Place) In(cluster string) string { return cluster + "/" + p.String() }

// Status is what became of a dead letter. It is never stored: it follows from
// the rows of its replays and from what operators noted, so it cannot disagree
// with them.
type Status string

// The statuses. A replay that is stored as an event settles a dead letter
// whatever else is noted, and a discard settles it otherwise.
const (
	StatusOpen        Status = "open"
	StatusPending     Status = "pending"      // a replay is noted and has no row yet
	StatusFailedAgain Status = "failed_again" // its replay is a dead letter too, and that one is open
	StatusReplayed    Status = "replayed"
	StatusDiscarded   Status = "discarded"
)

// DeadLetter is a record that is no event, without its bytes.
type DeadLetter struct {
	Place
	At         time.Time // Kafka timestamp, UTC
	Stored     time.Time // when its row was stored, UTC
	Failure    event.Failure
	Size       uint64        // bytes of its value
	SHA256     pipeline.Hash // of its value
	ReplayOf   string        // where it is itself a replay: cluster/topic/partition/offset of the dead letter; else empty
	Status     Status
	ReplayedAs string // topic/partition/offset of its replay's row; empty where there is none
}

// LetterFilter chooses dead letters. The zero value chooses all.
type LetterFilter struct {
	Topic       string
	Partition   *int32
	Offset      *int64
	Stage, Code string    // of the failure
	From, To    time.Time // Kafka timestamps, From included and To not
	Statuses    []Status  // empty: any
	Limit       int       // 0: no limit
}

// where is the condition and its values.
func (f *LetterFilter) where(cluster string) (string, []any) {
	conditions, values := []string{"cluster = $1"}, []any{cluster}
	add := func(given bool, condition string, value any) {
		if given {
			values = append(values, value)
			conditions = append(conditions, fmt.Sprintf("%s $%d", condition, len(values)))
		}
	}
	add(f.Topic != "", "topic =", f.Topic)
	if f.Partition != nil {
		add(true, "partition =", *f.Partition)
	}
	if f.Offset != nil {
		add(true, "offset =", *f.Offset)
	}
	add(f.Stage != "", "failure_stage =", f.Stage)
	add(f.Code != "", "failure_code =", f.Code)
	// Whole milliseconds, as Kafka has them: a time as a value of a query would
	// be cut to seconds.
	add(!f.From.IsZero(), "toUnixTimestamp64Milli(kafka_timestamp) >=", f.From.UnixMilli())
	add(!f.To.IsZero(), "toUnixTimestamp64Milli(kafka_timestamp) <", f.To.UnixMilli())
	var any []string
	for _, status := range f.Statuses {
		values = append(values, string(status))
		any = append(any, fmt.Sprintf("status = $%d", len(values)))
	}
	if any != nil {
		conditions = append(conditions, "("+strings.Join(any, " OR ")+")")
	}
	return strings.Join(conditions, " AND "), values
}

// DeadLetters returns the dead letters of a Kafka cluster that the filter
// chooses, by topic, partition and offset. Errors are as for Store.
func (s *Sink) DeadLetters(ctx context.Context, cluster string, f LetterFilter) (all []DeadLetter, err error) {
	condition, values := f.where(cluster)
	query := `SELECT topic, partition, offset, kafka_timestamp, stored_at, failure_stage, failure_code, failure_field, ifNull(failure_offset, -1),
		failure_detail, length(raw), raw_sha256, replay_of, status, replayed_as FROM dead_letters WHERE ` + condition + ` ORDER BY topic, partition, offset`
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	rows, err := s.conn.Query(ctx, query, values...)
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		var d DeadLetter
		var at int64
		var sum, status string
		if err := rows.Scan(&d.Topic, &d.Partition, &d.Offset, &d.At, &d.Stored, &d.Failure.Stage, &d.Failure.Code, &d.Failure.Field, &at,
			&d.Failure.Detail, &d.Size, &sum, &d.ReplayOf, &status, &d.ReplayedAs); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		d.Failure.Offset, d.Status = int(at), Status(status)
		copy(d.SHA256[:], sum)
		all = append(all, d)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// ErrNoDeadLetter is returned for a place that holds none.
var ErrNoDeadLetter = errors.New("it is no dead letter")

// DeadLetter returns the dead letter at a place. Where there is none the error
// is ErrNoDeadLetter and says what is there instead; otherwise errors are as for
// Store.
func (s *Sink) DeadLetter(ctx context.Context, cluster string, p Place) (DeadLetter, error) {
	found, err := s.DeadLetters(ctx, cluster, LetterFilter{Topic: p.Topic, Partition: &p.Partition, Offset: &p.Offset})
	if err != nil {
		return DeadLetter{}, err
	}
	if len(found) > 0 {
		return found[0], nil
	}
	var rows uint64
	err = s.conn.QueryRow(ctx, `SELECT count() FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4`,
		cluster, p.Topic, p.Partition, p.Offset).Scan(&rows)
	switch {
	case err != nil:
		return DeadLetter{}, classified(ctx, err)
	case rows > 0:
		return DeadLetter{}, fmt.Errorf("%s: %w: the row is an event, or a tombstone", p, ErrNoDeadLetter)
	}
	return DeadLetter{}, fmt.Errorf("%s: %w: cluster %s has no row of that place; tocsin deadletters list shows those there are, and a worker may not have come to it yet", p, ErrNoDeadLetter, cluster)
}

// Record is what Kafka was given for a dead letter.
type Record struct {
	Key     []byte // no key and a key of no bytes are one to ClickHouse: nil
	Headers []pipeline.Header
	Raw     []byte // the value; never nil, as a tombstone is no dead letter
}

// Record returns the record of a dead letter. Bytes that are no longer those
// that were stored are an error; otherwise errors are as for Store.
func (s *Sink) Record(ctx context.Context, cluster string, p Place) (Record, error) {
	var r Record
	var key, raw, sum string
	var names, values []string
	// The condition on event_type is the view's: the key of the table.
	err := s.conn.QueryRow(ctx, `SELECT key, headers.name, headers.value, raw, raw_sha256 FROM events
		WHERE event_type = '' AND failure_stage != '' AND cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4 LIMIT 1`,
		cluster, p.Topic, p.Partition, p.Offset).Scan(&key, &names, &values, &raw, &sum)
	if err != nil {
		return r, classified(ctx, err)
	}
	r.Raw = []byte(raw)
	if held := sha256.Sum256(r.Raw); string(held[:]) != sum {
		return r, fmt.Errorf("clickhouse: %s: raw has SHA-256 %x and raw_sha256 says %x: the row was altered after it was stored; tocsin audit says what else was", p, held, sum)
	}
	if key != "" {
		r.Key = []byte(key)
	}
	for i := range names {
		r.Headers = append(r.Headers, pipeline.Header{Key: names[i], Value: []byte(values[i])})
	}
	return r, nil
}

// Replay is a row that is the replay of a dead letter.
type Replay struct {
	Place
	At      time.Time      // Kafka timestamp, UTC
	Failure *event.Failure // nil: it is an event
}

// Replays returns the rows that are replays of the dead letter at a place, in
// the order of their Kafka timestamps. Errors are as for Store.
func (s *Sink) Replays(ctx context.Context, cluster string, p Place) (all []Replay, err error) {
	rows, err := s.conn.Query(ctx, `SELECT topic, partition, offset, kafka_timestamp, failure_stage, failure_code, failure_field, ifNull(failure_offset, -1), failure_detail
		FROM events WHERE replay_of = $1 ORDER BY kafka_timestamp, topic, partition, offset`, p.In(cluster))
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		var r Replay
		var f event.Failure
		var at int64
		if err := rows.Scan(&r.Topic, &r.Partition, &r.Offset, &r.At, &f.Stage, &f.Code, &f.Field, &at, &f.Detail); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		if f.Offset = int(at); f.Stage != "" {
			r.Failure = &f
		}
		all = append(all, r)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}
