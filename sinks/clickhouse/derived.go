package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
)

// derived are the columns that follow from a record and that analysts read as the
// event. The hash chain does not cover them.
var derived = func() []int {
	var all []int
	for i := range columns {
		if c := &columns[i]; c.group == fields || c.group == rare || c.group == unheld || c.name == "happened_at" || c.name == "replay_of" {
			all = append(all, i)
		}
	}
	return all
}()

// digestOf is SHA-256 over the derived columns of a table that has them under the
// names that name returns. A column named "" is absent and has its default.
func digestOf(name func(i int) string) string {
	var terms []string
	for _, i := range derived {
		terms = append(terms, term(i, name))
	}
	return "SHA256(formatRow('RowBinary', " + strings.Join(terms, ", ") + "))"
}

// digestEach is an array of such a digest for each derived column.
func digestEach(name func(i int) string) string {
	var terms []string
	for _, i := range derived {
		terms = append(terms, "cityHash64(formatRow('RowBinary', "+term(i, name)+"))")
	}
	return "[" + strings.Join(terms, ", ") + "]"
}

func term(i int, name func(i int) string) string {
	if n := name(i); n != "" {
		return "`" + n + "`"
	}
	if f := columns[i].rare(); f != nil && name(restAt) != "" {
		return shown(f, columns[i].typ, inRest(name(restAt), columns[i].name))
	}
	none := "defaultValueOfTypeName(" + literal(columns[i].typ) + ")"
	// An absent member of lines is as long as the members that are present: the
	// server fills it in the same way.
	if list, _, member := strings.Cut(columns[i].name, "."); member {
		for _, other := range derived {
			if n := name(other); n != "" && strings.HasPrefix(columns[other].name, list+".") {
				return "arrayResize(" + none + ", length(`" + n + "`))"
			}
		}
	}
	return none
}

// inEvents names columns as the table events does.
func inEvents(i int) string { return columns[i].name }

// Derived returns, for each row of a batch, the digest that Judged.Derived of the
// same row has when no column of its event was altered. The server computes it
// from rows that are sent with the query and stored nowhere. The offsets of the
// rows must rise. Errors are as for Store.
func (s *Sink) Derived(ctx context.Context, b *pipeline.Batch) (all []pipeline.Hash, err error) {
	err = s.sent(ctx, b, digestOf, func(rows driver.Rows) error {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return err
		}
		all = append(all, pipeline.Hash(text))
		return nil
	})
	if err == nil && len(all) != len(b.Rows) {
		err = fmt.Errorf("clickhouse: %d rows were sent with a query and %d came back", len(b.Rows), len(all))
	}
	return all, err
}

// Unlike returns, for each row of a batch, the columns in which the event of the
// stored row differs. Where several rows have the same offset, each counts.
// Demands and errors are as for Derived.
func (s *Sink) Unlike(ctx context.Context, p Part, b *pipeline.Batch) ([][]string, error) {
	var again [][]uint64
	if err := s.sent(ctx, b, digestEach, func(rows driver.Rows) error {
		var each []uint64
		again = append(again, each)
		return rows.Scan(&again[len(again)-1])
	}); err != nil {
		return nil, err
	}
	offsets := make([]int64, len(b.Rows))
	for i := range b.Rows {
		offsets[i] = b.Rows[i].Offset
	}
	type stored struct {
		offset int64
		each   []uint64
	}
	names := make([][]string, len(b.Rows))
	query := "SELECT offset, " + digestEach(inEvents) + " FROM events WHERE cluster = $1 AND topic = $2 AND topic_id = $5 AND partition = $3 AND offset IN $4"
	for held, err := range rowsOf(streaming(ctx, blockRows), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, offsets, p.TopicID}, func(rows driver.Rows, to *stored) error {
		return rows.Scan(&to.offset, &to.each)
	}) {
		if err != nil {
			return nil, err
		}
		at, found := slices.BinarySearch(offsets, held.offset)
		if !found || at >= len(again) {
			continue
		}
		for n, i := range derived {
			if held.each[n] != again[at][n] && !slices.Contains(names[at], columns[i].name) {
				names[at] = append(names[at], columns[i].name)
			}
		}
	}
	return names, nil
}

// sent evaluates an expression over the derived columns of the batch's rows, in
// their order.
func (s *Sink) sent(ctx context.Context, b *pipeline.Batch, expression func(name func(i int) string) string, scan func(driver.Rows) error) error {
	full := s.blocks.Get().(*block)
	defer func() {
		full.reset()
		s.blocks.Put(full)
	}()
	full.fill(b)
	// Names have no dots: the server takes a name with a dot as part of a nested
	// column.
	there := make(map[int]string)
	var defs []func(*ext.Table) error
	var from []int
	for _, i := range full.sent {
		if name := fmt.Sprintf("c%d", i); columns[i].name == "offset" || slices.Contains(derived, i) {
			there[i] = name
			if columns[i].name == "offset" {
				name = "at"
			}
			defs, from = append(defs, ext.Column(name, column.Type(columns[i].typ))), append(from, i)
		}
	}
	table, err := ext.NewTable("again", defs...)
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	for n, i := range from {
		if err := full.buffers[i].into(table.Block().Columns[n], full.from); err != nil {
			return fmt.Errorf("clickhouse: %w", err)
		}
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithExternalTable(table))
	rows, err := s.conn.Query(ctx, "SELECT "+expression(func(i int) string { return there[i] })+" FROM again ORDER BY at")
	if err != nil {
		return classified(ctx, err)
	}
	for rows.Next() && err == nil {
		err = scan(rows)
	}
	return classified(ctx, errors.Join(err, rows.Err(), rows.Close()))
}
