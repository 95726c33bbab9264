package clickhouse

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
)

// Part is one log of a cluster: a partition of a topic. A topic that was deleted
// and created again has the same name and another id.
type Part struct {
	Cluster   string
	Topic     string
	TopicID   string // as pipeline.TopicID prints it
	Partition int32
}

// Extent is how much is stored of a partition, in whole batches.
type Extent struct {
	Part
	Rows  uint64 // an estimate, of the rows between from and to
	First int64  // lowest offset
	Last  int64  // highest offset; First - 1 when no row is of that time
}

// Extents returns how much of a cluster is stored, by topic and partition. An
// empty topic means all topics. from and to, unless zero, limit the answer to
// batches with a record whose Kafka timestamp is in [from, to). A partition
// without such a row has an empty extent, at the place where the rows would be.
// Errors are as for Store.
func (s *Sink) Extents(ctx context.Context, cluster, topic string, from, to time.Time) (all []Extent, err error) {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if !from.IsZero() {
		low = from.UnixMilli()
	}
	if !to.IsZero() {
		high = to.UnixMilli()
	}
	// Producers write timestamps, which need not rise with the offsets, so the
	// query looks for both ends.
	const query = `SELECT topic, topic_id, partition, countIf(late AND early), countIf(late), countIf(early),
			least(min(offset), min(batch_first)), max(offset), minIf(least(offset, batch_first), late), maxIf(greatest(offset, batch_last), early)
		FROM (SELECT topic, topic_id, partition, offset, batch_first, batch_last,
			kafka_millis >= $3 AS late, kafka_millis < $4 AS early
			FROM events WHERE cluster = $1 AND ($2 = '' OR topic = $2))
		GROUP BY ALL ORDER BY topic, topic_id, partition`
	for e, err := range rowsOf(ctx, s.conn, query, []any{cluster, topic, low, high}, func(rows driver.Rows, e *Extent) error {
		var late, early uint64
		var lowest, highest, begin, end int64
		if err := rows.Scan(&e.Topic, &e.TopicID, &e.Partition, &e.Rows, &late, &early, &lowest, &highest, &begin, &end); err != nil {
			return err
		}
		e.Cluster, e.First, e.Last = cluster, lowest, highest
		if !to.IsZero() {
			if e.Last = end; early == 0 {
				e.Last = lowest - 1
			}
		}
		if !from.IsZero() {
			if e.First = begin; late == 0 {
				e.First = highest + 1
			}
			e.First = min(e.First, e.Last+1)
		}
		return nil
	}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// Link is a row's place in the hash chain.
type Link struct {
	Offset     int64
	BatchFirst int64         // of the batch that stored the row, by its own columns
	BatchLast  int64         //
	Stored     pipeline.Hash // column raw_sha256
	Computed   pipeline.Hash // SHA-256 of the column raw, as it is now; Stored where the row has no value to compare
	Judged     pipeline.Hash // column judged_sha256
	Rejudged   pipeline.Hash // SHA-256 of the columns of the judgement, as they are now
	// Packed marks a dead letter of stage unpack, which has no value of its own.
	Packed bool
	Chain  pipeline.Hash // column chain
	// Said is the part of the record that the chain covers besides the value, in
	// the chain's form: offset, timestamp, key, headers, and whether it has a value.
	Said []byte
}

// span is the number of offsets that one query of Links sorts. The table is
// sorted for analysts, so each query reads the offsets of all rows and sorts its
// own: fewer queries read less, smaller queries need less memory. A sort larger
// than sortMemory uses the server's disk.
const (
	span       = 4 << 20
	sortMemory = 64 << 20
)

// Links yields the rows of the offsets first to last of a partition in offset
// order. Client and server each hold a few thousand rows at a time.
// Errors are as for Store and end the sequence.
func (s *Sink) Links(ctx context.Context, p Part, first, last int64) iter.Seq2[Link, error] {
	const query = "SELECT offset, batch_first, batch_last, concat(raw_sha256, SHA256(raw), judged_sha256, chain)," +
		" kafka_millis, key, headers.name, headers.value, tombstone, failure_stage = '" + pipeline.StageUnpack + "', " + judgementList + " FROM events" +
		" WHERE cluster = $1 AND topic = $2 AND topic_id = $6 AND partition = $3 AND offset BETWEEN $4 AND $5 ORDER BY offset"
	return func(yield func(Link, error) bool) {
		for first <= last {
			next, ok, err := s.Next(ctx, p, first)
			if err != nil {
				yield(Link{}, err)
				return
			}
			if !ok || next > last {
				return
			}
			end := last
			if last-next >= span {
				end = next + span - 1
			}
			var hashes []byte
			var ms int64
			var key string
			var names, values []string
			var tombstone bool
			for l, err := range rowsOf(streaming(ctx, sortedRows), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, next, end, p.TopicID}, func(rows driver.Rows, l *Link) error {
				var judged judgement
				if err := rows.Scan(append([]any{&l.Offset, &l.BatchFirst, &l.BatchLast, &hashes, &ms, &key, &names, &values, &tombstone, &l.Packed}, judged.targets()...)...); err != nil {
					return err
				}
				if len(hashes) != 4*len(l.Chain) {
					return errors.New("the hashes have another length than SHA-256")
				}
				l.Rejudged = judged.hash()
				l.Said = Said(l.Offset, ms, key, names, values, tombstone, l.Packed)
				for i, to := range []*pipeline.Hash{&l.Stored, &l.Computed, &l.Judged, &l.Chain} {
					copy(to[:], hashes[i*len(to):])
				}
				if l.Packed {
					l.Computed = l.Stored // of the producer's batch, which is not stored
				}
				return nil
			}) {
				if !yield(l, err) || err != nil {
					return
				}
			}
			first = end + 1
		}
	}
}

// Said encodes the part of a record that the chain covers, except the hash of
// its value: the form of Link.Said. It repeats code of package pipeline on purpose: an audit must not
// check the loop with the loop's own code.
func Said(offset, ms int64, key string, names, values []string, tombstone, packed bool) []byte {
	number := binary.BigEndian.AppendUint64
	text := func(b []byte, s string) []byte { return append(number(b, uint64(len(s))), s...) }
	b := number(number(nil, uint64(offset)), uint64(ms))
	b = number(text(b, key), uint64(len(names)))
	for i := range names {
		b = text(text(b, names[i]), values[i])
	}
	switch {
	case tombstone:
		return number(b, 1)
	case packed:
		return number(b, 2)
	}
	return number(b, 0)
}

// Next returns the first stored offset that is from or later. ok is false when
// there is none. Errors are as for Store.
func (s *Sink) Next(ctx context.Context, p Part, from int64) (offset int64, ok bool, err error) {
	var n uint64
	err = s.conn.QueryRow(ctx, `SELECT count(), min(offset) FROM events WHERE cluster = $1 AND topic = $2 AND topic_id = $5 AND partition = $3 AND offset >= $4`,
		p.Cluster, p.Topic, p.Partition, from, p.TopicID).Scan(&n, &offset)
	return offset, n > 0, classified(ctx, err)
}

// ChainBefore returns the chain's value at the last row before an offset, and
// that row's offset; ok is false when there is none. Errors are as for Store.
func (s *Sink) ChainBefore(ctx context.Context, p Part, offset int64) (head pipeline.Hash, at int64, ok bool, err error) {
	var n uint64
	err = s.conn.QueryRow(ctx, `SELECT count(), max(offset) FROM events WHERE cluster = $1 AND topic = $2 AND topic_id = $5 AND partition = $3 AND offset < $4`,
		p.Cluster, p.Topic, p.Partition, offset, p.TopicID).Scan(&n, &at)
	if err != nil || n == 0 {
		return head, 0, false, classified(ctx, err)
	}
	var chain []byte
	err = s.conn.QueryRow(ctx, `SELECT concat(chain, '') FROM events WHERE cluster = $1 AND topic = $2 AND topic_id = $5 AND partition = $3 AND offset = $4 LIMIT 1`,
		p.Cluster, p.Topic, p.Partition, at, p.TopicID).Scan(&chain)
	copy(head[:], chain)
	return head, at, true, classified(ctx, err)
}

// queryMemory bounds the memory of one audit query on the server, in bytes. The
// server refuses a query that needs more. Sorting and grouping use its disk long
// before.
const queryMemory = 512 << 20

// Rows that the server reads at once: it foresees the size of a row from those before
// it, and behind small rows come records of a megabyte. It reads at least a granule,
// which is ten megabytes at most, and so it loses no time; but a sort returns as many
// rows at once, and a hundred cost little.
const (
	blockRows  = 16
	sortedRows = 128
)

// streaming bounds the memory of a query that reads many rows, on both sides. rows is
// how many the server reads at once.
func streaming(ctx context.Context, rows int) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_block_size": rows, "preferred_block_size_bytes": 1 << 20, "max_threads": 2, "max_memory_usage": queryMemory,
		"query_plan_execute_functions_after_sorting": 0, // a sort of hashes, not of records
		"max_bytes_before_external_sort":             sortMemory, "max_bytes_before_external_group_by": sortMemory,
	}), clickhouse.WithBlockBufferSize(1))
}

// rowsOf runs a query and yields its rows, each read by scan. An error ends the
// sequence.
func rowsOf[T any](ctx context.Context, conn driver.Conn, query string, args []any, scan func(driver.Rows, *T) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := conn.Query(ctx, query, args...)
		if err != nil {
			yield(none, classified(ctx, err))
			return
		}
		for rows.Next() {
			var value T
			if err = scan(rows, &value); err != nil {
				break
			}
			if !yield(value, nil) {
				_ = rows.Close() // the caller reads no further
				return
			}
		}
		if err := classified(ctx, errors.Join(err, rows.Err(), rows.Close())); err != nil {
			yield(none, err)
		}
	}
}
