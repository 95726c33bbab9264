package clickhouse

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// Judged is a stored row with its verdicts: everything needed to judge it again
// and to compare.
type Judged struct {
	Part
	Offset    int64
	Timestamp time.Time
	Headers   []pipeline.Header
	Raw       []byte
	Tombstone bool
	// Derived is a digest of the columns that hold the row's event: see
	// Sink.Derived.
	Derived pipeline.Hash

	judgement
}

// Judged yields the rows of the offsets first to last of a partition, unordered. It
// holds about a megabyte of rows at a time. Errors are as for Store and end the
// sequence.
func (s *Sink) Judged(ctx context.Context, p Part, first, last int64) iter.Seq2[*Judged, error] {
	query := "SELECT offset, kafka_millis, `headers.name`, `headers.value`, raw, tombstone, " + judgementList + ", " + digestOf(inEvents) +
		" FROM events WHERE cluster = $1 AND topic = $2 AND topic_id = $6 AND partition = $3 AND offset BETWEEN $4 AND $5"
	return rowsOf(streaming(ctx, blockRows), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, first, last, p.TopicID}, func(rows driver.Rows, to **Judged) error {
		j := &Judged{Part: p}
		*to = j
		var ms int64
		var names, values []string
		var digest []byte
		err := rows.Scan(append(append([]any{&j.Offset, &ms, &names, &values, &j.Raw, &j.Tombstone}, j.targets()...), &digest)...)
		copy(j.Derived[:], digest)
		j.Timestamp = time.UnixMilli(ms).UTC()
		for i := range names {
			j.Headers = append(j.Headers, pipeline.Header{Key: names[i], Value: []byte(values[i])})
		}
		return err
	})
}

// Unpacked returns the stored failure of a row whose batch was never unpacked, and
// nil for any other row. Such a row has no value to judge again.
func (j *Judged) Unpacked() *event.Failure {
	if j.stage != pipeline.StageUnpack {
		return nil
	}
	return &event.Failure{Stage: j.stage, Code: j.Failure, Offset: -1, Field: j.field, Detail: j.detail}
}

// Difference is a column in which a stored row differs from the row judged again.
// It has no value: values may be material non-public information.
type Difference struct {
	Rule   string // empty for a column of no rule
	Column string
}

// Differences compares the stored row with the same row judged again: the failure
// of a dead letter, the verdicts and the findings. The caller compares the version
// of the calendars, which belongs to the rules.
func (j *Judged) Differences(again *pipeline.Row) (all []Difference) {
	differ := func(rule, column string, same bool) {
		if !same {
			all = append(all, Difference{rule, column})
		}
	}
	f := failure(again)
	differ("", "failure_stage", j.stage == f.Stage)
	differ("", "failure_code", j.Failure == f.Code)
	differ("", "failure_field", j.field == f.Field)
	known := again.Failure != nil && f.Offset >= 0
	differ("", "failure_offset", known == (j.at != nil) && (!known || *j.at == int64(f.Offset)))
	differ("", "failure_detail", j.detail == f.Detail)
	var judged, found []string
	for i := range again.Verdicts {
		v := &again.Verdicts[i]
		judged = append(judged, v.Rule.ID)
		if at := slices.Index(j.rules, v.Rule.ID); at < 0 {
			differ(v.Rule.ID, "verdicts.rule", false)
		} else {
			differ(v.Rule.ID, "verdicts.revision", at < len(j.revisions) && j.revisions[at] == uint32(v.Rule.Revision))
			differ(v.Rule.ID, "verdicts.outcome", at < len(j.outcomes) && j.outcomes[at] == int8(v.Outcome))
		}
		if v.Finding == nil {
			continue
		}
		found = append(found, v.Rule.ID)
		if at := slices.Index(j.findings.rule, v.Rule.ID); at < 0 {
			differ(v.Rule.ID, "findings.rule", false)
		} else {
			j.findings.compare(at, v, func(column string, same bool) { differ(v.Rule.ID, column, same) })
		}
	}
	beyond(judged, j.rules, func(rule string) { differ(rule, "verdicts.rule", false) })
	beyond(found, j.findings.rule, func(rule string) { differ(rule, "findings.rule", false) })
	return all
}

// beyond calls report for each stored rule that has no verdict when judged again,
// or that is stored more than once.
func beyond(again, stored []string, report func(rule string)) {
	for i, rule := range stored {
		if !slices.Contains(again, rule) || slices.Contains(stored[:i], rule) {
			report(rule)
		}
	}
}

// compare compares the stored finding number i with a verdict's.
func (c *foundColumns) compare(i int, v *rules.Verdict, report func(column string, same bool)) {
	f := v.Finding
	report("findings.explanation", i < len(c.explanation) && c.explanation[i] == string(f.ReasoningJSON()))
	for _, t := range []struct {
		column string
		stored []string
		again  string
	}{
		{"findings.title", c.title, v.Rule.Title}, {"findings.candidate_id", c.id, f.CandidateID}, {"findings.severity", c.severity, f.Severity.String()},
		{"findings.item", c.item, v.Rule.Item}, {"findings.key", c.key, f.Key}, {"findings.trigger_field", c.triggerField, f.TriggerField},
		{"findings.deadline_error", c.deadlineError, f.DeadlineError}, {"findings.value", c.value, f.Value}, {"findings.value_unit", c.unit, f.Unit}, {"findings.reason", c.reason, f.Reason},
	} {
		report(t.column, i < len(t.stored) && t.stored[i] == t.again)
	}
	for _, t := range []struct {
		column string
		stored []*int64
		again  time.Time
	}{
		{"findings.trigger", c.trigger, f.Trigger}, {"findings.due_at", c.dueAt, f.Deadline.DueAt},
		{"findings.due_at_conservative", c.dueAtConservative, f.Deadline.DueAtConservative},
	} {
		report(t.column, i < len(t.stored) && sameInstant(t.stored[i], t.again))
	}
	report("findings.value_number", i < len(c.number) && sameNumber(c.number[i], f.Number))
	report("findings.due_date", i < len(c.dueDate) && sameDate(c.dueDate[i], f.Deadline.DueDate))
}

func sameNumber(stored *string, n *money.Amount) bool {
	if stored == nil || n == nil {
		return (stored == nil) == (n == nil)
	}
	return *stored == n.String()
}

// sameInstant and sameDate compare a stored value with the value that putInstant
// or putDate stores.
func sameInstant(stored *int64, t time.Time) bool {
	if none := t.IsZero() || t.Before(time.UnixMicro(minMicros)) || t.After(time.UnixMicro(maxMicros)); none || stored == nil {
		return none == (stored == nil)
	}
	return *stored == t.UnixMicro()
}

func sameDate(stored *int32, d calendar.Date) bool {
	if d == 0 || stored == nil {
		return (d == 0) == (stored == nil)
	}
	return *stored == int32(d-unixEpoch)
}
