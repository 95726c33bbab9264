package clickhouse

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/event"
)

// view is one view of the schema.
type view struct {
	name, doc string
	columns   []viewColumn
	body      string // of the SELECT, after its columns
}

// viewColumn is one column of a view: a column of events under its own name
// and comment, or an expression.
type viewColumn struct {
	name, typ, doc string
	expr           string // empty: the column called name
}

// views are the views in the order in which they are made: a view reads
// tables, never another view.
func views() []view {
	return []view{
		{"ledger_events", "Ledger events with their own fields.",
			slices.Concat(inPlace(), raised(), flat(ledger), listColumns(ledger)),
			"FROM events\nWHERE event_type IN (" + typesOf(event.Ledger) + ")"},
		{"ledger_lines", "One row for each journal line, with the fields of its journal. Signed amounts: debits above zero, credits below. Sum amounts of one currency.",
			slices.Concat(inPlace(), flat(ledger), lineMembers(), signed()),
			"FROM events\nARRAY JOIN lines AS line\nWHERE event_type IN (" + typesOf(event.Ledger) + ")"},
		{"system_events", "System events with their own fields.",
			slices.Concat(inPlace(), raised(), flat(system)),
			"FROM events\nWHERE event_type IN (" + typesOf(event.System) + ")"},
		balancesView(), verdictsView(), candidatesView(), deadLettersView(), completenessView(),
	}
}

// viewsSQL is the migration that makes the views.
func viewsSQL() string {
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(madeBy, "\n"))
	for _, v := range views() {
		fmt.Fprintf(&b, "\nCREATE OR REPLACE VIEW %s\n(\n", v.name)
		for i, c := range v.columns {
			comma := ","
			if i == len(v.columns)-1 {
				comma = ""
			}
			fmt.Fprintf(&b, "    `%s` %s COMMENT %s%s\n", c.name, c.typ, literal(c.doc), comma)
		}
		fmt.Fprintf(&b, ")\nAS %s\nCOMMENT %s;\n", v.query(), literal(v.doc))
	}
	return b.String()
}

// query is the SELECT of a view: an expression has a line of its own.
func (v view) query() string {
	var lines, names []string
	for _, c := range v.columns {
		switch {
		case c.expr != "":
			lines, names = append(lines, inLines(names)...), nil
			lines = append(lines, c.expr+" AS "+c.name)
		case strings.Contains(c.name, "."):
			names = append(names, "`"+c.name+"`")
		default:
			names = append(names, c.name)
		}
	}
	lines = append(lines, inLines(names)...)
	return "SELECT " + strings.Join(lines, ",\n    ") + "\n" + v.body
}

// subquery is the view's query within another, which calls it alias.
func (v view) subquery(alias string) string {
	return strings.TrimSuffix("(\n    "+strings.ReplaceAll(v.query(), "\n", "\n    ")+"\n) AS "+alias, " AS ")
}

// inLines joins names, some to a line.
func inLines(names []string) (lines []string) {
	for few := range slices.Chunk(names, 6) {
		lines = append(lines, strings.Join(few, ", "))
	}
	return lines
}

// of are columns of events as they are.
func of(names ...string) (all []viewColumn) {
	for _, name := range names {
		c := columnNamed(name)
		all = append(all, viewColumn{name: c.name, typ: c.typ, doc: c.doc})
	}
	return all
}

func columnNamed(name string) *col {
	i := slices.IndexFunc(columns, func(c col) bool { return c.name == name })
	if i < 0 {
		panic("no column " + name)
	}
	return &columns[i]
}

// member is an element of the array list.name of events.
func member(list, name, expr string) viewColumn {
	c := columnNamed(list + "." + name)
	return viewColumn{name, strings.TrimSuffix(strings.TrimPrefix(c.typ, "Array("), ")"), c.doc, expr}
}

// inPlace are the columns that identify the record of a row.
func inPlace() []viewColumn {
	return of("cluster", "topic", "topic_id", "partition", "offset", "kafka_timestamp", "happened_at")
}

