package clickhouse

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
)

// Judged is a stored row with what was said of it then: all that is needed to
// judge it again and to compare.
type Judged struct {
	Part
	Offset    int64
	Timestamp time.Time
	Headers   []pipeline.Header
	Raw       []byte
	Tombstone bool
	Digest    string // of the rules that judged it
	Calendar  string // version of the calendars that dated it
	Failure   string // code of a dead letter's failure; empty for an event
	// Derived is a digest of the columns that hold the row's event: see
	// Sink.Derived.
	Derived pipeline.Hash

	stage, field, detail string // of the failure
	at                   *int64 // its byte
	rules                []string
	revisions            []uint32
	outcomes             []int8
	findings             foundColumns
}

// foundColumns are the columns findings.* of a row.
type foundColumns struct {
	rule, id, severity, item, key, triggerField, deadlineError, value, explanation, reason []string
	trigger, dueAt, dueAtConservative                                                      []*int64 // microseconds
	dueDate                                                                                []*int32 // days since 1970
}

// Judged yields the rows of the offsets first to last of a partition, in no
// order. It holds about a megabyte of them at a time. Errors are as for Store
// and end the sequence.
func (s *Sink) Judged(ctx context.Context, p Part, first, last int64) iter.Seq2[*Judged, error] {
	query := "SELECT offset, toUnixTimestamp64Milli(kafka_timestamp), `headers.name`, `headers.value`, raw, tombstone, toString(rules_digest), toString(calendar_version)," +
		" toString(failure_stage), toString(failure_code), failure_field, failure_offset, failure_detail," +
		" `verdicts.rule`, `verdicts.revision`, CAST(`verdicts.outcome`, 'Array(Int8)')," +
		" `findings.rule`, `findings.candidate_id`, `findings.severity`, `findings.item`, `findings.key`, `findings.trigger_field`, `findings.deadline_error`," +
		" `findings.value`, `findings.explanation`, `findings.reason`," +
		" arrayMap(t -> toUnixTimestamp64Micro(t), `findings.trigger`), arrayMap(t -> toUnixTimestamp64Micro(t), `findings.due_at`)," +
		" arrayMap(t -> toUnixTimestamp64Micro(t), `findings.due_at_conservative`), arrayMap(d -> toInt32(d), `findings.due_date`)," +
		" " + digestOf(inEvents) +
		" FROM events WHERE cluster = $1 AND topic = $2 AND partition = $3 AND offset BETWEEN $4 AND $5"
	return rowsOf(streaming(ctx), s.conn, query, []any{p.Cluster, p.Topic, p.Partition, first, last}, func(rows driver.Rows, to **Judged) error {
		j := &Judged{Part: p}
		*to = j
		var ms int64
		var names, values []string
		var digest []byte
		f := &j.findings
		err := rows.Scan(&j.Offset, &ms, &names, &values, &j.Raw, &j.Tombstone, &j.Digest, &j.Calendar, &j.stage, &j.Failure, &j.field, &j.at, &j.detail,
			&j.rules, &j.revisions, &j.outcomes, &f.rule, &f.id, &f.severity, &f.item, &f.key, &f.triggerField, &f.deadlineError, &f.value,
			&f.explanation, &f.reason, &f.trigger, &f.dueAt, &f.dueAtConservative, &f.dueDate, &digest)
		copy(j.Derived[:], digest)
		j.Timestamp = time.UnixMilli(ms).UTC()
		for i := range names {
			j.Headers = append(j.Headers, pipeline.Header{Key: names[i], Value: []byte(values[i])})
		}
		return err
	})
}

// Difference is a column in which a stored row is not what judging it again
// gives. Values are left out: they may be material non-public information.
type Difference struct {
	Rule   string // empty where no rule is concerned
	Column string
}

// Differences compares what is stored with the same row judged again: the
// failure of a dead letter, the verdicts and the findings. The version of the
// calendars is a matter of the rules, and the caller's to compare.
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

// beyond calls say for each stored rule that judging again does not give, or
// that is stored more than once.
func beyond(again, stored []string, say func(rule string)) {
	for i, rule := range stored {
		if !slices.Contains(again, rule) || slices.Contains(stored[:i], rule) {
			say(rule)
		}
	}
}

// compare compares the stored finding number i with a verdict's.
func (c *foundColumns) compare(i int, v *rules.Verdict, say func(column string, same bool)) {
	f := v.Finding
	explanation, err := json.Marshal(f.Reasoning())
	say("findings.explanation", err == nil && i < len(c.explanation) && c.explanation[i] == string(explanation))
	for _, t := range []struct {
		column string
		stored []string
		again  string
	}{
		{"findings.candidate_id", c.id, f.CandidateID}, {"findings.severity", c.severity, f.Severity.String()},
		{"findings.item", c.item, v.Rule.Item}, {"findings.key", c.key, f.Key}, {"findings.trigger_field", c.triggerField, f.TriggerField},
		{"findings.deadline_error", c.deadlineError, f.DeadlineError}, {"findings.value", c.value, f.Value}, {"findings.reason", c.reason, f.Reason},
	} {
		say(t.column, i < len(t.stored) && t.stored[i] == t.again)
	}
	for _, t := range []struct {
		column string
		stored []*int64
		again  time.Time
	}{
		{"findings.trigger", c.trigger, f.Trigger}, {"findings.due_at", c.dueAt, f.Deadline.DueAt},
		{"findings.due_at_conservative", c.dueAtConservative, f.Deadline.DueAtConservative},
	} {
		say(t.column, i < len(t.stored) && sameInstant(t.stored[i], t.again))
	}
	say("findings.due_date", i < len(c.dueDate) && sameDate(c.dueDate[i], f.Deadline.DueDate))
}

// sameInstant and sameDate hold a stored value against what putInstant and
// putDate would store.
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
