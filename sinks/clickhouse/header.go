package clickhouse

import (
	"context"
	"iter"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Header holds the columns of a row that describe its batch. In a sound table all
// rows of a batch have the same header.
type Header struct {
	First    int64  // column batch_first
	Last     int64  // column batch_last
	Rows     uint32 // column batch_rows
	At       int64  // column batch_at, in milliseconds since 1970
	Rules    string // column rules_digest
	Calendar string // column calendar_version

	// Of the rows with this header:
	Held    uint64 // how many there are
	Lowest  int64  // their lowest offset
	Highest int64  // their highest offset
	began   int64  // column kafka_millis at the lowest offset
}

// Dated reports whether At follows from the Kafka timestamp of the first row.
func (h *Header) Dated() bool { return placedAt(h.began) == h.At }

// Headers yields the headers of the batches of the offsets first to last of a
// partition, by their lowest offsets. Errors are as for Store and end the
// sequence.
func (s *Sink) Headers(ctx context.Context, p Part, first, last int64) iter.Seq2[Header, error] {
	const query = `SELECT batch_first, batch_last, batch_rows, toUnixTimestamp64Milli(batch_at) AS at, toString(rules_digest) AS rules, toString(calendar_version) AS calendar,
			count(), min(offset) AS lowest, max(offset), argMin(kafka_millis, offset) FROM events
		WHERE cluster = $1 AND topic = $2 AND topic_id = $6 AND partition = $3 AND offset BETWEEN $4 AND $5
		GROUP BY batch_first, batch_last, batch_rows, at, rules, calendar ORDER BY lowest, batch_first, batch_last`
	return rowsOf(streaming(ctx, sortedRows), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, first, last, p.TopicID}, func(rows driver.Rows, h *Header) error {
		return rows.Scan(&h.First, &h.Last, &h.Rows, &h.At, &h.Rules, &h.Calendar, &h.Held, &h.Lowest, &h.Highest, &h.began)
	})
}

// Unkept are the rows judged by rules that are missing from packs, or that packs
// holds in another form: the digest of rules is the digest of their archive.
type Unkept struct {
	Rules   string // their column rules_digest
	Rows    uint64
	Lowest  int64 // offset
	Highest int64 // offset
}

// unkeptShown bounds the answer for a table whose digests are all wrong.
const unkeptShown = 100

// Unkept yields the rules, a hundred at most, that judged rows of the offsets
// first to last of a partition and are missing or altered in packs. Errors are as
// for Store and end the sequence.
func (s *Sink) Unkept(ctx context.Context, p Part, first, last int64) iter.Seq2[Unkept, error] {
	const query = `SELECT toString(rules_digest) AS rules, count(), min(offset) AS lowest, max(offset) FROM events
		WHERE cluster = $1 AND topic = $2 AND topic_id = $7 AND partition = $3 AND offset BETWEEN $4 AND $5 AND rules_digest NOT IN (SELECT digest FROM packs WHERE lower(hex(SHA256(archive))) = digest)
		GROUP BY rules ORDER BY lowest LIMIT $6`
	return rowsOf(streaming(ctx, sortedRows), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, first, last, unkeptShown, p.TopicID}, func(rows driver.Rows, u *Unkept) error {
		return rows.Scan(&u.Rules, &u.Rows, &u.Lowest, &u.Highest)
	})
}