// judgedBy are the columns that identify the judged event and the rules.
func judgedBy() []viewColumn {
	return of("event_type", "event_source", "event_id", "registrant_cik", "company_code", "rules_digest", "calendar_version")
}

// raised are the rules that found the event, and the values that no column holds.
func raised() []viewColumn {
	c := columnNamed("findings.rule")
	return append([]viewColumn{{"candidate_rules", c.typ, c.doc, "findings.rule"}}, of("unstored.field", "unstored.value")...)
}

// flat are the columns of a schema's fields that are no lists of records.
func flat(which int) (all []viewColumn) {
	for i := range columns {
		if ref := columns[i].from[which]; ref.field != nil && ref.list == nil {
			all = append(all, of(columns[i].name)...)
		}
	}
	return all
}

// listColumns are the columns of a schema's lists of records.
func listColumns(which int) (all []viewColumn) {
	for i := range columns {
		if columns[i].from[which].list != nil {
			all = append(all, of(columns[i].name)...)
		}
	}
	return all
}

// lineMembers are the fields of a journal line.
func lineMembers() (all []viewColumn) {
	for i := range columns {
		if ref := columns[i].from[ledger]; ref.list != nil {
			c := member("lines", ref.field.Column(), "line."+ref.field.Column())
			if c.name == "currency" {
				c.typ, c.expr, c.doc = "String", "if(empty(line.currency), toString(transaction_currency), toString(line.currency))", "ISO 4217 code of amount_transaction and signed_transaction: the line's own, or the journal's."
			}
			if c.name == "amount_transaction" {
				c.doc = "Amount, unsigned. In currency."
			}
			all = append(all, c)
		}
	}
	return all
}

func signed() (all []viewColumn) {
	for _, currency := range []string{"transaction", "functional", "group"} {
		amount := "line.amount_" + currency
		c := member("lines", "amount_"+currency, fmt.Sprintf("if(line.debit_credit = 'C', -%s, %[1]s)", amount))
		in := currency + "_currency"
		if currency == "transaction" {
			in = "currency"
		}
		c.name, c.doc = "signed_"+currency, "amount_"+currency+", below zero where debit_credit is C. In "+in+"."
		all = append(all, c)
	}
	return all
}

// findingMembers are what is stored of a finding, without its rule.
func findingMembers(expr string) (all []viewColumn) {
	for i := range columns {
		if name, ok := strings.CutPrefix(columns[i].name, "findings."); ok && name != "rule" {
			all = append(all, member("findings", name, fmt.Sprintf(expr, name)))
		}
	}
	return all
}

func verdictsView() view {
	rule := member("verdicts", "rule", "v.rule")
	rule.doc = "Rule that judged the event."
	judged := slices.Concat(inPlace(), judgedBy(), []viewColumn{rule, member("verdicts", "revision", "v.revision"), member("verdicts", "outcome", "v.outcome")},
		findingMembers("findings.%s[found]"))
	for i := range judged {
		if c := &judged[i]; strings.HasSuffix(c.expr, "[found]") && c.typ == wordType {
			c.typ = "String" // what the server takes out of an array by a number that is no constant
		}
	}
	inner := view{columns: append(slices.Clone(judged), viewColumn{name: "found", expr: "indexOf(findings.rule, v.rule)"}),
		body: "FROM events\nARRAY JOIN verdicts AS v"}
	outer := slices.Clone(judged)
	for i := range outer {
		outer[i].expr = ""
	}
	return view{"verdicts", "One row for each rule that judged an event, no_match included. What only a candidate has is empty or NULL for no_match.",
		outer, "FROM\n" + inner.subquery("")}
}

func candidatesView() view {
	rule := member("findings", "rule", "f.rule")
	rule.doc = "Rule that raised the candidate."
	outcome := member("verdicts", "outcome", "`verdicts.outcome`[indexOf(`verdicts.rule`, f.rule)]")
	outcome.doc = "match: the rule's condition holds. indeterminate or error: the rule could not decide; reason has the cause."
	return view{"candidates", "One row for each disclosure candidate: the first event that raised the matter.",
		slices.Concat([]viewColumn{rule, outcome}, findingMembers("f.%s"), inPlace(), judgedBy()),
		"FROM events\nARRAY JOIN findings AS f\nORDER BY kafka_timestamp, cluster, topic, topic_id, partition, offset\nLIMIT 1 BY candidate_id"}
}

