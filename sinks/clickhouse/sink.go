// Package clickhouse stores judged batches in ClickHouse and finds them again.
// It implements pipeline.Store. One batch is one insert of one block into one
// partition of one table, under one deduplication token: it is stored as a whole
// or not at all, and once.
package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
)

// Sink is a connection to a database whose schema was found to be of this release.
// It is safe for concurrent use.
type Sink struct {
	conn          driver.Conn
	insertTimeout time.Duration
	blocks        sync.Pool // of *block
}

// Open connects and refuses a server or a database that would not store batches
// once: an old version, another schema, another engine, no deduplication window.
// Every refusal names the cause and the remedy, and all are reported at once. An
// error made by pipeline.Wait means that the server did not answer.
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

// Store implements pipeline.Store.
func (s *Sink) Store(ctx context.Context, b *pipeline.Batch) error {
	if len(b.Rows) == 0 {
		return nil
	}
	full, release := s.filled(b)
	defer release()
	bounded, cancel := context.WithTimeout(ctx, s.insertTimeout)
	defer cancel()
	var r receipt
	err := s.insert(under(bounded, b.Token(), s.insertTimeout, &r), full, b)
	switch {
	case errors.Is(err, pipeline.ErrLate):
		return err
	case err != nil || r.proves():
		return classified(ctx, err)
	}
	if _, held, err := s.Holds(bounded, b); held || err != nil {
		return err
	}
	return fmt.Errorf("clickhouse: batch %s: %w", b.Token(), pipeline.ErrLost)
}

// filled returns the batch as columns. The caller releases them.
func (s *Sink) filled(b *pipeline.Batch) (full *block, release func()) {
	full = s.blocks.Get().(*block)
	full.fill(b)
	return full, func() {
		if !full.wasteful() {
			full.reset()
			s.blocks.Put(full)
		}
	}
}

// Restore stores a repaired batch, once, however many repairs store it at a time.
// Rows that were lost again since an earlier repair are stored again. Errors are as
// for Store.
func (s *Sink) Restore(ctx context.Context, b *pipeline.Batch) error {
	full, release := s.filled(b)
	defer release()
	first, last := b.Rows[0].Offset, b.Rows[len(b.Rows)-1].Offset
	return once(ctx, b.Token(), s.insertTimeout, func(ctx context.Context) error { return s.insert(ctx, full, b) }, func(ctx context.Context) (bool, error) {
		var rows uint64
		err := s.conn.QueryRow(ctx, `SELECT count() FROM events WHERE `+ofLog+`$4 AND offset BETWEEN $5 AND $6`,
			b.Cluster, b.Topic, b.Partition, b.TopicID.String(), first, last).Scan(&rows)
		return rows > 0, err
	})
}

// insert sends the block in one insert. The server begins the insert before the
// worker checks whether the intent is still alive, and ends it after
// insertTimeout. So a worker that is stopped at any point, for any time, inserts
// nothing later than the intent's lifetime plus insertTimeout after the
// declaration.
func (s *Sink) insert(ctx context.Context, full *block, b *pipeline.Batch) error {
	insert, err := s.conn.PrepareBatch(ctx, full.statement())
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
