package clickhouse

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/event"
)

var update = flag.Bool("update", false, "write the migrations that are made from the tables")

// TestMigrationsFollowTheTables compares the generated migrations with the
// tables they are made from. Once a migration has been released it is taken
// out of this test, which then no longer changes it, and
// TestDatabaseHasTheColumns demands a new one for what has changed since.
func TestMigrationsFollowTheTables(t *testing.T) {
	for file, want := range map[string]string{
		"migrations/0002_events.sql": eventsSQL(),
		"migrations/0004_views.sql":  viewsSQL(),
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

const madeBy = "-- Made by `go generate ./sinks/clickhouse` from the tables of columns and fields.\n\n"

// eventsSQL makes the table of events.
func eventsSQL() string {
	var b strings.Builder
	b.WriteString(madeBy + `-- One row for every Kafka record, good or bad. Plain MergeTree: queries need no
-- FINAL. An insert whose token is among the last 100,000 is dropped, which at ten
-- inserts a second is the last three hours. Parts below 256 MiB are compact and
-- larger merges go column by column: a wide part with these many columns open at
-- once would take a gigabyte of memory.
CREATE TABLE IF NOT EXISTS events
(
`)
	for i := range columns {
		c := &columns[i]
		codec := ""
		if c.codec != "" {
			codec = " CODEC(" + c.codec + ")"
		}
		fmt.Fprintf(&b, "    `%s` %s COMMENT '%s'%s,\n", c.name, c.typ, strings.ReplaceAll(c.doc, "'", "''"), codec)
	}
	fmt.Fprintf(&b, `    %s DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When this copy of the row was stored. Says nothing about the event.',
    INDEX lately stored_at TYPE minmax,
    PROJECTION by_offset
    (
        SELECT cluster, topic, partition, offset, batch_first, batch_last, batch_rows
        ORDER BY cluster, topic, partition, offset
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(batch_at)
ORDER BY (event_type, company_code, happened_at, topic, partition, offset)
SETTINGS non_replicated_deduplication_window = 100000, min_bytes_for_wide_part = 268435456, vertical_merge_algorithm_min_rows_to_activate = 1
COMMENT 'Every Kafka record with the event it carries and the verdicts on it.';
`, storedAt)
	return b.String()
}

// viewsSQL makes the views.
func viewsSQL() string {
	const place = "cluster, topic, partition, offset, kafka_timestamp, happened_at"
	var b strings.Builder
	b.WriteString(madeBy)
	view := func(name, comment, body string) {
		fmt.Fprintf(&b, "CREATE OR REPLACE VIEW %s AS\n%s\nCOMMENT '%s';\n\n", name, strings.TrimSpace(body), comment)
	}
	types := func(s *event.Schema) string {
		var names []string
		for _, t := range event.Types() {
			if t.Schema == s {
				names = append(names, "'"+t.Name+"'")
			}
		}
		return wrapped(names)
	}
	flat := func(which int) string { // the columns of a schema's fields that are no lists
		var names []string
		for i := range columns {
			if ref := columns[i].from[which]; ref.field != nil && ref.list == nil {
				names = append(names, columns[i].name)
			}
		}
		return wrapped(names)
	}
	var lists, members []string
	for i := range columns {
		if ref := columns[i].from[ledger]; ref.list != nil {
			lists = append(lists, "`"+columns[i].name+"`")
			members = append(members, fmt.Sprintf("line.%s AS %[1]s", ref.field.Column()))
		}
	}
	view("ledger_events", "Ledger events with their own fields.", fmt.Sprintf(`
SELECT %s,
    findings.rule AS candidate_rules,
    %s,
    %s
FROM events
WHERE event_type IN (%s)`, place, flat(ledger), wrapped(lists), types(event.Ledger)))
	view("ledger_lines", "One row for each journal line, with the fields of its journal. Signed amounts: debits above zero, credits below.", fmt.Sprintf(`
SELECT %s,
    %s,
    %s,
    if(line.debit_credit = 'C', -line.amount_transaction, line.amount_transaction) AS signed_transaction,
    if(line.debit_credit = 'C', -line.amount_functional, line.amount_functional) AS signed_functional,
    if(line.debit_credit = 'C', -line.amount_group, line.amount_group) AS signed_group
FROM events
ARRAY JOIN lines AS line
WHERE event_type IN (%s)`, place, flat(ledger), wrapped(members), types(event.Ledger)))
	view("system_events", "System events with their own fields.", fmt.Sprintf(`
SELECT %s,
    findings.rule AS candidate_rules,
    %s
FROM events
WHERE event_type IN (%s)`, place, flat(system), types(event.System)))

	const finding = `candidate_id, severity, item, key, trigger, trigger_field, due_date, due_at, due_at_conservative, deadline_error, value, explanation, reason`
	var ofVerdict, ofCandidate []string
	for name := range strings.SplitSeq(finding, ", ") {
		ofVerdict = append(ofVerdict, fmt.Sprintf("findings.%s[found] AS %[1]s", name))
		ofCandidate = append(ofCandidate, fmt.Sprintf("f.%s AS %[1]s", name))
	}
	view("verdicts", "One row for each rule that judged an event, no_match included.", fmt.Sprintf(`
SELECT * EXCEPT (found)
FROM
(
    SELECT %s,
    event_type, event_source, event_id, registrant_cik, company_code, rules_digest, calendar_version,
    v.rule AS rule, v.revision AS revision, v.outcome AS outcome,
    indexOf(findings.rule, v.rule) AS found,
    %s
    FROM events
    ARRAY JOIN verdicts AS v
)`, place, strings.Join(ofVerdict, ",\n    ")))
	view("candidates", "One row for each disclosure candidate: the first event that raised the matter.", fmt.Sprintf(`
SELECT f.rule AS rule,
    %s,
    %s,
    event_type, event_source, event_id, registrant_cik, company_code, rules_digest, calendar_version
FROM events
ARRAY JOIN findings AS f
ORDER BY kafka_timestamp, cluster, topic, partition, offset
LIMIT 1 BY candidate_id`, wrapped(ofCandidate), place))
	view("completeness", "Whether every record of a partition is there once. lost, doubled and overlapping are 0 in a sound table; "+
		"skipped are offsets between batches, which Kafka gives to transaction markers, or which were compacted away.", `
SELECT cluster, topic, partition,
    sum(held) AS rows,
    min(batch_first) AS first_offset,
    max(batch_last) AS last_offset,
    count() AS batches,
    toUInt64(sum(batch_rows > held ? batch_rows - held : 0)) AS lost,
    toUInt64(sum(held > batch_rows ? held - batch_rows : 0)) AS doubled,
    toUInt64(sum(batch_first > before + 1 ? batch_first - before - 1 : 0)) AS skipped,
    countIf(batch_first <= before) AS overlapping
FROM
(
    SELECT *, lagInFrame(batch_last, 1, batch_first - 1) OVER (PARTITION BY cluster, topic, partition ORDER BY batch_first, batch_last
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
    FROM
    (
        SELECT cluster, topic, partition, batch_first, batch_last, max(batch_rows) AS batch_rows, count() AS held
        FROM events
        GROUP BY cluster, topic, partition, batch_first, batch_last
    )
)
GROUP BY cluster, topic, partition
ORDER BY cluster, topic, partition`)
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// wrapped joins a list of names, some to a line.
func wrapped(names []string) string {
	var lines []string
	for few := range slices.Chunk(names, 6) {
		lines = append(lines, strings.Join(few, ", "))
	}
	return strings.Join(lines, ",\n    ")
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
		if a.Kind != b.Kind || a.Unit != b.Unit || a.Doc != b.Doc || !slices.Equal(a.Values, b.Values) {
			t.Errorf("field %s is declared differently in the two schemas", a.Name)
		}
	}
	if shared < 19 {
		t.Errorf("%d fields are shared, want the common ones at least", shared)
	}
}
