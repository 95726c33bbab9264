package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/pipeline"
)

// ErrNoPack is why LoadPack can fail for good.
var ErrNoPack = errors.New("no worker has kept them in the table packs: they were judged by in another database, or the row was deleted; " +
	"restore the row, or start a worker of the release and with the pack that has this digest once, which keeps it")

// Holds implements pipeline.Store. It counts in the projection by_offset, and
// finds the chain in the parts that have rows of the batch's time.
func (s *Sink) Holds(ctx context.Context, b *pipeline.Batch) (chain pipeline.Hash, held bool, err error) {
	var rows, own uint64
	var least, most uint32
	err = s.conn.QueryRow(ctx, `SELECT count(), countIf(batch_first = $4 AND batch_last = $5), min(batch_rows), max(batch_rows) FROM events
		WHERE `+ofPartition+` AND offset BETWEEN $4 AND $5`,
		b.Cluster, b.Topic, b.Partition, b.First, b.Last).Scan(&rows, &own, &least, &most)
	switch {
	case err != nil:
		return chain, false, classified(ctx, err)
	case rows == 0:
		return chain, false, nil
	case rows != own || uint64(least) != rows || uint64(most) != rows:
		return chain, false, fmt.Errorf("clickhouse: the batch %s is to be stored, and of its offsets %d rows are there, %d of them of this batch: "+
			"a batch is stored as a whole or not at all, so rows were removed or added by hand, or another group stores under the same kafka.cluster; "+
			"see tocsin audit --topic %s", b.Token(), rows, own, b.Topic)
	}
	var text []byte
	err = s.conn.QueryRow(ctx, `SELECT argMax(chain, offset) FROM events
		WHERE `+ofPartition+` AND offset BETWEEN $4 AND $5 AND batch_at = fromUnixTimestamp64Milli($6)`,
		b.Cluster, b.Topic, b.Partition, b.First, b.Last, clampMillis(b.At.UnixMilli())).Scan(&text)
	if err == nil && copy(chain[:], text) != len(chain) {
		err = fmt.Errorf("the batch %s has another batch_at than its first record's timestamp", b.Token())
	}
	return chain, true, classified(ctx, err)
}

// ofPartition is the condition for the rows of a Kafka partition.
const ofPartition = `cluster = $1 AND topic = $2 AND partition = $3`

// Tail implements pipeline.Store.
func (s *Sink) Tail(ctx context.Context, cluster, topic string, partition int32) (t pipeline.Tail, ok bool, err error) {
	fail := func(err error) (pipeline.Tail, bool, error) { return pipeline.Tail{}, false, classified(ctx, err) }
	// Offsets by the projection; then what is not in it, of one row each.
	var rows uint64
	var last int64
	if err := s.conn.QueryRow(ctx, `SELECT count(), max(offset) FROM events WHERE `+ofPartition, cluster, topic, partition).Scan(&rows, &last); err != nil || rows == 0 {
		return fail(err)
	}
	var chain []byte
	err = s.conn.QueryRow(ctx, `SELECT batch_first, batch_last, toString(rules_digest), chain FROM events WHERE `+ofPartition+` AND offset = $4 LIMIT 1`,
		cluster, topic, partition, last).Scan(&t.First, &t.Last, &t.Digest, &chain)
	if err != nil {
		return fail(err)
	}
	copy(t.Chain[:], chain)
	err = s.conn.QueryRow(ctx, `SELECT count(), max(offset) FROM events WHERE `+ofPartition+` AND offset < $4`, cluster, topic, partition, t.First).Scan(&rows, &last)
	if err != nil {
		return fail(err)
	}
	if rows == 0 {
		return t, true, nil
	}
	err = s.conn.QueryRow(ctx, `SELECT chain FROM events WHERE `+ofPartition+` AND offset = $4 LIMIT 1`, cluster, topic, partition, last).Scan(&chain)
	if err != nil {
		return fail(err)
	}
	copy(t.Before[:], chain)
	return t, true, nil
}

// SavePack keeps a pack under the digest of its rules. A digest that is there
// already is left as it is. Errors are as for Store.
func (s *Sink) SavePack(ctx context.Context, digest, id string, archive []byte) error {
	if _, err := s.LoadPack(ctx, digest); !errors.Is(err, ErrNoPack) {
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
		return nil, fmt.Errorf("clickhouse: rules %s: %w", digest, ErrNoPack)
	}
	return []byte(archive), nil
}

// Stored is a record as it is kept.
type Stored struct {
	Timestamp time.Time // Kafka's, in whole milliseconds
	Headers   []pipeline.Header
	Raw       []byte
	Tombstone bool
	Digest    string // of the rules it was judged by
}

// Stored returns the record at a place, and false when it is not there. Errors
// are as for Store.
func (s *Sink) Stored(ctx context.Context, cluster string, p Place) (r Stored, found bool, err error) {
	rows, err := s.conn.Query(ctx, "SELECT toUnixTimestamp64Milli(kafka_timestamp), `headers.name`, `headers.value`, raw, tombstone, toString(rules_digest)"+
		" FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4 LIMIT 1", cluster, p.Topic, p.Partition, p.Offset)
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