// placeText is Place.String of a row.
const placeText = "concat(topic, if(topic_id = '', '', concat('/', topic_id)), '/', toString(partition), '/', toString(offset))"

// deadLettersView names event_type, which a dead letter leaves empty: by it the
// key of the table finds the dead letters.
func deadLettersView() view {
	kept := slices.Concat(inPlace(), of("key", "failure_stage", "failure_code", "failure_field", "failure_offset", "failure_detail", "raw", "raw_sha256"),
		[]viewColumn{{name: storedAt, typ: columnTypes[storedAt], doc: storedAtDoc}}, of("replay_of"))
	letter := view{columns: append(slices.Clone(kept), viewColumn{name: "place", expr: "concat(cluster, '/', " + placeText + ")"}),
		body: "FROM events\nWHERE event_type = '' AND failure_stage != ''"}
	status := viewColumn{"status", "String", "open; pending: a replay is noted and has no row yet; replayed: a replay is an event; failed_again: the replay is a dead letter too; discarded.",
		`multiIf(ifNull(again.sound, '') != '', 'replayed',
        ifNull(noted.discards, 0) > 0, 'discarded',
        ifNull(again.failed, '') != '', 'failed_again',
        ifNull(noted.replays, 0) > ifNull(noted.refusals, 0), 'pending',
        'open')`}
	replayed := viewColumn{"replayed_as", "String", "topic/topic_id/partition/offset of the replay that status speaks of, without topic_id where that is empty; else empty.",
		"if(ifNull(again.sound, '') != '', again.sound, ifNull(again.failed, ''))"}
	return view{"dead_letters", "Records that are no events, with the reason and what became of them.", append(kept, status, replayed),
		"FROM\n" + letter.subquery("letter") + `
LEFT JOIN
(
    SELECT replay_of AS place,
        argMaxIf(` + placeText + `, (kafka_millis, offset), failure_stage = '') AS sound,
        argMaxIf(` + placeText + `, (kafka_millis, offset), failure_stage != '') AS failed
    FROM events
    WHERE replay_of != ''
    GROUP BY replay_of
) AS again ON again.place = letter.place
LEFT JOIN
(
    SELECT concat(cluster, '/', ` + placeText + `) AS place,
        countIf(action = 'replay') AS replays, countIf(action = 'refused') AS refusals, countIf(action = 'discard') AS discards
    FROM dispositions
    GROUP BY cluster, topic, topic_id, partition, offset
) AS noted ON noted.place = letter.place`}
}

func completenessView() view {
	count := func(name, expr, doc string) viewColumn { return viewColumn{name, "UInt64", doc, expr} }
	return view{"completeness", "One row for each log, that is for each partition of a topic: whether every record is there once. lost, doubled and overlapping are 0 in a sound table.",
		append(of("cluster", "topic", "topic_id", "partition"),
			count("rows", "sum(held)", "Rows of the partition."),
			viewColumn{"first_offset", "Int64", "Offset of its first row.", "min(batch_first)"},
			viewColumn{"last_offset", "Int64", "Offset of its last row.", "max(batch_last)"},
			count("batches", "count()", "Batches that stored them."),
			count("lost", "toUInt64(sum(batch_rows > held ? batch_rows - held : 0))", "Rows that a batch has too few. 0 in a sound table."),
			count("doubled", "toUInt64(sum(held > batch_rows ? held - batch_rows : 0))", "Rows that a batch has too many. 0 in a sound table."),
			count("skipped", "toUInt64(sum(batch_first > before + 1 ? batch_first - before - 1 : 0))",
				"Offsets between batches. Kafka gives offsets to transaction markers, and compaction removes records; without either it is 0 in a sound table."),
			count("overlapping", "countIf(batch_first <= before)", "Batches that begin within another. 0 in a sound table.")),
		`FROM
(
    SELECT *, lagInFrame(batch_last, 1, batch_first - 1) OVER (PARTITION BY cluster, topic, topic_id, partition ORDER BY batch_first, batch_last
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before
    FROM
    (
        SELECT cluster, topic, topic_id, partition, batch_first, batch_last, max(batch_rows) AS batch_rows, count() AS held
        FROM events
        GROUP BY cluster, topic, topic_id, partition, batch_first, batch_last
    )
)
GROUP BY cluster, topic, topic_id, partition
ORDER BY cluster, topic, topic_id, partition`}
}

