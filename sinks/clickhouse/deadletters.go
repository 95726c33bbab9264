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

// Status is the state of a dead letter. It is never stored: it follows from the
// rows of the replays and from the dispositions, so it cannot disagree with them.
type Status string

// The statuses. A replay that is stored as an event settles a dead letter. Without
// one, a discard settles it.
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
	At         time.Time // Kafka timestamp, UTC; zero where it counts as absent
	Stored     time.Time // when its row was stored, UTC
	Failure    event.Failure
	Size       uint64        // bytes of its value
	SHA256     pipeline.Hash // of its value; of its producer's batch when that was never unpacked
	ReplayOf   string        // for a dead letter that is itself a replay: cluster and place of the first one; else empty
	Status     Status
	ReplayedAs string // the place of its replay's row; empty where there is none
}

// LetterFilter selects dead letters. The zero value selects all.
type LetterFilter struct {
	Topic       string
	ID          *pipeline.TopicID
	Partition   *int32
	Offset      *int64
	Stage, Code string    // of the failure
	From, To    time.Time // Kafka timestamps, From included and To not
	Statuses    []Status  // empty: any
	Limit       int       // 0: no limit
}

// where returns the condition and its values.
func (f *LetterFilter) where(cluster string) (string, []any) {
	conditions, values := []string{"cluster = $1"}, []any{cluster}
	add := func(given bool, condition string, value any) {
		if given {
			values = append(values, value)
			conditions = append(conditions, fmt.Sprintf("%s $%d", condition, len(values)))
		}
	}
	add(f.Topic != "", "topic =", f.Topic)
	if f.ID != nil {
		add(true, "topic_id =", f.ID.String())
	}
	if f.Partition != nil {
		add(true, "partition =", *f.Partition)
	}
	if f.Offset != nil {
		add(true, "offset =", *f.Offset)
	}
	add(f.Stage != "", "failure_stage =", f.Stage)
	add(f.Code != "", "failure_code =", f.Code)
	// In milliseconds, as Kafka has them: the driver cuts a time in a query to
	// seconds.
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
// selects, by topic, its id, partition and offset. Errors are as for Store.
func (s *Sink) DeadLetters(ctx context.Context, cluster string, f LetterFilter) (all []DeadLetter, err error) {
	condition, values := f.where(cluster)
	query := `SELECT topic, topic_id, partition, offset, kafka_timestamp, stored_at, failure_stage, failure_code, failure_field, ifNull(failure_offset, -1),
		failure_detail, length(raw), raw_sha256, replay_of, status, replayed_as FROM dead_letters WHERE ` + condition + ` ORDER BY topic, topic_id, partition, offset`
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
		var id, sum, status string
		var sent *time.Time
		if err := rows.Scan(&d.Topic, &id, &d.Partition, &d.Offset, &sent, &d.Stored, &d.Failure.Stage, &d.Failure.Code, &d.Failure.Field, &at,
			&d.Failure.Detail, &d.Size, &sum, &d.ReplayOf, &status, &d.ReplayedAs); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		if d.ID, err = topicID(id); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		if d.Failure.Offset, d.Status = int(at), Status(status); sent != nil {
			d.At = *sent
		}
		copy(d.SHA256[:], sum)
		all = append(all, d)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// ErrNoDeadLetter is returned for a place that holds no dead letter.
var ErrNoDeadLetter = errors.New("it is no dead letter")

// Find returns the dead letter that a person names. Where there is none the error is
// ErrNoDeadLetter and names what the place holds instead. Where several logs have one
// it is ErrSeveral and names them. Other errors are as for Store.
func (s *Sink) Find(ctx context.Context, cluster string, n Named) (DeadLetter, error) {
	filter := LetterFilter{Topic: n.Topic, Partition: &n.Partition, Offset: &n.Offset}
	if n.Whole {
		filter.ID = &n.ID
	}
	all, err := s.DeadLetters(ctx, cluster, filter)
	if err != nil {
		return DeadLetter{}, err
	}
	switch len(all) {
	case 0:
		return DeadLetter{}, s.noDeadLetter(ctx, cluster, n)
	case 1:
		return all[0], nil
	}
	var each []found
	for _, d := range all {
		each = append(each, found{d.Place, d.At})
	}
	return DeadLetter{}, several(n, each)
}

// DeadLetter returns the dead letter at a place. Errors are as for Find.
func (s *Sink) DeadLetter(ctx context.Context, cluster string, p Place) (DeadLetter, error) {
	return s.Find(ctx, cluster, Named{p, true})
}

func (s *Sink) noDeadLetter(ctx context.Context, cluster string, n Named) error {
	rows, err := s.records(ctx, cluster, n)
	switch {
	case err != nil:
		return err
	case len(rows) > 0:
		return fmt.Errorf("%s: %w: the row is an event, or a tombstone", n.Place, ErrNoDeadLetter)
	}
	return fmt.Errorf("%s: %w: cluster %s has no row of that place; tocsin deadletters list shows those there are, and a worker may not have come to it yet", n.Place, ErrNoDeadLetter, cluster)
}

// Record is the Kafka record of a dead letter.
type Record struct {
	Key     []byte // nil without a key; ClickHouse does not distinguish an empty key
	Headers []pipeline.Header
	Raw     []byte // the value; never nil, as a tombstone is no dead letter
	// Packed reports that the record's batch was never unpacked: nothing of the record
	// is stored.
	Packed bool
}

// Record returns the record of a dead letter. Bytes that were altered after they
// were stored are an error. Other errors are as for Store.
func (s *Sink) Record(ctx context.Context, cluster string, p Place) (Record, error) {
	var r Record
	var key, raw, sum string
	var names, values []string
	// The condition on event_type, as in the view, lets the table's key find it.
	err := s.conn.QueryRow(ctx, `SELECT key, headers.name, headers.value, raw, raw_sha256, failure_stage = '`+pipeline.StageUnpack+`' FROM events
		WHERE event_type = '' AND failure_stage != '' AND `+atPlace+` LIMIT 1`, p.in(cluster)...).Scan(&key, &names, &values, &raw, &sum, &r.Packed)
	if err != nil {
		return r, classified(ctx, err)
	}
	r.Raw = []byte(raw)
	if held := sha256.Sum256(r.Raw); !r.Packed && string(held[:]) != sum {
		return r, fmt.Errorf("clickhouse: %s: raw has SHA-256 %x and raw_sha256 is %x: the row was altered after it was stored; tocsin audit finds what else was", p, held, sum)
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
	At      time.Time      // Kafka timestamp, UTC; zero where it counts as absent
	Failure *event.Failure // nil: it is an event
}

// Replays returns the rows that are replays of the dead letter at a place, in
// the order of their Kafka timestamps. Errors are as for Store.
func (s *Sink) Replays(ctx context.Context, cluster string, p Place) (all []Replay, err error) {
	rows, err := s.conn.Query(ctx, `SELECT topic, topic_id, partition, offset, kafka_timestamp, failure_stage, failure_code, failure_field, ifNull(failure_offset, -1), failure_detail
		FROM events WHERE replay_of = $1 ORDER BY kafka_millis, topic, topic_id, partition, offset`, p.In(cluster))
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		var r Replay
		var f event.Failure
		var id string
		var at int64
		var sent *time.Time
		if err := rows.Scan(&r.Topic, &id, &r.Partition, &r.Offset, &sent, &f.Stage, &f.Code, &f.Field, &at, &f.Detail); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		if r.ID, err = topicID(id); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		if f.Offset = int(at); f.Stage != "" {
			r.Failure = &f
		}
		if sent != nil {
			r.At = *sent
		}
		all = append(all, r)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}
