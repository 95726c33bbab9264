package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/chserver/chtest"
)

// TestDatabaseHasTheColumns holds the schema that the migrations make against
// the table of columns, comments included.
func TestDatabaseHasTheColumns(t *testing.T) {
	c := migrated(t)
	rows, err := reader(t, c).Query(t.Context(), `SELECT name, type, comment FROM system.columns WHERE database = $1 AND table = 'events'`, c.Database)
	if err != nil {
		t.Fatal(err)
	}
	type column struct{ Type, Doc string }
	held := map[string]column{}
	for rows.Next() {
		var name string
		var has column
		if err := rows.Scan(&name, &has.Type, &has.Doc); err != nil {
			t.Fatal(err)
		}
		held[name] = has
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]column{storedAt: {columnTypes[storedAt], storedAtDoc}}
	for i := range columns {
		want[columns[i].name] = column{columns[i].typ, columns[i].doc}
	}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Errorf("write a migration with ALTER TABLE events ADD COLUMN IF NOT EXISTS or COMMENT COLUMN (-want +held):\n%s", diff)
	}
}

func TestMigrate(t *testing.T) {
	c := configOf(chtest.Server(t), chtest.Database(t))
	plan, err := Plan(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if joined := strings.Join(plan, "\n"); !strings.Contains(joined, "CREATE TABLE IF NOT EXISTS events") || !strings.Contains(joined, "VIEW completeness") {
		t.Errorf("the plan lacks the table or the views:\n%s", joined)
	}
	// Broken off after the second migration, before it was recorded.
	conn := reader(t, c)
	execute(t, conn, migrations[1].statements[0])
	for _, want := range []string{migrations[len(migrations)-1].title(), "up to date"} {
		var steps []string
		if err := Migrate(t.Context(), c, func(line string) { steps = append(steps, line) }); err != nil {
			t.Fatal(err)
		}
		if len(steps) == 0 || !strings.HasSuffix(steps[len(steps)-1], want) {
			t.Errorf("Migrate reported %q, want %s at last", steps, want)
		}
	}
	if n := number(t, conn, `SELECT count() FROM schema_migrations`); int(n) != len(migrations) {
		t.Errorf("%d migrations recorded, want %d", n, len(migrations))
	}
	if plan, err := Plan(t.Context(), c); err != nil || len(plan) > 0 {
		t.Errorf("a plan for a database that is up to date: %q, %v", plan, err)
	}
}

func TestMigrateMakesTheDatabase(t *testing.T) {
	server := chtest.Server(t)
	c := configOf(server, chtest.Database(t)+"_new")
	plan, err := Plan(t.Context(), c)
	if err != nil || !strings.HasPrefix(plan[0], "CREATE DATABASE") {
		t.Errorf("plan: %v, %v", plan, err)
	}
	if err := Migrate(t.Context(), c, func(string) {}); err != nil {
		t.Fatal(err)
	}
	opened(t, c)
	if _, err := server.Query(t.Context(), "DROP DATABASE "+c.Database+" SYNC"); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	f := func(name, statement string, want ...string) {
		t.Helper()
		c := migrated(t)
		for s := range strings.SplitSeq(statement, ";") {
			execute(t, reader(t, c), s)
		}
		s, err := Open(t.Context(), c)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
			return
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q lacks %q", name, err, w)
			}
		}
	}
	last := len(migrations)
	f("never migrated", `DROP TABLE schema_migrations`, "schema version 0", "run tocsin migrate")
	f("older", fmt.Sprintf(`ALTER TABLE schema_migrations DELETE WHERE version = %d SETTINGS mutations_sync = 1`, last),
		fmt.Sprintf("schema version %d, this tocsin needs %d: run tocsin migrate", last-1, last))
	f("newer", `INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'later', '')`, "schema version 99", "upgrade tocsin")
	f("another build", `ALTER TABLE schema_migrations UPDATE checksum = 'x' WHERE version = 1 SETTINGS mutations_sync = 1`, "0001 schema_migrations", "another form")
	f("no window", `ALTER TABLE events MODIFY SETTING non_replicated_deduplication_window = 0`, "remembers 0 inserts", "MODIFY SETTING non_replicated_deduplication_window = 100000")
	f("another type", `ALTER TABLE events MODIFY COLUMN header_text LowCardinality(String)`, "header_text is LowCardinality(String), not String")
	f("a column gone", `ALTER TABLE events DROP COLUMN header_text`, "header_text String is missing")
	f("another engine", `CREATE TABLE other ENGINE = ReplacingMergeTree ORDER BY offset AS SELECT * FROM events; EXCHANGE TABLES other AND events`, "engine ReplacingMergeTree")
	f("no table", `DROP TABLE events`, "no table events", "restore it")
	c := migrated(t)
	execute(t, reader(t, c), `ALTER TABLE events ADD COLUMN ours String`)
	opened(t, c) // what others add is theirs
}

func TestCheckVersion(t *testing.T) {
	f := func(version string, ok bool) {
		t.Helper()
		if err := checkVersion(version); (err == nil) != ok {
			t.Errorf("%s: %v", version, err)
		}
	}
	f("25.8.1.5", true)
	f("26.1.1", true)
	f("25.7.9", false)
	f("24.12.1", false)
	f("next", false)
}

func TestATableMustRememberTokensLongEnough(t *testing.T) {
	f := func(engine, settings string, remember time.Duration, want string) {
		t.Helper()
		err := checkEngine(engine, engine+" ORDER BY x SETTINGS index_granularity = 8192"+settings, remember)
		if got := fmt.Sprint(err); (err == nil) != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s%s for %s: %v, want %q", engine, settings, remember, err, want)
		}
	}
	f("MergeTree", "", time.Minute, "remembers 0 inserts and must remember 10000")
	f("MergeTree", ", non_replicated_deduplication_window = 10000", 100*time.Second, "")
	f("MergeTree", ", non_replicated_deduplication_window = 10000", 101*time.Second, "must remember 10100")
	f("MergeTree", ", replicated_deduplication_window = 10000", time.Minute, "remembers 0 inserts")
	f("ReplicatedMergeTree", "", time.Minute, "")
	f("ReplicatedMergeTree", ", replicated_deduplication_window = 0", time.Minute, "remembers 0 inserts")
	f("ReplicatedMergeTree", ", replicated_deduplication_window = 1000000", 2*time.Hour, "remembers inserts for 3600 s")
	f("ReplicatedMergeTree", ", replicated_deduplication_window_seconds = 30", time.Minute, "remembers inserts for 30 s")
	f("ReplacingMergeTree", ", non_replicated_deduplication_window = 100000", 0, "rewrites or splits rows")
}
