// Package clickhouse stores judged batches in ClickHouse and finds them again.
// It implements pipeline.Store. One batch is one insert of one block into one
// partition of one table, under one deduplication token: it is there as a
// whole or not at all, and once.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
)

// Sink is a connection to a database that has been looked at and found to be
// of this release. It is safe for concurrent use.
type Sink struct {
	conn          driver.Conn
	insertTimeout time.Duration
	blocks        sync.Pool // of *block
}

// Open connects and refuses a server or a database on which batches would not
// be stored once: an old version, another schema, another engine, no
// deduplication window. Every refusal names the cause and what mends it, and
// all are reported at once. An error made by pipeline.Wait says that the
// server could not be asked.
func Open(ctx context.Context, c Config) (*Sink, error) {
	c = c.withDefaults()
	conn, err := c.connect(c.Database)
	if err != nil {
		return nil, err
	}
	err = inspect(ctx, conn, c.Database, c.Remember)
	if err == nil {
		err = c.checkAddresses(ctx, conn)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return newSink(conn, c), nil
}

func newSink(conn driver.Conn, c Config) *Sink {
	return &Sink{conn: conn, insertTimeout: c.InsertTimeout, blocks: sync.Pool{New: func() any { return newBlock() }}}
}

// Close closes the connections.
func (s *Sink) Close() error {
	if err := s.conn.Close(); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}

var _ pipeline.Store = (*Sink)(nil)

// Store implements pipeline.Store. An event with a time that the table cannot
// hold (see Fits) is an error that stops the worker: it should have become a
// dead letter.
func (s *Sink) Store(ctx context.Context, b *pipeline.Batch) error {
	if len(b.Rows) == 0 {
		return nil
	}
	full := s.blocks.Get().(*block)
	defer func() {
		if !full.wasteful() {
			full.reset()
			s.blocks.Put(full)
		}
	}()
	if err := full.fill(b); err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	bounded, cancel := context.WithTimeout(ctx, s.insertTimeout)
	defer cancel()
	err := s.insert(bounded, full, b)
	if errors.Is(err, pipeline.ErrLate) {
		return err
	}
	return classified(ctx, err)
}

// insert sends the block in one insert. The server has begun it when the
// worker asks whether it comes too late, and ends it after insertTimeout: so a
// worker that is stopped at any point, for however long, inserts nothing later
// than the intent's lifetime and insertTimeout after it was declared.
func (s *Sink) insert(ctx context.Context, full *block, b *pipeline.Batch) error {
	insert, err := s.conn.PrepareBatch(s.inserting(ctx, b), full.statement())
	if err != nil {
		return fmt.Errorf("begin the insert: %w", err)
	}
	if b.Late(time.Now()) {
		return errors.Join(pipeline.ErrLate, insert.Abort())
	}
	if err := full.into(insert); err != nil {
		return errors.Join(err, insert.Abort())
	}
	if err := insert.Send(); err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	return nil
}

// inserting is a context for the batch's insert.
func (s *Sink) inserting(ctx context.Context, b *pipeline.Batch) context.Context {
	return clickhouse.Context(untimed{ctx}, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":         1,
		"insert_deduplication_token": b.Token(),
		// Since 26.3 asynchronous inserts are the default: they are
		// acknowledged and deduplicated by other rules.
		"async_insert":       0,
		"max_execution_time": max(1, int(math.Ceil(s.insertTimeout.Seconds()))),
	}))
}

// untimed hides a context's deadline, which still ends it, from the driver:
// out of a deadline it makes a max_execution_time five seconds longer.
type untimed struct{ context.Context }

// Deadline implements context.Context.
func (untimed) Deadline() (time.Time, bool) { return time.Time{}, false }
