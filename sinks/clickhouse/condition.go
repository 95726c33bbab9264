package clickhouse

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Condition is how a server is, beyond what Open insists on.
type Condition struct {
	Ahead       time.Duration // how far its clock is ahead of this one; negative: behind
	Free, Total uint64        // bytes of its fullest disk
	KeptFree    uint64        // bytes that the server leaves alone on its disk with the least of them
	Replicated  bool          // whether table events is kept more than once
	// Missing are the grants that a worker needs and the user has not, as GRANT
	// says them.
	Missing []string
	// Fixed are the settings that every insert must set and the user's profile
	// does not let it set.
	Fixed []string
}

// grant is a right on a table.
type grant struct{ right, database, table string }

// grants are what a worker needs, and why. An empty database is the configured
// one. deploy/grants has them, and a test takes each away.
var grants = []grant{
	{"SELECT", "", "events"},            // what is stored of a replay, and where a partition ends
	{"INSERT", "", "events"},            // batches
	{"SELECT", "", "packs"},             // the rules of a replay
	{"INSERT", "", "packs"},             // the rules it judges by
	{"SELECT", "", "schema_migrations"}, // whether the schema is of this release
	{"SELECT", "system", "tables"},      // engine and deduplication window
	{"SELECT", "system", "columns"},     // whether the table was altered
	{"SELECT", "system", "disks"},       // whether there is space
}

// Look asks a server how it is. A right that is missing is in Missing, not an
// error. clock is this machine's.
func Look(ctx context.Context, c Config, clock func() time.Time) (found Condition, err error) {
	c = c.withDefaults()
	conn, err := c.connect("system") // the right to the database may be what is missing
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if found.Missing, err = c.missing(ctx, conn); err != nil {
		return found, err
	}
	if found.Fixed, err = fixed(ctx, conn); err != nil {
		return found, err
	}
	began := clock()
	var there time.Time
	if err := conn.QueryRow(ctx, `SELECT now64(6, 'UTC')`).Scan(&there); err != nil {
		return found, classified(ctx, err)
	}
	took := clock().Sub(began)
	found.Ahead = there.Sub(began.Add(took / 2))
	if max(found.Ahead, -found.Ahead) <= took { // it may be the way that took so long
		found.Ahead = 0
	}
	if err := conn.QueryRow(ctx, `SELECT free_space, total_space FROM system.disks ORDER BY free_space / total_space LIMIT 1`).Scan(&found.Free, &found.Total); err != nil {
		return found, classified(ctx, err)
	}
	if err := conn.QueryRow(ctx, `SELECT min(keep_free_space) FROM system.disks`).Scan(&found.KeptFree); err != nil {
		return found, classified(ctx, err)
	}
	err = conn.QueryRow(ctx, `SELECT countIf(engine != 'MergeTree') > 0 FROM system.tables WHERE database = $1 AND name = 'events'`, c.Database).Scan(&found.Replicated)
	return found, classified(ctx, err)
}

func (c Config) missing(ctx context.Context, conn driver.Conn) (missing []string, err error) {
	for _, g := range grants {
		if g.database == "" {
			g.database = c.Database
		}
		has, err := g.held(ctx, conn)
		if err != nil {
			return nil, err
		}
		if !has {
			missing = append(missing, g.String())
		}
	}
	return missing, nil
}

// String is the grant as GRANT says it.
func (g grant) String() string { return g.right + " ON " + quoted(g.database) + "." + g.table }

// held reports whether the user has it, on a table that may not be there.
func (g grant) held(ctx context.Context, conn driver.Conn) (bool, error) {
	var granted uint8
	err := conn.QueryRow(ctx, "CHECK GRANT "+g.String()).Scan(&granted)
	return granted == 1, classified(ctx, err)
}

// granted is an error when the user has not that right.
func granted(ctx context.Context, conn driver.Conn, right, database, table string) error {
	g := grant{right, database, table}
	has, err := g.held(ctx, conn)
	if err == nil && !has {
		err = lacking(g.String())
	}
	return err
}

// needed are the settings of an insert, see Sink.inserting.
var needed = []string{"insert_deduplicate", "insert_deduplication_token", "async_insert", "max_execution_time"}

// fixed are those of needed that the user may not set. With readonly it may set
// none.
func fixed(ctx context.Context, conn driver.Conn) (names []string, err error) {
	err = conn.QueryRow(ctx, `SELECT arraySort(groupArray(name)) FROM system.settings
		WHERE name IN ($1) AND readonly OR name = 'readonly' AND value != '0'`, needed).Scan(&names)
	return names, classified(ctx, err)
}
