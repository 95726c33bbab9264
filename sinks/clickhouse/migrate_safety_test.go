package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/chserver/chtest"
)

// asked is a connection that keeps the statements it executes, and breaks once
// it has executed some: their effect is there and the answer of the last is not,
// as when the migrator is killed.
type asked struct {
	driver.Conn
	statements []string
	breakAfter int                  // 0 never
	between    func(statements int) // called before each statement, if not nil
}

var errKilled = errors.New("killed")

func (a *asked) Exec(ctx context.Context, query string, args ...any) error {
	if a.between != nil {
		a.between(len(a.statements))
	}
	if err := a.Conn.Exec(ctx, query, args...); err != nil {
		return err
	}
	a.statements = append(a.statements, query)
	if len(a.statements) == a.breakAfter {
		return errKilled
	}
	return nil
}

// earlier has a release that knows the first versions alone do something.
func earlier(version int, f func()) {
	all := migrations
	defer func() { migrations = all }()
	migrations = all[:version]
	f()
}

// lines are the rows of a query whose answer is one text each.
func lines(t testing.TB, conn driver.Conn, query string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var all strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&all, line)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// schemaOf is what a migration may change, whatever the database is called.
func schemaOf(t *testing.T, c Config) string {
	t.Helper()
	return lines(t, reader(t, c), `SELECT replaceAll(create_table_query, '`+c.Database+`', 'db') FROM system.tables WHERE database = currentDatabase() ORDER BY name`) +
		lines(t, reader(t, c), `SELECT version || name || checksum FROM (SELECT toString(version) AS version, name, checksum FROM schema_migrations) ORDER BY version`)
}

// TestMigrateResumesAnywhere kills a migration after each of its statements, the
// records of what is done included, and runs it again.
func TestMigrateResumesAnywhere(t *testing.T) {
	want := schemaOf(t, migrated(t))
	whole := &asked{}
	for n := 1; ; n++ {
		c := configOf(chtest.Server(t), chtest.Database(t))
		whole = &asked{Conn: reader(t, c), breakAfter: n}
		err := migrate(t.Context(), whole, c.Database, defaultInsertTimeout, func(string) {})
		if err == nil {
			break // it has fewer statements than that
		}
		if !errors.Is(err, errKilled) {
			t.Fatalf("broken after statement %d: %v", n, err)
		}
		if err := Migrate(t.Context(), c, func(string) {}); err != nil {
			t.Errorf("again, after statement %d of the first run: %v", n, err)
			continue
		}
		if diff := cmp.Diff(want, schemaOf(t, c)); diff != "" {
			t.Errorf("after statement %d of the first run:\n%s", n, diff)
		}
		opened(t, c)
	}
	planned := len(migrations)
	for _, m := range migrations {
		planned += len(m.statements)
	}
	if len(whole.statements) != planned {
		t.Errorf("a migration executes %d statements, want %d", len(whole.statements), planned)
	}
}

