package clickhouse

import (
	"context"
	"errors"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Condition describes a server beyond the properties that Open requires.
type Condition struct {
	Ahead       time.Duration // how far its clock is ahead of this one; negative: behind
	Free, Total uint64        // bytes of its fullest disk
	KeptFree    uint64        // bytes that the server leaves alone on its disk with the least of them
	Replicated  bool          // whether table events is kept more than once
	// Mutating are the tables of record with a mutation under way. Its command is
	// left out: it may hold values of records.
	Mutating []string
	// Policies are the row policies on tables of record. They hide rows, so that a
	// worker stores them again.
	Policies []string
	// Missing are the grants that a worker needs and the user lacks, in the form
	// of GRANT.
	Missing []string
	// Fixed are the settings that every insert must set and the user's profile
	// forbids to set.
	Fixed []string
}

// grant is a right on a table.
type grant struct{ right, database, table string }

// grants are the rights that a worker needs, each with its reason. An empty
// database is the configured one. deploy/grants has the same list, and a test
// takes each right away.
var grants = []grant{
	{"SELECT", "", "events"},             // to find the rows of a replay, and the end of a partition
	{"INSERT", "", "events"},             // batches
	{"SELECT", "", "packs"},              // the rules of a replay
	{"INSERT", "", "packs"},              // the rules it judges by
	{"SELECT", "", "schema_migrations"},  // whether the schema is of this release
	{"SELECT", "system", "tables"},       // engine and deduplication window
	{"SELECT", "system", "columns"},      // whether the table was altered
	{"SELECT", "system", "disks"},        // whether there is space
	{"SELECT", "system", "mutations"},    // whether rows are being altered
	{"SELECT", "system", "row_policies"}, // whether rows are hidden
	{"SHOW ROW POLICIES", "", "events"},  // those of others too
}

// Look returns the condition of a server. A missing right is reported in Missing
// and is no error. clock is this machine's.
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
	if max(found.Ahead, -found.Ahead) <= took { // the difference may be the network's delay
		found.Ahead = 0
	}
	if err := conn.QueryRow(ctx, `SELECT free_space, total_space FROM system.disks ORDER BY free_space / total_space LIMIT 1`).Scan(&found.Free, &found.Total); err != nil {
		return found, classified(ctx, err)
	}
	if err := conn.QueryRow(ctx, `SELECT min(keep_free_space) FROM system.disks`).Scan(&found.KeptFree); err != nil {
		return found, classified(ctx, err)
	}
	err = conn.QueryRow(ctx, `SELECT arraySort(groupUniqArray(table)) FROM system.mutations
		WHERE database = $1 AND table IN ($2) AND NOT is_done`, c.Database, recordTables).Scan(&found.Mutating)
	if err != nil {
		return found, classified(ctx, err)
	}
	err = conn.QueryRow(ctx, `SELECT arraySort(groupArray(name)) FROM system.row_policies WHERE database = $1 AND table IN ($2)`,
		c.Database, append([]string{""}, recordTables...)).Scan(&found.Policies)
	if err != nil {
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

// String is the grant in the form of GRANT.
func (g grant) String() string { return g.right + " ON " + quoted(g.database) + "." + g.table }

// held reports whether the user has the grant. The table need not exist.
func (g grant) held(ctx context.Context, conn driver.Conn) (bool, error) {
	var granted uint8
	err := conn.QueryRow(ctx, "CHECK GRANT "+g.String()).Scan(&granted)
	return granted == 1, classified(ctx, err)
}

// granted returns an error when the user lacks the right.
func granted(ctx context.Context, conn driver.Conn, right, database, table string) error {
	g := grant{right, database, table}
	has, err := g.held(ctx, conn)
	if err == nil && !has {
		err = lacking(g.String())
	}
	return err
}

// needed are the settings of an insert; see under.
var needed = []string{"insert_deduplicate", "insert_deduplication_token", "async_insert", "max_execution_time"}

// fixed are those of needed that the user may not set. A read-only user may set
// none.
func fixed(ctx context.Context, conn driver.Conn) (names []string, err error) {
	err = conn.QueryRow(ctx, `SELECT arraySort(groupArray(name)) FROM system.settings
		WHERE name IN ($1) AND readonly OR name = 'readonly' AND value != '0'`, needed).Scan(&names)
	return names, classified(ctx, err)
}