// typesOf are the event types of a schema, as SQL lists them.
func typesOf(s *event.Schema) string {
	var names []string
	for _, t := range event.Types() {
		if t.Schema == s {
			names = append(names, literal(t.Name))
		}
	}
	return strings.Join(inLines(names), ",\n    ")
}

// TestViewsHaveTheColumns compares the views of a live database with their
// definition: every view, every column, its type and its comment.
func TestViewsHaveTheColumns(t *testing.T) {
	c := migrated(t)
	conn := reader(t, c)
	type column struct{ Type, Doc string }
	want, held := map[string]column{}, map[string]column{}
	for _, v := range views() {
		want[v.name] = column{"View", v.doc}
		for _, c := range v.columns {
			want[v.name+" "+c.name] = column{c.typ, c.doc}
		}
	}
	for _, query := range []string{
		`SELECT name, engine, comment FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%View'`,
		`SELECT table || ' ' || name, type, comment FROM system.columns WHERE database = currentDatabase()
			AND table IN (SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%View')`,
	} {
		rows, err := conn.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var name string
			var has column
			if err := rows.Scan(&name, &has.Type, &has.Doc); err != nil {
				t.Fatal(err)
			}
			if held[name] = has; has.Doc == "" {
				t.Errorf("%s has no comment", name)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Errorf("views (-definition +database):\n%s", diff)
	}
}

// TestCandidateCalendarHasTheComments: the observer's view, which deploy/grants
// makes, has the types and the comments of candidates.
func TestCandidateCalendarHasTheComments(t *testing.T) {
	text, err := os.ReadFile("../../deploy/grants/clickhouse.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, statement, found := strings.Cut(string(text), "CREATE OR REPLACE VIEW tocsin.candidate_calendar")
	statement, _, ended := strings.Cut(statement, ";\n")
	if !found || !ended {
		t.Fatal("deploy/grants/clickhouse.sql makes no view candidate_calendar")
	}
	conn := reader(t, migrated(t))
	execute(t, conn, "CREATE VIEW candidate_calendar"+strings.ReplaceAll(statement, "tocsin.", ""))
	var held, same uint64
	err = conn.QueryRow(t.Context(), `SELECT count(), countIf((name, type, comment) IN
		(SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = 'candidates'))
		FROM system.columns WHERE database = currentDatabase() AND table = 'candidate_calendar'`).Scan(&held, &same)
	if err != nil || held < 10 || held != same {
		t.Errorf("candidate_calendar has %d columns, %d of them as candidates has them: %v", held, same, err)
	}
}

// TestViewsConvertNothing: the type that a view declares for a column is the
// type of the column's expression, so the server converts no value.
func TestViewsConvertNothing(t *testing.T) {
	conn := reader(t, migrated(t))
	for _, v := range views() {
		rows, err := conn.Query(t.Context(), "DESCRIBE ("+v.query()+")")
		if err != nil {
			t.Fatal(err)
		}
		var want, held []string
		for _, c := range v.columns {
			want = append(want, c.name+" "+c.typ)
		}
		for rows.Next() {
			var name, typ, rest string // rest: of default, comment, codec and TTL
			if err := rows.Scan(&name, &typ, &rest, &rest, &rest, &rest, &rest); err != nil {
				t.Fatal(err)
			}
			held = append(held, name+" "+typ)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, held); diff != "" {
			t.Errorf("%s (-declared +of its query):\n%s", v.name, diff)
		}
	}
}
