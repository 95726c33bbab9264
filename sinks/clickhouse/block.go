package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
	"tocsin/rules/event"
)

// block is one batch as columns, as one insert sends it. Its storage is reused
// for other batches.
type block struct {
	buffers []buffer // by index into columns
	sent    []int    // indexes of the columns that this batch sends
	from    *source
}

func newBlock() *block {
	b := &block{buffers: make([]buffer, len(columns)), from: newSource()}
	for i := range columns {
		b.buffers[i].layout = columns[i].layout
	}
	return b
}

// reset empties the block and releases the batch's bytes.
func (b *block) reset() {
	for _, i := range b.sent {
		b.buffers[i].reset()
	}
	b.sent = b.sent[:0]
}

// wasteful reports whether the block's storage is much larger than the batch that
// it last held. Blocks serve batches of all partitions, so without this check
// each would grow to the size of the largest batch.
func (b *block) wasteful() bool {
	used, room := 0, 0
	for i := range b.buffers {
		u, r := b.buffers[i].sizes()
		used, room = used+u, room+r
	}
	return room > 4*used+leastKept
}

// leastKept is the size up to which a block's storage is always kept, in bytes.
const leastKept = 1 << 20

// fill turns a batch into columns.
func (b *block) fill(batch *pipeline.Batch) {
	p := survey(batch)
	for i := range columns {
		if p.has(&columns[i]) {
			b.sent = append(b.sent, i)
		}
	}
	for rows := range slices.Chunk(batch.Rows, near) {
		for _, i := range b.sent {
			c, to := &columns[i], &b.buffers[i]
			switch {
			case c.row != nil:
				for r := range rows {
					c.row(to, batch, &rows[r])
				}
			case c.verdict != nil:
				c.fillVerdicts(to, rows)
			default:
				c.fillField(to, rows)
			}
		}
	}
}

// near is the number of rows turned into columns at a time, small enough that
// their events stay in the processor's cache from one column to the next.
const near = 32

func (c *col) fillVerdicts(to *buffer, rows []pipeline.Row) {
	for r := range rows {
		for v := range rows[r].Verdicts {
			if verdict := &rows[r].Verdicts[v]; c.group == verdicts || verdict.Finding != nil {
				c.verdict(to, verdict)
			}
		}
		to.end()
	}
}

func (c *col) fillField(to *buffer, rows []pipeline.Row) {
	for r := range rows {
		var ref fieldRef
		e := rows[r].Event
		if e != nil {
			ref = c.from[which(e.Schema())]
		}
		switch {
		case ref.field == nil || ref.list == nil && !e.Has(ref.field):
			if c.array {
				to.end()
			} else {
				to.none()
			}
		case ref.list == nil:
			put(to, &e.Record, ref.field)
		default:
			lines := e.Records(ref.list)
			for i := range lines {
				if lines[i].Has(ref.field) {
					put(to, &lines[i], ref.field)
				} else {
					to.none()
				}
			}
			to.end()
		}
	}
}

// put appends a value that the record has, or NULL where the column cannot hold
// it; see unstored.go.
func put(to *buffer, r *event.Record, f *event.Field) {
	if !holds(r, f) {
		to.none()
		return
	}
	switch f.Kind {
	case event.Text:
		to.text(r.Text(f))
	case event.Texts:
		for _, s := range r.Texts(f) {
			to.text(s)
		}
		to.end()
	case event.Bool:
		to.bool(r.Bool(f))
	case event.Int:
		to.int64(r.Int(f))
	case event.Amount:
		to.int128(r.Amount(f).Bits())
	case event.Rate:
		to.int128(r.Rate(f).Bits())
	case event.Date:
		to.int32(int32(r.Date(f) - unixEpoch))
	case event.Instant:
		to.int64(r.Micros(f))
	}
}

// statement is the INSERT that names the columns of the block.
func (b *block) statement() string {
	var s strings.Builder
	s.WriteString("INSERT INTO events (")
	for n, i := range b.sent {
		if n > 0 {
			s.WriteString(", ")
		}
		s.WriteByte('`')
		s.WriteString(columns[i].name)
		s.WriteByte('`')
	}
	s.WriteByte(')')
	return s.String()
}

// into hands the columns to the insert.
func (b *block) into(insert driver.Batch) error {
	to := insert.Columns()
	if len(to) != len(b.sent) {
		return fmt.Errorf("the server expects %d columns, not %d", len(to), len(b.sent))
	}
	for n, i := range b.sent {
		if c := &columns[i]; to[n].Name() != c.name || string(to[n].Type()) != c.typ {
			return fmt.Errorf("column %s has type %s, which this release does not know: run tocsin check, which lists the differences", to[n].Name(), to[n].Type())
		}
		if err := b.buffers[i].into(to[n], b.from); err != nil {
			return err
		}
	}
	return nil
}

func which(s *event.Schema) int {
	if s == event.Ledger {
		return ledger
	}
	return system
}
