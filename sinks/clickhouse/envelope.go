package clickhouse

import (
	"encoding/json"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

type (
	batch   = pipeline.Batch
	row     = pipeline.Row
	verdict = rules.Verdict
)

const (
	wordType    = "LowCardinality(String)"
	milliType   = "DateTime64(3, 'UTC')"
	microType   = "DateTime64(6, 'UTC')"
	maybeMicro  = "Array(Nullable(DateTime64(6, 'UTC')))"
	maybeDate   = "Array(Nullable(Date32))"
	outcomeType = "Array(Enum8('no_match' = 0, 'match' = 1, 'indeterminate' = 2, 'error' = 3))"
)

// one declares a column with one value a row.
func one(g group, name, typ, doc string, fill func(*buffer, *batch, *row)) col {
	return col{name: name, typ: typ, doc: doc, group: g, layout: layoutOf(typ), row: fill}
}

// each declares a column with one value a verdict or a finding.
func each(g group, name, typ, doc string, fill func(*buffer, *verdict)) col {
	return col{name: name, typ: typ, doc: doc, group: g, layout: layoutOf(typ), verdict: fill}
}

// compressed has the column stored in a form that is worth its time for long
// texts that are seldom read.
func compressed(c col) col {
	c.codec = "ZSTD(3)"
	return c
}

// envelopeColumns say which record of Kafka the row is.
var envelopeColumns = []col{
	one(always, "cluster", wordType, "Name of the Kafka cluster, from the worker's configuration.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Cluster) }),
	one(always, "topic", wordType, "Kafka topic.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Topic) }),
	one(always, "partition", "Int32", "Kafka partition.",
		func(to *buffer, b *batch, _ *row) { to.int32(b.Partition) }),
	one(always, "offset", "Int64", "Kafka offset: with cluster, topic and partition it identifies the row.",
		func(to *buffer, _ *batch, r *row) { to.int64(r.Offset) }),
	one(always, "kafka_timestamp", milliType, "Timestamp of the record in Kafka: when the event was observed.",
		func(to *buffer, _ *batch, r *row) { to.int64(r.Timestamp.UnixMilli()) }),
	one(always, "happened_at", microType, "event_time, or kafka_timestamp where the event tells no time; never NULL. The table is sorted by it.",
		func(to *buffer, _ *batch, r *row) { to.int64(happenedAt(r)) }),
	one(always, "batch_first", "Int64", "Offset of the first record of the batch that stored the row.",
		func(to *buffer, b *batch, _ *row) { to.int64(b.First) }),
	one(always, "batch_last", "Int64", "Offset of the last record of that batch.",
		func(to *buffer, b *batch, _ *row) { to.int64(b.Last) }),
	one(always, "batch_rows", "UInt32", "Number of records of that batch. Fewer than its offsets where Kafka skips some.",
		func(to *buffer, b *batch, _ *row) { to.int32(int32(len(b.Rows))) }),
	one(always, "batch_at", milliType, "Kafka timestamp of the batch's first record, within 1900 to 2299. Its month is the ClickHouse partition.",
		func(to *buffer, b *batch, _ *row) { to.int64(clampMillis(b.At.UnixMilli())) }),
	one(always, "key", "String", "Key of the record.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.Key) }),
	{name: "headers.name", typ: "Array(String)", doc: "Names of the record's headers, in order.", group: headers, layout: layoutOf("Array(String)"),
		row: func(to *buffer, _ *batch, r *row) {
			for i := range r.Headers {
				to.text(r.Headers[i].Key)
			}
			to.end()
		}},
	{name: "headers.value", typ: "Array(String)", doc: "Values of the record's headers.", group: headers, layout: layoutOf("Array(String)"),
		row: func(to *buffer, _ *batch, r *row) {
			for i := range r.Headers {
				to.bytes(r.Headers[i].Value)
			}
			to.end()
		}},
	one(replays, "replay_of", "String", "For a replay of a dead letter, whether it is one again or not: cluster/topic/partition/offset of that dead letter; else empty.",
		func(to *buffer, _ *batch, r *row) { to.bytes(replayOf(r)) }),
	compressed(one(always, "raw", "String", "Value of the record, byte for byte.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.Raw) })),
	one(tombstones, "tombstone", "Bool", "The record has no value at all.",
		func(to *buffer, _ *batch, r *row) { to.bool(r.Tombstone) }),
	one(always, "raw_sha256", "FixedString(32)", "SHA-256 of raw.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.RawHash[:]) }),
	one(always, "chain", "FixedString(32)", "SHA-256 of the chain of the partition's previous row and of all that Kafka gave of this record.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.Chain[:]) }),
}

// judgementColumns say what became of the record.
var judgementColumns = []col{
	one(always, "rules_digest", wordType, "Digest of the rules that judged it; the rules are in packs.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Digest) }),
	one(always, "calendar_version", wordType, "Version of the calendars that dated it.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Calendar) }),

	each(verdicts, "verdicts.rule", "Array(LowCardinality(String))", "Rules that judged the event, in order.",
		func(to *buffer, v *verdict) { to.text(v.Rule.ID) }),
	each(verdicts, "verdicts.revision", "Array(UInt32)", "Revision of the rule.",
		func(to *buffer, v *verdict) { to.int32(int32(v.Rule.Revision)) }),
	each(verdicts, "verdicts.outcome", outcomeType, "What the rule said.",
		func(to *buffer, v *verdict) { to.int8(uint8(v.Outcome)) }),

	each(findings, "findings.rule", "Array(LowCardinality(String))", "Rules whose verdict is not no_match: the event is a candidate of each.",
		func(to *buffer, v *verdict) { to.text(v.Rule.ID) }),
	each(findings, "findings.candidate_id", "Array(String)", "The matter: the same in every event that concerns it.",
		func(to *buffer, v *verdict) { to.text(v.Finding.CandidateID) }),
	each(findings, "findings.severity", "Array(LowCardinality(String))", "S1 to S4, after bands and escalation.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Severity.String()) }),
	each(findings, "findings.item", "Array(LowCardinality(String))", "Item of Form 8-K.",
		func(to *buffer, v *verdict) { to.text(v.Rule.Item) }),
	each(findings, "findings.key", "Array(String)", "Value of the rule's dedup expression.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Key) }),
	each(findings, "findings.trigger", maybeMicro, "Instant the clock runs from; NULL outside 1900 to 2299.",
		func(to *buffer, v *verdict) { putInstant(to, v.Finding.Trigger) }),
	each(findings, "findings.trigger_field", "Array(LowCardinality(String))", "Where that instant was taken.",
		func(to *buffer, v *verdict) { to.text(v.Finding.TriggerField) }),
	each(findings, "findings.due_date", maybeDate, "Date the filing is due, by the trigger's date in New York; NULL when the clock sets none.",
		func(to *buffer, v *verdict) { putDate(to, v.Finding.Deadline.DueDate) }),
	each(findings, "findings.due_at", maybeMicro, "Instant the filing is due.",
		func(to *buffer, v *verdict) { putInstant(to, v.Finding.Deadline.DueAt) }),
	each(findings, "findings.due_at_conservative", maybeMicro, "The earlier of the due instants by the date in New York and by the source's own date.",
		func(to *buffer, v *verdict) { putInstant(to, v.Finding.Deadline.DueAtConservative) }),
	each(findings, "findings.deadline_error", "Array(String)", "Why there is no due instant although the clock sets one.",
		func(to *buffer, v *verdict) { to.text(v.Finding.DeadlineError) }),
	each(findings, "findings.value", "Array(String)", "The rule's headline value, with unit.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Value) }),
	compressed(each(findings, "findings.explanation", "Array(String)", "Why the verdict is what it is, as JSON: text, value, limit, distance of each step.", putExplanation)),
	each(findings, "findings.reason", "Array(String)", "For indeterminate and error: what was missing or wrong.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Reason) }),

	one(failures, "failure_stage", wordType, "For a dead letter: envelope, decode, schema or store; else empty.",
		func(to *buffer, _ *batch, r *row) { to.text(failure(r).Stage) }),
	one(failures, "failure_code", wordType, "For a dead letter: the kind of mistake.",
		func(to *buffer, _ *batch, r *row) { to.text(failure(r).Code) }),
	one(failures, "failure_field", "String", "For a dead letter: the field concerned, if any.",
		func(to *buffer, _ *batch, r *row) { to.text(failure(r).Field) }),
	one(failures, "failure_offset", "Nullable(Int64)", "For a dead letter: the byte in raw, if known.",
		func(to *buffer, _ *batch, r *row) {
			if f := failure(r); r.Failure == nil || f.Offset < 0 {
				to.none()
			} else {
				to.int64(int64(f.Offset))
			}
		}),
	one(failures, "failure_detail", "String", "For a dead letter: what is wrong and what was expected.",
		func(to *buffer, _ *batch, r *row) { to.text(failure(r).Detail) }),
}

// ReplayHeader is the header that makes a record the replay of a dead letter.
// Its value is cluster/topic/partition/offset of the dead letter. A column holds
// it as well, because to look for it in all headers of all rows is slow.
const ReplayHeader = "tocsin-replay-of"

func replayOf(r *row) []byte {
	for i := range r.Headers {
		if r.Headers[i].Key == ReplayHeader {
			return r.Headers[i].Value
		}
	}
	return nil
}

var noFailure event.Failure

func failure(r *row) *event.Failure {
	if r.Failure == nil {
		return &noFailure
	}
	return r.Failure
}

// happenedAt is in microseconds. A Kafka timestamp is whatever the producer
// wrote: one that no calendar reaches sorts at its end.
func happenedAt(r *row) int64 {
	if r.Event != nil {
		if f := eventTimes[r.Event.Schema()]; r.Event.Has(f) {
			return r.Event.Micros(f)
		}
	}
	return clampMillis(r.Timestamp.UnixMilli()) * 1000
}

var eventTimes = map[*event.Schema]*event.Field{
	event.Ledger: event.Ledger.Lookup("event_time"),
	event.System: event.System.Lookup("event_time"),
}

// clampMillis is only for what sorts and partitions, never for a value.
func clampMillis(ms int64) int64 { return min(max(ms, minMicros/1000), maxMicros/1000) }

func putInstant(to *buffer, t time.Time) {
	if t.IsZero() || t.Before(time.UnixMicro(minMicros)) || t.After(time.UnixMicro(maxMicros)) {
		to.none()
		return
	}
	to.int64(t.UnixMicro())
}

func putDate(to *buffer, d calendar.Date) {
	if d == 0 {
		to.none()
		return
	}
	to.int32(int32(d - unixEpoch))
}

func putExplanation(to *buffer, v *verdict) {
	text, err := json.Marshal(v.Finding.Reasoning())
	if err != nil {
		panic("clickhouse: an explanation is texts only, yet: " + err.Error())
	}
	to.bytes(text)
}
