package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/pipeline"
)

// errNoPack is why LoadPack can fail for good.
var errNoPack = errors.New("no worker has kept them in the table packs: they were judged by in another database, or the row was deleted; " +
	"restore the row, or start a worker of the release and with the pack that has this digest once, which keeps it")

// Watermark is how far a partition is stored.
type Watermark struct {
	Topic     string
	Partition int32
	Offset    int64 // of the last row
}

// Watermarks returns the last stored offset of each partition of a Kafka
// cluster, by topic and partition. It is where to begin when the group's
// offsets are lost. Errors are as for Store.
func (s *Sink) Watermarks(ctx context.Context, cluster string) (all []Watermark, err error) {
	rows, err := s.conn.Query(ctx, `SELECT topic, partition, max(offset) FROM events WHERE cluster = $1 GROUP BY ALL ORDER BY ALL`, cluster)
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		var w Watermark
		if err := rows.Scan(&w.Topic, &w.Partition, &w.Offset); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		all = append(all, w)
	}
	return all, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// Rows returns how many rows are stored of the offsets first to last of a
// partition. Errors are as for Store.
func (s *Sink) Rows(ctx context.Context, cluster, topic string, partition int32, first, last int64) (n uint64, err error) {
	err = s.conn.QueryRow(ctx, `SELECT count() FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset BETWEEN $4 AND $5`,
		cluster, topic, partition, first, last).Scan(&n)
	return n, classified(ctx, err)
}

// SavePack keeps a pack under the digest of its rules. A digest that is there
// already is left as it is. Errors are as for Store.
func (s *Sink) SavePack(ctx context.Context, digest, id string, archive []byte) error {
	if _, err := s.LoadPack(ctx, digest); !errors.Is(err, errNoPack) {
		return err // nil: it is there
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate": 1, "insert_deduplication_token": digest, "async_insert": 0,
	}))
	insert, err := s.conn.PrepareBatch(ctx, `INSERT INTO packs (digest, id, archive)`)
	if err != nil {
		return classified(ctx, err)
	}
	if err := insert.Append(digest, id, archive); err != nil {
		return classified(ctx, errors.Join(err, insert.Abort()))
	}
	return classified(ctx, insert.Send())
}

// LoadPack returns the pack kept under a digest. That there is none is an
// error that stops the worker; otherwise errors are as for Store.
func (s *Sink) LoadPack(ctx context.Context, digest string) ([]byte, error) {
	rows, err := s.conn.Query(ctx, `SELECT archive FROM packs WHERE digest = $1 LIMIT 1`, digest)
	if err != nil {
		return nil, classified(ctx, err)
	}
	var archive string
	found := rows.Next()
	if found {
		err = rows.Scan(&archive)
	}
	if err := classified(ctx, errors.Join(err, rows.Err(), rows.Close())); err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("clickhouse: rules %s: %w", digest, errNoPack)
	}
	return []byte(archive), nil
}

// Record is a record as it is kept.
type Record struct {
	Timestamp time.Time // Kafka's, in whole milliseconds
	Headers   []pipeline.Header
	Raw       []byte
	Tombstone bool
	Digest    string // of the rules it was judged by
}

// Record returns the record at an offset, and false when it is not there.
// Errors are as for Store.
func (s *Sink) Record(ctx context.Context, cluster, topic string, partition int32, offset int64) (r Record, found bool, err error) {
	rows, err := s.conn.Query(ctx, "SELECT toUnixTimestamp64Milli(kafka_timestamp), `headers.name`, `headers.value`, raw, tombstone, toString(rules_digest)"+
		" FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4 LIMIT 1", cluster, topic, partition, offset)
	if err != nil {
		return r, false, classified(ctx, err)
	}
	var ms int64
	var names, values []string
	var raw string
	if found = rows.Next(); found {
		err = rows.Scan(&ms, &names, &values, &raw, &r.Tombstone, &r.Digest)
	}
	if err := classified(ctx, errors.Join(err, rows.Err(), rows.Close())); err != nil {
		return r, false, err
	}
	r.Timestamp, r.Raw = time.UnixMilli(ms).UTC(), []byte(raw)
	for i := range names {
		r.Headers = append(r.Headers, pipeline.Header{Key: names[i], Value: []byte(values[i])})
	}
	return r, found, nil
}
