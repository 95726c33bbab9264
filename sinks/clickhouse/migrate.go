package clickhouse

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// The migrations are numbered and up only; each statement may run again.
// `go generate ./sinks/clickhouse` writes those with the columns of event fields
// from the field tables. A released migration is never changed; a later change is
// a new migration.
//
//go:generate go test . -run ^TestMigrationsFollowTheTables$ -update
//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one numbered file.
type migration struct {
	version    uint32
	name       string
	statements []string
	checksum   string
}

// migrations are the migrations of this release, in order.
var migrations = readMigrations()

// readMigrations panics when the embedded files are not numbered from 1 on. Any
// test that loads the package finds that.
func readMigrations() (all []migration) {
	files, err := fs.Glob(migrationFiles, "migrations/*.sql") // sorted
	if err != nil {
		panic(err)
	}
	for i, file := range files {
		text, err := migrationFiles.ReadFile(file)
		if err != nil {
			panic(err)
		}
		number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".sql"), "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			panic("clickhouse: migration " + file + " is out of order")
		}
		sum := sha256.Sum256(text)
		m := migration{version: uint32(i + 1), name: name, checksum: hex.EncodeToString(sum[:])}
		for statement := range strings.SplitSeq(string(text), ";\n") {
			if statement = strings.TrimSpace(statement); statement != "" {
				m.statements = append(m.statements, statement)
			}
		}
		all = append(all, m)
	}
	return all
}

// Migrate makes the database and brings its schema to this release. It reports
// each step to log. It can be interrupted and run again, and several can run at
// once. It refuses a database of a newer release.
func Migrate(ctx context.Context, c Config, log func(string)) error {
	c = c.withDefaults()
	if err := createDatabase(ctx, c, log); err != nil {
		return err
	}
	conn, err := c.connect(c.Database)
	if err != nil {
		return err
	}
	return errors.Join(migrate(ctx, conn, c.Database, c.InsertTimeout, log), conn.Close())
}

func migrate(ctx context.Context, conn driver.Conn, database string, bound time.Duration, log func(string)) error {
	applied, err := appliedMigrations(ctx, conn, database)
	if err != nil {
		return err
	}
	pending, err := pendingMigrations(applied)
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	for _, m := range pending {
		log("ClickHouse: " + m.title())
		for n, statement := range m.statements {
			if err := classified(ctx, conn.Exec(ctx, statement)); err != nil {
				return fmt.Errorf("migration %s, statement %d of %d: %w", m.title(), n+1, len(m.statements), err)
			}
		}
		// Two migrations at once leave one record.
		err := once(ctx, m.title()+m.checksum, bound, func(ctx context.Context) error {
			return conn.Exec(ctx, `INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)`, m.version, m.name, m.checksum)
		}, func(ctx context.Context) (held bool, err error) {
			err = conn.QueryRow(ctx, `SELECT count() > 0 FROM schema_migrations WHERE version = $1 AND checksum = $2`, m.version, m.checksum).Scan(&held)
			return held, err
		})
		if err != nil {
			return err
		}
	}
	if len(pending) == 0 {
		log("ClickHouse: up to date")
	}
	return nil
}

// Plan returns the statements that Migrate would run.
func Plan(ctx context.Context, c Config) (statements []string, err error) {
	c = c.withDefaults()
	there, err := databaseExists(ctx, c)
	if err != nil {
		return nil, err
	}
	applied := map[uint32]string{}
	if there {
		conn, err := c.connect(c.Database)
		if err != nil {
			return nil, err
		}
		applied, err = appliedMigrations(ctx, conn, c.Database)
		if err := errors.Join(err, conn.Close()); err != nil {
			return nil, err
		}
	} else {
		statements = append(statements, createStatement(c.Database)+";")
	}
	pending, err := pendingMigrations(applied)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	for _, m := range pending {
		for _, s := range m.statements {
			statements = append(statements, s+";")
		}
	}
	return statements, nil
}

func (m *migration) title() string { return fmt.Sprintf("%04d %s", m.version, m.name) }

// appliedMigrations are the checksums of the migrations recorded in the
// database, by version; empty when none was ever recorded.
func appliedMigrations(ctx context.Context, conn driver.Conn, database string) (map[uint32]string, error) {
	applied := make(map[uint32]string)
	var tables uint64
	err := conn.QueryRow(ctx, `SELECT count() FROM system.tables WHERE database = $1 AND name = 'schema_migrations'`, database).Scan(&tables)
	if err != nil {
		return nil, classified(ctx, err)
	}
	if tables == 0 { // or it is hidden: a user without rights on a table does not see it
		return applied, granted(ctx, conn, "SELECT", database, "schema_migrations")
	}
	rows, err := conn.Query(ctx, `SELECT version, checksum FROM schema_migrations ORDER BY version`)
	if err != nil {
		return nil, classified(ctx, err)
	}
	for rows.Next() {
		var version uint32
		var checksum string
		if err := rows.Scan(&version, &checksum); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		applied[version] = checksum
	}
	return applied, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// checkMigrations refuses a schema of another release.
func checkMigrations(applied map[uint32]string) error {
	pending, err := pendingMigrations(applied)
	switch {
	case err != nil:
		return err
	case len(pending) > 0:
		return fmt.Errorf("the database has schema version %d, this tocsin needs %d: run tocsin migrate", len(applied), len(migrations))
	}
	return nil
}

// pendingMigrations are the migrations not applied yet. It refuses a database that
// a newer or another release has migrated.
func pendingMigrations(applied map[uint32]string) (pending []migration, err error) {
	for version := range applied {
		if version > uint32(len(migrations)) {
			return nil, fmt.Errorf("the database has schema version %d, this tocsin knows %d: upgrade tocsin", version, len(migrations))
		}
	}
	for _, m := range migrations {
		switch sum, done := applied[m.version]; {
		case !done:
			pending = append(pending, m)
		case sum != m.checksum:
			return nil, fmt.Errorf("migration %s was applied to the database in another form: it was made by a build that was never released; "+
				"use the build that made it, or another database", m.title())
		}
	}
	return pending, nil
}

func createStatement(database string) string {
	return "CREATE DATABASE IF NOT EXISTS " + quoted(database)
}

// quoted is an identifier in SQL's quotes, with any characters.
func quoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// databaseExists connects to the database system, which always exists.
func databaseExists(ctx context.Context, c Config) (there bool, err error) {
	conn, err := c.connect("system")
	if err != nil {
		return false, err
	}
	var n uint64
	err = classified(ctx, conn.QueryRow(ctx, `SELECT count() FROM system.databases WHERE name = $1`, c.Database).Scan(&n))
	return n > 0, errors.Join(err, conn.Close())
}

func createDatabase(ctx context.Context, c Config, log func(string)) error {
	there, err := databaseExists(ctx, c)
	if there || err != nil {
		return err
	}
	log("ClickHouse: make the database " + c.Database)
	conn, err := c.connect("system")
	if err != nil {
		return err
	}
	return errors.Join(classified(ctx, conn.Exec(ctx, createStatement(c.Database))), conn.Close())
}
