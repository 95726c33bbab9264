package clickhouse

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// TestRoundTrip stores 10,000 random rows and reads every column of every row
// back as the text that the server makes of it, which shares no code with the
// way the values went in. It reads a rare field from the views too.
func TestRoundTrip(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	r := newRandom(1)
	var rows []*stored
	for i, share := range []float64{1, 0.02, 0.3, 0, 0.5, 1, 0.1, 0.01, 0.8, 0.3} {
		b := r.batch("t", int64(i)*1000, 1000, share)
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for i := range b.Rows {
			rows = append(rows, newStored(b, &b.Rows[i]))
		}
	}
	if parts := number(t, conn, `SELECT count() FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND level = 0`); parts > 10 {
		t.Errorf("10 batches made %d parts: a batch must be one block in one partition", parts)
	}
	values := 0
	for i := range columns {
		c := &columns[i]
		compare := func(table string, rows []*stored) {
			t.Helper()
			held := read(t, conn, c, table)
			if len(held) != len(rows) {
				t.Fatalf("column %s of %s has %d rows, want %d", c.name, table, len(held), len(rows))
			}
			for n, row := range rows {
				want := row.texts(c)
				values += len(want)
				if joined := fmt.Sprint(len(want)) + separator + strings.Join(want, separator); joined != held[n] {
					t.Fatalf("column %s %s of %s, offset %d (-want +held):\n%s", c.name, c.typ, table, row.row.Offset, cmp.Diff(joined, held[n]))
				}
			}
		}
		compare("events", rows)
		for w, view := range map[int]string{ledger: "ledger_events", system: "system_events"} {
			if f := c.from[w].field; f != nil && f.Rare {
				compare(view, slices.DeleteFunc(slices.Clone(rows), func(s *stored) bool { return s.row.Event == nil || which(s.row.Event.Schema()) != w }))
			}
		}
	}
	t.Logf("%d rows, %d columns, %d values", len(rows), len(columns), values)
}

// separator stands between the values of one column of one row.
const separator = "|"

// read returns a column of a table in offset order: for each row how many values
// it has, and their texts.
func read(t *testing.T, conn driver.Conn, c *col, table string) (all []string) {
	t.Helper()
	item, list := "toString(x)", fmt.Sprintf("[`%s`]", c.name)
	switch {
	case c.keyed:
		item, list = "concat(x.1, ' ', x.2)", fmt.Sprintf("CAST(`%s`, 'Array(Tuple(String, String))')", c.name)
	case c.array:
		list = fmt.Sprintf("`%s`", c.name)
	}
	if c.width == 32 {
		item = "lower(hex(x))" // toString cuts zero bytes off
	}
	rows, err := conn.Query(t.Context(), fmt.Sprintf("SELECT concat(length(%[1]s), '%[2]s', arrayStringConcat(arrayMap(x -> ifNull(%[3]s, 'NULL'), %[1]s), '%[2]s')) FROM %[4]s ORDER BY offset",
		list, separator, item, table))
	if err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", c.name, err)
	}
	return all
}

// stored is a row that was stored.
type stored struct {
	row      *pipeline.Row
	envelope map[string]string // texts of the columns with one value a row
}

const (
	instantForm = "2006-01-02 15:04:05.000000"
	milliForm   = "2006-01-02 15:04:05.000"
)

// texts are the texts that the server must return for a column of the row.
func (s *stored) texts(c *col) []string {
	switch {
	case c.group == fields:
		return s.field(c)
	case c.verdict != nil:
		all := []string{}
		for i := range s.row.Verdicts {
			if v := &s.row.Verdicts[i]; c.group == verdicts || v.Finding != nil {
				all = append(all, verdictText(c.name, v))
			}
		}
		return all
	case strings.HasPrefix(c.name, "unstored."):
		return s.unstored(c.name)
	case c.name == rest:
		return s.rest()
	case c.array:
		all := []string{}
		for _, h := range s.row.Headers {
			all = append(all, map[string]string{"headers.name": h.Key, "headers.value": string(h.Value)}[c.name])
		}
		return all
	}
	return []string{s.envelope[c.name]}
}

