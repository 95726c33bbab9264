package clickhouse

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
)

// Part is one Kafka partition of a cluster.
type Part struct {
	Cluster   string
	Topic     string
	Partition int32
}

// Extent is how much is stored of a partition, in whole batches.
type Extent struct {
	Part
	Rows  uint64 // about: those in the time that was asked for
	First int64  // lowest offset
	Last  int64  // highest offset; First - 1 when no row is of that time
}

// Extents returns what is stored of a cluster, by topic and partition: of one
// topic unless topic is empty, and of the batches with a record whose Kafka
// timestamp is in [from, to) unless those are zero. A partition without a row
// of that time is there too: its extent is empty and lies where such rows would
// stand. Errors are as for Store.
func (s *Sink) Extents(ctx context.Context, cluster, topic string, from, to time.Time) (all []Extent, err error) {
	low, high := int64(minMicros/1000), int64(maxMicros/1000)
	if !from.IsZero() {
		low = from.UnixMilli()
	}
	if !to.IsZero() {
		high = to.UnixMilli()
	}
	// Timestamps are what producers wrote and need not rise with the offsets,
	// so both ends are asked for.
	const query = `SELECT topic, partition, countIf(late AND early), countIf(late), countIf(early),
			least(min(offset), min(batch_first)), max(offset), minIf(least(offset, batch_first), late), maxIf(greatest(offset, batch_last), early)
		FROM (SELECT topic, partition, offset, batch_first, batch_last,
			kafka_timestamp >= fromUnixTimestamp64Milli($3) AS late, kafka_timestamp < fromUnixTimestamp64Milli($4) AS early
			FROM events WHERE cluster = $1 AND ($2 = '' OR topic = $2))
		GROUP BY ALL ORDER BY topic, partition`
	for e, err := range rowsOf(ctx, s.conn, query, []any{cluster, topic, low, high}, func(rows driver.Rows, e *Extent) error {
		var late, early uint64
		var lowest, highest, begin, end int64
		if err := rows.Scan(&e.Topic, &e.Partition, &e.Rows, &late, &early, &lowest, &highest, &begin, &end); err != nil {
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
	BatchFirst int64         // of the batch that the row says stored it
	BatchLast  int64         //
	Stored     pipeline.Hash // column raw_sha256
	Computed   pipeline.Hash // SHA-256 of the column raw, as it is now
	Chain      pipeline.Hash // column chain
	// Said is what the chain takes in of the record besides its value: offset,
	// timestamp, key, headers, whether it is a tombstone; in the chain's form.
	Said []byte
}

// span is how many offsets one query of Links sorts. The table is sorted for
// analysts, so each query reads the offsets of all rows and sorts its own: few
// queries read less, small ones need less room. What does not fit sortMemory
// goes to the server's disk.
const (
	span       = 4 << 20
	sortMemory = 64 << 20
)

// Links yields the rows of the offsets first to last of a partition in offset
// order. It holds a few thousand of them at a time, and so does the server.
// Errors are as for Store and end the sequence.
func (s *Sink) Links(ctx context.Context, p Part, first, last int64) iter.Seq2[Link, error] {
	const query = `SELECT offset, batch_first, batch_last, concat(raw_sha256, SHA256(raw), chain),
			toUnixTimestamp64Milli(kafka_timestamp), key, headers.name, headers.value, tombstone FROM events
		WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset BETWEEN $4 AND $5 ORDER BY offset`
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
			for l, err := range rowsOf(streaming(ctx), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, next, end}, func(rows driver.Rows, l *Link) error {
				if err := rows.Scan(&l.Offset, &l.BatchFirst, &l.BatchLast, &hashes, &ms, &key, &names, &values, &tombstone); err != nil {
					return err
				}
				if len(hashes) != 3*len(l.Chain) {
					return errors.New("the hashes have another length than SHA-256")
				}
				l.Said = said(l.Offset, ms, key, names, values, tombstone)
				copy(l.Stored[:], hashes)
				copy(l.Computed[:], hashes[len(l.Stored):])
				copy(l.Chain[:], hashes[len(l.Stored)+len(l.Computed):])
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

// said writes a record's part of the chain, all but the hash of its value. It is
// written a second time here, and not taken from package pipeline, so that the
// audit does not check the loop by the loop.
func said(offset, ms int64, key string, names, values []string, tombstone bool) []byte {
	number := binary.BigEndian.AppendUint64
	text := func(b []byte, s string) []byte { return append(number(b, uint64(len(s))), s...) }
	b := number(number(nil, uint64(offset)), uint64(ms))
	b = number(text(b, key), uint64(len(names)))
	for i := range names {
		b = text(text(b, names[i]), values[i])
	}
	if tombstone {
		return number(b, 1)
	}
	return number(b, 0)
}

// Next returns the first stored offset that is not before from; ok is false
// when there is none. Errors are as for Store.
func (s *Sink) Next(ctx context.Context, p Part, from int64) (offset int64, ok bool, err error) {
	var n uint64
	err = s.conn.QueryRow(ctx, `SELECT count(), min(offset) FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset >= $4`,
		p.Cluster, p.Topic, p.Partition, from).Scan(&n, &offset)
	return offset, n > 0, classified(ctx, err)
}

// ChainBefore returns the chain's value at the last row before an offset, and
// that row's offset; ok is false when there is none. Errors are as for Store.
func (s *Sink) ChainBefore(ctx context.Context, p Part, offset int64) (head pipeline.Hash, at int64, ok bool, err error) {
	var n uint64
	err = s.conn.QueryRow(ctx, `SELECT count(), max(offset) FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset < $4`,
		p.Cluster, p.Topic, p.Partition, offset).Scan(&n, &at)
	if err != nil || n == 0 {
		return head, 0, false, classified(ctx, err)
	}
	var chain []byte
	err = s.conn.QueryRow(ctx, `SELECT concat(chain, '') FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset = $4 LIMIT 1`,
		p.Cluster, p.Topic, p.Partition, at).Scan(&chain)
	copy(head[:], chain)
	return head, at, true, classified(ctx, err)
}

// queryMemory is what one query of an audit may take on the server, in bytes;
// the server refuses one that needs more. Sorting and grouping go to its disk
// long before.
const queryMemory = 1 << 30

// streaming bounds what a query that reads many rows takes, on both sides.
func streaming(ctx context.Context) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"max_block_size": 8192, "preferred_block_size_bytes": 1 << 20, "max_threads": 2, "max_memory_usage": queryMemory,
		"max_bytes_before_external_sort": sortMemory, "max_bytes_before_external_group_by": sortMemory,
	}), clickhouse.WithBlockBufferSize(1))
}

// rowsOf runs a query and yields its rows, each as scan reads it. An error ends
// the sequence.
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
				_ = rows.Close() // nobody reads on
				return
			}
		}
		if err := classified(ctx, errors.Join(err, rows.Err(), rows.Close())); err != nil {
			yield(none, err)
		}
	}
}
