package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tocsin/pipeline"
)

// ErrNoPack is the permanent error of LoadPack.
var ErrNoPack = errors.New("no worker has kept them in the table packs: they were judged by in another database, or the row was deleted; " +
	"restore the row, or start a worker of the release and with the pack that has this digest once, which keeps it")

// Holds implements pipeline.Store. It counts in the projection by_offset, and
// reads the chain from the parts with rows of the batch's time.
func (s *Sink) Holds(ctx context.Context, b *pipeline.Batch) (held pipeline.Held, ok bool, err error) {
	var rows, own uint64
	var least, most uint32
	look := func() error {
		return s.conn.QueryRow(ctx, `SELECT count(), countIf(batch_first = $4 AND batch_last = $5), min(batch_rows), max(batch_rows) FROM events
			WHERE `+ofLog+`$6 AND offset BETWEEN $4 AND $5`,
			b.Cluster, b.Topic, b.Partition, b.First, b.Last, b.TopicID.String()).Scan(&rows, &own, &least, &most)
	}
	if err = look(); err == nil && rows == 0 {
		// A lagging replica may lack rows that another has stored.
		if err := s.caughtUp(ctx); err != nil {
			return held, false, err
		}
		err = look()
	}
	switch {
	case err != nil:
		return held, false, classified(ctx, err)
	case rows == 0:
		return held, false, nil
	case rows != own || uint64(least) != rows || uint64(most) != rows:
		return held, false, fmt.Errorf("clickhouse: the batch %s is to be stored, and of its offsets %d rows are there, %d of them of this batch: "+
			"a batch is stored as a whole or not at all, so rows were removed or added by hand, or another group stores under the same kafka.cluster; "+
			"see tocsin audit --topic %s", b.Token(), rows, own, b.Topic)
	}
	var text []byte
	var timed uint64
	err = s.conn.QueryRow(ctx, `SELECT count(), argMax(chain, offset) FROM events
		WHERE `+ofLog+`$7 AND offset BETWEEN $4 AND $5 AND batch_at = fromUnixTimestamp64Milli($6)`,
		b.Cluster, b.Topic, b.Partition, b.First, b.Last, placedAt(b.At.UnixMilli()), b.TopicID.String()).Scan(&timed, &text)
	if err != nil {
		return held, false, classified(ctx, err)
	}
	if timed != rows || copy(held.Chain[:], text) != len(held.Chain) {
		return held, false, fmt.Errorf("clickhouse: the batch %s is stored, and %d of its %d rows have another batch_at than the timestamp of its first record, %s: "+
			"the rows are of other records, or they were altered; see tocsin audit --topic %s", b.Token(), rows-timed, rows, b.At.UTC().Format(time.RFC3339Nano), b.Topic)
	}
	held.Rows = int(rows)
	return held, true, nil
}

// caughtUp returns an error made by pipeline.Wait while the replica has not fetched
// every part that the others have stored.
func (s *Sink) caughtUp(ctx context.Context) error {
	var replicated bool
	err := s.conn.QueryRow(ctx, `SELECT count() > 0 FROM system.tables WHERE database = currentDatabase() AND name = 'events' AND engine LIKE 'Replicated%'`).Scan(&replicated)
	if err != nil || !replicated {
		return classified(ctx, err)
	}
	var behind uint64
	err = s.conn.QueryRow(ctx, `SELECT count() FROM system.replicas WHERE database = currentDatabase() AND table = 'events'
		AND (is_readonly OR is_session_expired OR inserts_in_queue > 0 OR log_pointer <= log_max_index)`).Scan(&behind)
	if err != nil || behind == 0 {
		return classified(ctx, err)
	}
	return pipeline.Wait(prefix+"the replica to fetch what the others have stored", errors.New("see system.replication_queue: until the queue is empty, rows that are not here may be elsewhere"))
}

// ofLog begins the condition for the rows of a log; the number of the topic id's
// parameter follows.
const ofLog = `cluster = $1 AND topic = $2 AND partition = $3 AND topic_id = `

