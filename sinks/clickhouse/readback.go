package clickhouse

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

	"tocsin/pipeline"
)

// ErrNoPack is why LoadPack can fail for good.
var ErrNoPack = errors.New("no worker has kept them in the table packs: they were judged by in another database, or the row was deleted; " +
	"restore the row, or start a worker of the release and with the pack that has this digest once, which keeps it")

// Holds implements pipeline.Store. It reads the projection by_offset.
func (s *Sink) Holds(ctx context.Context, b *pipeline.Batch) (bool, error) {
	var rows, own uint64
	var least, most uint32
	err := s.conn.QueryRow(ctx, `SELECT count(), countIf(batch_first = $4 AND batch_last = $5), min(batch_rows), max(batch_rows) FROM events
		WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset BETWEEN $4 AND $5`,
		b.Cluster, b.Topic, b.Partition, b.First, b.Last).Scan(&rows, &own, &least, &most)
	switch {
	case err != nil:
		return false, classified(ctx, err)
	case rows == 0:
		return false, nil
	case rows == own && uint64(least) == rows && uint64(most) == rows:
		return true, nil
	}
	return false, fmt.Errorf("clickhouse: the batch %s is to be stored, and of its offsets %d rows are there, %d of them of this batch: "+
		"a batch is stored as a whole or not at all, so rows were removed or added by hand, or another group stores under the same kafka.cluster; "+
		"see tocsin audit --topic %s", b.Token(), rows, own, b.Topic)
}

// Tail implements pipeline.Store.
func (s *Sink) Tail(ctx context.Context, cluster, topic string, partition int32) (t pipeline.Tail, ok bool, err error) {
	var rows uint64
	var last int64
	const where = `WHERE cluster = $1 AND topic = $2 AND partition = $3`
	err = s.conn.QueryRow(ctx, `SELECT count(), max(offset) FROM events `+where, cluster, topic, partition).Scan(&rows, &last)
	if err != nil || rows == 0 {
		return t, false, classified(ctx, err)
	}
	var chain []byte
	err = s.conn.QueryRow(ctx, `SELECT batch_last, toString(chain) FROM events `+where+` AND offset = $4 LIMIT 1`, cluster, topic, partition, last).Scan(&t.Last, &chain)
	if err != nil {
		return t, false, classified(ctx, err)
	}
	return t, copy(t.Chain[:], chain) == len(t.Chain), nil
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