// What was applied cannot be read: a plan of everything would be wrong.
func TestPlanFailsWithoutWhatWasApplied(t *testing.T) {
	c := migrated(t)
	execute(t, reader(t, c), `ALTER TABLE schema_migrations RENAME COLUMN checksum TO sum`)
	if plan, err := Plan(t.Context(), c); err == nil || len(plan) > 0 {
		t.Errorf("a plan of %d statements, %v; want an error", len(plan), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if plan, err := Plan(ctx, c); err == nil || len(plan) > 0 {
		t.Errorf("whether there is a database cannot be read: a plan of %d statements, %v; want an error", len(plan), err)
	}
}

// TestPlanChangesNothing, and shows exactly what is then done, from each version.
func TestPlanChangesNothing(t *testing.T) {
	for version := range len(migrations) + 1 {
		c := configOf(chtest.Server(t), chtest.Database(t))
		if version > 0 {
			earlier(version, func() {
				if err := Migrate(t.Context(), c, func(string) {}); err != nil {
					t.Fatal(err)
				}
			})
		}
		state := func() string {
			return lines(t, reader(t, c), `SELECT toString(tuple(*)) FROM system.tables WHERE database = currentDatabase() ORDER BY name`) +
				lines(t, reader(t, c), `SELECT toString(tuple(*)) FROM system.columns WHERE database = currentDatabase() ORDER BY table, name`) +
				lines(t, reader(t, c), `SELECT table || name || hash_of_all_files FROM system.parts WHERE database = currentDatabase() AND active ORDER BY table, name`) +
				lines(t, reader(t, c), `SELECT toString(tuple(*)) FROM system.databases ORDER BY name`)
		}
		before := state()
		plan, err := Plan(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, state()); diff != "" {
			t.Errorf("a plan from version %d has changed:\n%s", version, diff)
		}
		done := &asked{Conn: reader(t, c)}
		if err := migrate(t.Context(), done, c.Database, defaultInsertTimeout, func(string) {}); err != nil {
			t.Fatal(err)
		}
		var did []string
		for _, s := range done.statements {
			if !strings.HasPrefix(s, "INSERT INTO schema_migrations ") {
				did = append(did, s+";")
			}
		}
		if diff := cmp.Diff(plan, did); diff != "" {
			t.Errorf("from version %d (-planned +done):\n%s", version, diff)
		}
	}
}

// TestMigratorsAtOnce: all of them succeed, and leave what one would. Between any
// two statements of one another does everything; then four race.
func TestMigratorsAtOnce(t *testing.T) {
	want := schemaOf(t, migrated(t))
	server := chtest.Server(t)
	for n, last := 0, false; !last; n++ {
		c := configOf(server, chtest.Database(t))
		last = true
		slow := &asked{Conn: reader(t, c), between: func(statements int) {
			if statements != n {
				return
			}
			last = false
			if err := Migrate(t.Context(), c, func(string) {}); err != nil {
				t.Errorf("after statement %d of another: %v", n, err)
			}
		}}
		if err := migrate(t.Context(), slow, c.Database, defaultInsertTimeout, func(string) {}); err != nil {
			t.Errorf("another did everything after statement %d: %v", n, err)
		}
		if diff := cmp.Diff(want, schemaOf(t, c)); diff != "" {
			t.Errorf("another did everything after statement %d:\n%s", n, diff)
		}
	}
	for range 2 {
		c := configOf(server, chtest.Database(t)+"_new")
		errs := make([]error, 4)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { errs[i] = Migrate(t.Context(), c, func(string) {}) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, schemaOf(t, c)); diff != "" {
			t.Error(diff)
		}
		if _, err := server.Query(t.Context(), "DROP DATABASE "+c.Database+" SYNC"); err != nil {
			t.Error(err)
		}
	}
}

// TestMigrationsLeaveRowsAlone: what was stored under each earlier version is in
// the same parts, with the same checksums, afterwards.
func TestMigrationsLeaveRowsAlone(t *testing.T) {
	for version := 2; version < len(migrations); version++ { // events are from version 2 on
		c := configOf(chtest.Server(t), chtest.Database(t))
		earlier(version, func() {
			if err := Migrate(t.Context(), c, func(string) {}); err != nil {
				t.Fatal(err)
			}
		})
		conn := reader(t, c)
		execute(t, conn, `SYSTEM STOP MERGES events`)
		for i := range 3 {
			execute(t, conn, fmt.Sprintf(`INSERT INTO events (topic, offset, raw) SELECT 'ledger.events', number + %d, toString(number) FROM numbers(10)`, 10*i))
		}
		parts := func() string {
			return lines(t, conn, `SELECT table || ' ' || name || ' ' || hash_of_all_files FROM system.parts
				WHERE database = currentDatabase() AND table != 'schema_migrations' AND active ORDER BY table, name`)
		}
		before := parts()
		if strings.Count(before, "events ") != 3 {
			t.Fatalf("parts before: %s", before)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a mutation would wait for merges
		err := Migrate(ctx, c, func(string) {})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, parts()); diff != "" {
			t.Errorf("from version %d:\n%s", version, diff)
		}
		if n := number(t, conn, `SELECT count() FROM system.mutations WHERE database = currentDatabase()`); n > 0 {
			t.Errorf("from version %d: %d mutations", version, n)
		}
	}
}

var (
	// Forms that may be executed again and touch no row.
	harmless = regexp.MustCompile(`^(CREATE TABLE IF NOT EXISTS|CREATE OR REPLACE VIEW|ALTER TABLE \w+ (ADD (COLUMN|INDEX|PROJECTION) IF NOT EXISTS|COMMENT COLUMN|MODIFY (COMMENT|SETTING))) `)
	// Words that no harmless form needs, wherever they stand: in the second
	// clause of an ALTER, or behind AS.
	harmful = regexp.MustCompile(`(?i)\b(UPDATE|DELETE|DROP|CLEAR|TRUNCATE|OPTIMIZE|INSERT|MATERIALIZED?|POPULATE|RENAME|EXCHANGE|REPLACE PARTITION|MODIFY (COLUMN|ORDER|TTL)|TTL)\b`)
	quotes  = regexp.MustCompile("(?s)'(?:[^'\\\\]|\\\\.|'')*'|`[^`]*`|--[^\n]*")
)

// rewrites is the reason why a statement has no place in a migration, or "".
func rewrites(statement string) string {
	bare := strings.TrimSpace(quotes.ReplaceAllString(statement, "''"))
	bare = strings.TrimSpace(strings.TrimLeft(bare, "'\n "))
	if word := harmful.FindString(bare); word != "" {
		return "it has " + word
	}
	if !harmless.MatchString(bare) {
		return "it is none of the forms that can be run again"
	}
	if strings.HasPrefix(bare, "CREATE TABLE") && regexp.MustCompile(`(?i)\bAS\s*\(?\s*SELECT\b`).MatchString(bare) {
		return "it fills a table"
	}
	return ""
}

func TestMigrationsRewriteNoRow(t *testing.T) {
	for _, m := range migrations {
		for n, s := range m.statements {
			if why := rewrites(s); why != "" {
				t.Errorf("migration %s, statement %d: %s", m.title(), n+1, why)
			}
		}
	}
	f := func(statement string, ok bool) {
		t.Helper()
		if why := rewrites(statement); (why == "") != ok {
			t.Errorf("%s: %q", statement, why)
		}
	}
	f("-- Why: UPDATE is not needed.\nALTER TABLE events ADD COLUMN IF NOT EXISTS x String COMMENT 'It''s no DELETE.'", true)
	f("ALTER TABLE events COMMENT COLUMN x 'what'", true)
	f("CREATE OR REPLACE VIEW v AS SELECT `update` FROM events", true)
	f("ALTER TABLE events ADD COLUMN x String", false)
	f("ALTER TABLE events ADD COLUMN IF NOT EXISTS x String, DELETE WHERE 1", false)
	f("ALTER TABLE events UPDATE x = '' WHERE 1", false)
	f("ALTER TABLE events MODIFY COLUMN x LowCardinality(String)", false)
	f("ALTER TABLE events MATERIALIZE COLUMN x", false)
	f("OPTIMIZE TABLE events FINAL", false)
	f("TRUNCATE TABLE events", false)
	f("INSERT INTO events SELECT * FROM old", false)
	f("CREATE TABLE IF NOT EXISTS n ENGINE = MergeTree ORDER BY x AS SELECT * FROM events", false)
	f("CREATE MATERIALIZED VIEW IF NOT EXISTS m ENGINE = MergeTree ORDER BY x POPULATE AS SELECT * FROM events", false)
}

// A database that a newer release has migrated is left as it is.
func TestMigrateRefusesTheNewer(t *testing.T) {
	c := migrated(t)
	execute(t, reader(t, c), `INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', '')`)
	_, planned := Plan(t.Context(), c)
	for _, err := range []error{planned, Migrate(t.Context(), c, func(string) {})} {
		if err == nil || !strings.Contains(err.Error(), "schema version 99") || !strings.Contains(err.Error(), "upgrade tocsin") {
			t.Errorf("%v", err)
		}
	}
}