// Tail implements pipeline.Store. It first looks from the offset before near on,
// because the server reads all offsets of a log to find its last row.
func (s *Sink) Tail(ctx context.Context, log pipeline.Log, near int64) (t pipeline.Tail, ok bool, err error) {
	id := log.ID.String()
	fail := func(err error) (pipeline.Tail, bool, error) { return pipeline.Tail{}, false, classified(ctx, err) }
	// The projection gives the offsets; each further query reads one row of the
	// table.
	end := func(first, last int64) (rows uint64, offset int64, err error) {
		err = s.conn.QueryRow(ctx, `SELECT count(), max(offset) FROM events WHERE `+ofLog+`$4 AND offset BETWEEN $5 AND $6`,
			log.Cluster, log.Topic, log.Partition, id, first, last).Scan(&rows, &offset)
		return rows, offset, err
	}
	// A lagging replica may lack the last rows, and a mark would seem to be ahead of
	// them.
	if err := s.caughtUp(ctx); err != nil {
		return t, false, err
	}
	rows, last, err := end(max(near-1, 0), math.MaxInt64)
	if err == nil && rows == 0 && near > 1 {
		rows, last, err = end(0, near)
	}
	if err != nil {
		return fail(err)
	}
	if rows == 0 {
		err := s.conn.QueryRow(ctx, `SELECT count() = 0, countIf(topic_id != $3) > 0 FROM events WHERE cluster = $1 AND topic = $2`, log.Cluster, log.Topic, id).Scan(&t.None, &t.Earlier)
		return t, false, classified(ctx, err)
	}
	var chain []byte
	var limit uint32
	err = s.conn.QueryRow(ctx, `SELECT batch_first, batch_last, toString(rules_digest), max_record_bytes, if(failure_stage = '`+pipeline.StageUnpack+`', toString(failure_code), ''), chain
		FROM events WHERE `+ofLog+`$4 AND offset = $5 LIMIT 1`,
		log.Cluster, log.Topic, log.Partition, id, last).Scan(&t.First, &t.Last, &t.Digest, &limit, &t.Refused, &chain)
	if err != nil {
		return fail(err)
	}
	copy(t.Chain[:], chain)
	t.MaxBytes = int(limit)
	t.Before = pipeline.Seed(log.ID, log.Partition)
	if t.First == 0 {
		return t, true, nil
	}
	if rows, last, err = end(t.First-1, t.First-1); err == nil && rows == 0 {
		rows, last, err = end(0, t.First-1)
	}
	if err != nil || rows == 0 {
		return t, err == nil, classified(ctx, err)
	}
	err = s.conn.QueryRow(ctx, `SELECT chain FROM events WHERE `+ofLog+`$4 AND offset = $5 LIMIT 1`, log.Cluster, log.Topic, log.Partition, id, last).Scan(&chain)
	if err != nil {
		return fail(err)
	}
	copy(t.Before[:], chain)
	return t, true, nil
}

// SavePack stores a pack under the digest of its rules. If the digest is stored
// already, it changes nothing. Errors are as for Store.
func (s *Sink) SavePack(ctx context.Context, digest, id string, archive []byte) error {
	if _, err := s.LoadPack(ctx, digest); !errors.Is(err, ErrNoPack) {
		return err // nil: it is there
	}
	return once(ctx, digest, s.insertTimeout, func(ctx context.Context) error {
		insert, err := s.conn.PrepareBatch(ctx, `INSERT INTO packs (digest, id, archive)`)
		if err != nil {
			return err
		}
		if err := insert.Append(digest, id, archive); err != nil {
			return errors.Join(err, insert.Abort())
		}
		return insert.Send()
	}, func(ctx context.Context) (held bool, err error) {
		err = s.conn.QueryRow(ctx, `SELECT count() > 0 FROM packs WHERE digest = $1`, digest).Scan(&held)
		return held, err
	})
}

// LoadPack returns the pack stored under a digest. A missing pack is an error that
// stops the worker. Other errors are as for Store.
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

// Stored is a record as the table holds it.
type Stored struct {
	Timestamp time.Time // whole milliseconds, as Kafka sent them
	Headers   []pipeline.Header
	Raw       []byte
	Tombstone bool
	Digest    string // of the rules that judged it
}

// Stored returns the record that a person names, and false when the table lacks it.
// Where several logs have one, the error is ErrSeveral and names them. Other errors
// are as for Store.
func (s *Sink) Stored(ctx context.Context, cluster string, n Named) (r Stored, found bool, err error) {
	all, err := s.records(ctx, cluster, n)
	switch {
	case err != nil || len(all) == 0:
		return r, false, err
	case len(all) > 1:
		return r, false, several(n, all)
	}
	rows, err := s.conn.Query(ctx, "SELECT kafka_millis, `headers.name`, `headers.value`, raw, tombstone, toString(rules_digest)"+
		" FROM events WHERE "+atPlace+" LIMIT 1", all[0].in(cluster)...)
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
