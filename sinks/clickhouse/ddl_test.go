package clickhouse

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the migrations that are made from the tables")

// TestMigrationsFollowTheTables compares the generated migrations with the
// tables they are made from. Once a migration has been released it is taken
// out of this test, which then no longer changes it, and
// TestDatabaseHasTheColumns demands a new one for what has changed since.
func TestMigrationsFollowTheTables(t *testing.T) {
	for file, want := range map[string]string{
		"migrations/0002_events.sql": eventsSQL(),
		"migrations/0005_views.sql":  viewsSQL(),
	} {
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		held, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(held)); diff != "" {
			t.Errorf("%s (run `go generate ./sinks/clickhouse`):\n%s", file, diff)
		}
	}
}

const storedAtDoc = "When this copy of the row was stored. Not a fact about the event."

const madeBy = "-- Made by `go generate ./sinks/clickhouse` from the tables of columns and fields.\n\n"

// eventsSQL makes the table of events.
func eventsSQL() string {
	var b strings.Builder
	b.WriteString(madeBy + `-- One row for every Kafka record, good or bad. Plain MergeTree: queries need no
-- FINAL. The table drops an insert whose token is among the last 100,000, which is
-- three hours at ten inserts a second. Parts below 256 MiB are compact, and larger
-- merges go column by column: a merge with all columns of a wide part open at once
-- would take a gigabyte of memory.
CREATE TABLE IF NOT EXISTS events
(
`)
	for i := range columns {
		c := &columns[i]
		codec := ""
		if c.codec != "" {
			codec = " CODEC(" + c.codec + ")"
		}
		alias := ""
		if c.alias != "" {
			alias = " ALIAS " + c.alias
		}
		fmt.Fprintf(&b, "    `%s` %s%s COMMENT %s%s,\n", c.name, c.typ, alias, literal(c.doc), codec)
	}
	fmt.Fprintf(&b, `    %s DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT %s,
    INDEX lately stored_at TYPE minmax,
    PROJECTION by_offset
    (
        SELECT cluster, topic, topic_id, partition, offset, batch_first, batch_last, batch_rows
        ORDER BY cluster, topic, topic_id, partition, offset
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(batch_at)
ORDER BY (event_type, company_code, happened_at, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 100000, min_bytes_for_wide_part = 268435456, vertical_merge_algorithm_min_rows_to_activate = 1
COMMENT 'Every Kafka record with the event it carries and the verdicts on it.';
`, storedAt, literal(storedAtDoc))
	return b.String()
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{storedAt: true}
	for i := range columns {
		if name := columns[i].name; seen[name] {
			t.Errorf("column %s stands twice", name)
		} else {
			seen[name] = true
		}
	}
	for _, name := range fewValues {
		if i := slices.IndexFunc(columns, func(c col) bool { return c.name == name }); i < 0 || columns[i].group != fields {
			t.Errorf("fewValues names %s, which is no column of a field", name)
		}
	}
}

// TestSharedFieldsAgree: a field that both schemas have is one column.
func TestSharedFieldsAgree(t *testing.T) {
	shared := 0
	for i := range columns {
		a, b := columns[i].from[ledger].field, columns[i].from[system].field
		if a == nil || b == nil {
			continue
		}
		shared++
		if a.Kind != b.Kind || a.Unit != b.Unit || a.Rare != b.Rare || a.Doc != b.Doc || !slices.Equal(a.Values, b.Values) {
			t.Errorf("field %s is declared differently in the two schemas", a.Name)
		}
	}
	if shared < 19 {
		t.Errorf("%d fields are shared, want the common ones at least", shared)
	}
}
