package clickhouse

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Candidate is a matter and the first row in the range that raised it.
type Candidate struct {
	Part
	ID     string
	Rule   string
	Offset int64
	Stored time.Time // when the row was stored
}

// Candidates yields the matters that rows of the partition's offsets first to
// last raised, each once, ordered by their ids. Errors are as for Store and end
// the sequence.
func (s *Sink) Candidates(ctx context.Context, p Part, first, last int64) iter.Seq2[Candidate, error] {
	const query = `SELECT id, argMin(rule, offset), min(offset), argMin(stored_at, offset) FROM events
		ARRAY JOIN findings.candidate_id AS id, findings.rule AS rule
		WHERE cluster = $1 AND topic = $2 AND topic_id = $6 AND partition = $3 AND offset BETWEEN $4 AND $5 GROUP BY id ORDER BY id`
	return rowsOf(streaming(ctx, sortedRows), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, first, last, p.TopicID}, func(rows driver.Rows, c *Candidate) error {
		c.Part = p
		return rows.Scan(&c.ID, &c.Rule, &c.Offset, &c.Stored)
	})
}

// Matters yields every matter raised by a row of the cluster that was stored in
// [from, to), each with the first such row to be stored. A zero bound is no
// bound. Where several partitions raised a matter, that row is the likeliest
// source of the alert that the stream took. only, unless empty, limits the answer
// to those ids. Errors are as for Store and end the sequence.
func (s *Sink) Matters(ctx context.Context, cluster string, from, to time.Time, only ...string) iter.Seq2[Candidate, error] {
	const query = `SELECT id, first.1, first.2, first.3, first.4, first.5, first.6 FROM
		(SELECT id, min((stored_at, topic, topic_id, partition, offset, rule)) AS first FROM events ARRAY JOIN findings.candidate_id AS id, findings.rule AS rule
			WHERE cluster = $1 AND stored_at >= fromUnixTimestamp64Micro($2) AND stored_at < fromUnixTimestamp64Micro($3)%s GROUP BY id) ORDER BY first, id`
	low, high, filter := int64(minMicros), int64(maxMicros), ""
	if !from.IsZero() {
		low = from.UnixMicro()
	}
	if !to.IsZero() {
		high = to.UnixMicro()
	}
	args := []any{cluster, low, high}
	if len(only) > 0 {
		args, filter = append(args, only), " AND id IN $4"
	}
	return rowsOf(streaming(ctx, sortedRows), s.conn, fmt.Sprintf(query, filter), args, func(rows driver.Rows, c *Candidate) error {
		c.Cluster = cluster
		return rows.Scan(&c.ID, &c.Stored, &c.Topic, &c.TopicID, &c.Partition, &c.Offset, &c.Rule)
	})
}

// Raised returns the given candidate ids that a row of any cluster raised.
// Errors are as for Store.
func (s *Sink) Raised(ctx context.Context, ids []string) (map[string]bool, error) {
	asked, err := ext.NewTable("asked", ext.Column("id", "String"))
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	for _, id := range ids {
		if err := asked.Append(id); err != nil {
			return nil, fmt.Errorf("clickhouse: %w", err)
		}
	}
	raised := make(map[string]bool)
	const query = `SELECT DISTINCT id FROM events ARRAY JOIN findings.candidate_id AS id WHERE id IN (SELECT id FROM asked)`
	ctx = clickhouse.Context(streaming(ctx, sortedRows), clickhouse.WithExternalTable(asked))
	for id, err := range rowsOf(ctx, s.conn, query, nil, func(rows driver.Rows, id *string) error { return rows.Scan(id) }) {
		if err != nil {
			return nil, err
		}
		raised[id] = true
	}
	return raised, nil
}