func newStored(b *pipeline.Batch, r *pipeline.Row) *stored {
	f := event.Failure{Offset: -1}
	if r.Failure != nil {
		f = *r.Failure
	}
	happened := r.Timestamp
	if r.Event != nil {
		if field := r.Event.Schema().Lookup("event_time"); r.Event.Has(field) {
			happened = r.Event.Instant(field).UTC()
		}
		if happened.Year() < 1900 {
			happened = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
		}
		if happened.Year() > 2299 {
			happened = time.Date(2299, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
		}
	}
	offset := "NULL"
	if f.Offset >= 0 {
		offset = strconv.Itoa(f.Offset)
	}
	original := ""
	for _, h := range r.Headers {
		if h.Key == "tocsin-replay-of" {
			original = string(h.Value)
		}
	}
	return &stored{r, map[string]string{
		"replay_of": original,
		"cluster":   b.Cluster, "topic": b.Topic, "partition": fmt.Sprint(b.Partition), "offset": fmt.Sprint(r.Offset),
		"kafka_millis": fmt.Sprint(r.Timestamp.UnixMilli()), "kafka_timestamp": r.Timestamp.Format(milliForm), "happened_at": happened.UTC().Format(instantForm),
		"batch_first": fmt.Sprint(b.First), "batch_last": fmt.Sprint(b.Last), "batch_rows": fmt.Sprint(len(b.Rows)), "batch_at": b.At.Format(milliForm),
		"key": string(r.Key), "raw": string(r.Raw), "tombstone": fmt.Sprint(r.Tombstone), "raw_sha256": hex.EncodeToString(r.RawHash[:]), "repaired": fmt.Sprint(b.Repaired), "judged_sha256": hex.EncodeToString(r.Judged[:]), "chain": hex.EncodeToString(r.Chain[:]),
		"rules_digest": b.Digest, "calendar_version": b.Calendar, "max_record_bytes": fmt.Sprint(b.MaxBytes),
		"failure_stage": f.Stage, "failure_code": f.Code, "failure_field": f.Field, "failure_offset": offset, "failure_detail": f.Detail,
	}}
}

func verdictText(name string, v *rules.Verdict) string {
	switch name {
	case "verdicts.rule", "findings.rule":
		return v.Rule.ID
	case "verdicts.revision":
		return strconv.Itoa(v.Rule.Revision)
	case "verdicts.outcome":
		return v.Outcome.String()
	case "findings.item":
		return v.Rule.Item
	case "findings.title":
		return v.Rule.Title
	}
	f := v.Finding
	explanation, err := json.Marshal(f.Reasoning())
	if err != nil {
		panic(err)
	}
	instant := func(t time.Time) string {
		if t.IsZero() {
			return "NULL"
		}
		return t.UTC().Format(instantForm)
	}
	date := func(d calendar.Date) string {
		if d == 0 {
			return "NULL"
		}
		return d.String()
	}
	number := "NULL"
	if f.Number != nil {
		number = f.Number.String()
	}
	return map[string]string{
		"findings.candidate_id": f.CandidateID, "findings.severity": f.Severity.String(), "findings.key": f.Key,
		"findings.trigger": instant(f.Trigger), "findings.trigger_field": f.TriggerField,
		"findings.due_date": date(f.Deadline.DueDate), "findings.due_at": instant(f.Deadline.DueAt),
		"findings.due_at_conservative": instant(f.Deadline.DueAtConservative), "findings.deadline_error": f.DeadlineError,
		"findings.value": f.Value, "findings.value_number": number, "findings.value_unit": f.Unit,
		"findings.explanation": string(explanation), "findings.reason": f.Reason,
	}[name]
}

func (s *stored) field(c *col) []string {
	var ref fieldRef
	if e := s.row.Event; e != nil {
		ref = c.from[which(e.Schema())]
	}
	all := []string{}
	switch {
	case ref.field == nil && c.array:
		return all
	case ref.field == nil && c.nullable:
		return []string{"NULL"}
	case ref.field == nil:
		return []string{""}
	case ref.list == nil && ref.field.Kind == event.Texts:
		return append(all, s.row.Event.Texts(ref.field)...)
	case ref.list == nil:
		return []string{valueText(&s.row.Event.Record, ref.field)}
	}
	for _, line := range s.row.Event.Records(ref.list) {
		all = append(all, valueText(&line, ref.field))
	}
	return all
}

// rest are the rare fields of the row's event that were sent, and that a column
// holds.
func (s *stored) rest() []string {
	all := []string{}
	if s.row.Event == nil {
		return all
	}
	r := &s.row.Event.Record
	for i := range r.Schema().Fields {
		f := &r.Schema().Fields[i]
		if !f.Rare || !r.Has(f) {
			continue
		}
		text := ""
		if f.Kind == event.Texts {
			list, err := json.Marshal(append([]string{}, r.Texts(f)...))
			if err != nil {
				panic(err)
			}
			text = string(list)
		} else if text = valueText(r, f); text == "NULL" && f.Kind != event.Text {
			continue
		}
		all = append(all, strings.ReplaceAll(f.Name, ".", "_")+" "+text)
	}
	return all
}

// unstored are the fields of the row's event outside the years 1900 to 2299, or
// their values.
func (s *stored) unstored(column string) []string {
	all := []string{}
	if s.row.Event == nil {
		return all
	}
	r := &s.row.Event.Record
	for i := range r.Schema().Fields {
		f := &r.Schema().Fields[i]
		if !r.Has(f) || f.Kind != event.Date && f.Kind != event.Instant || valueText(r, f) != "NULL" {
			continue
		}
		value := ""
		if f.Kind == event.Date {
			value = r.Date(f).String()
		} else if value = r.Instant(f).Format(time.RFC3339Nano); r.IsDay(f) {
			value, _, _ = strings.Cut(value, "T")
		}
		all = append(all, map[string]string{"unstored.field": f.Name, "unstored.value": value}[column])
	}
	return all
}

func valueText(r *event.Record, f *event.Field) string {
	if !r.Has(f) && f.Kind != event.Text {
		return "NULL"
	}
	switch f.Kind {
	case event.Text:
		return r.Text(f)
	case event.Bool:
		return strconv.FormatBool(r.Bool(f))
	case event.Int:
		return strconv.FormatInt(r.Int(f), 10)
	case event.Amount:
		return r.Amount(f).String()
	case event.Rate:
		return r.Rate(f).String()
	case event.Date:
		if year := r.Date(f).Year(); year < 1900 || year > 2299 {
			return "NULL"
		}
		return r.Date(f).String()
	case event.Instant:
		at := r.Instant(f).UTC()
		if at.Year() < 1900 || at.Year() > 2299 || r.IsDay(f) {
			return "NULL"
		}
		return at.Format(instantForm)
	}
	panic("no text for " + f.Name)
}
