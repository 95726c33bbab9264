package clickhouse

import (
	"fmt"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/money"
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

// compressed stores the column with a codec that suits long texts that are seldom
// read.
func compressed(c col) col {
	c.codec = "ZSTD(3)"
	return c
}

// envelopeColumns identify and hold the Kafka record.
var envelopeColumns = []col{
	one(always, "cluster", wordType, "Name of the Kafka cluster, from the worker's configuration.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Cluster) }),
	one(always, "topic", wordType, "Kafka topic.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Topic) }),
	one(always, "topic_id", wordType, "Id of the topic in Kafka, as its tools print it: a topic that is deleted and created again under its name has another. Empty where the brokers report none.",
		func(to *buffer, b *batch, _ *row) { to.text(b.TopicID.String()) }),
	one(always, "partition", "Int32", "Kafka partition.",
		func(to *buffer, b *batch, _ *row) { to.int32(b.Partition) }),
	one(always, "offset", "Int64", "Kafka offset: with cluster, topic, topic_id and partition it identifies the row.",
		func(to *buffer, _ *batch, r *row) { to.int64(r.Offset) }),
	one(always, "kafka_millis", "Int64", "Timestamp of the record as Kafka sent it, in milliseconds since 1970. Producers may write any number.",
		func(to *buffer, _ *batch, r *row) { to.int64(r.Timestamp.UnixMilli()) }),
	{name: "kafka_timestamp", typ: "Nullable(" + milliType + ")", layout: layoutOf("Nullable(" + milliType + ")"),
		doc:   fmt.Sprintf("kafka_millis as an instant: when the event was observed. NULL outside %d to %d, where it counts as absent.", rules.FirstYear, rules.LastYear),
		alias: fmt.Sprintf("if(kafka_millis BETWEEN %d AND %d, fromUnixTimestamp64Milli(kafka_millis, 'UTC'), NULL)", firstMillis, lastMillis)},
	one(always, "happened_at", microType, "event_time (a date alone at 00:00 UTC), within 1900 to 2299, or kafka_timestamp where the event has no time, or 1900-01-01 where that is NULL. Never NULL. The table is sorted by it.",
		func(to *buffer, _ *batch, r *row) { to.int64(happenedAt(r)) }),
	one(always, "batch_first", "Int64", "Offset of the first record of the batch that stored the row.",
		func(to *buffer, b *batch, _ *row) { to.int64(b.First) }),
	one(always, "batch_last", "Int64", "Offset of the last record of that batch.",
		func(to *buffer, b *batch, _ *row) { to.int64(b.Last) }),
	one(always, "batch_rows", "UInt32", "Number of records of that batch. Fewer than its offsets where Kafka skips some.",
		func(to *buffer, b *batch, _ *row) { to.int32(int32(b.Size())) }),
	one(always, "batch_at", milliType, "kafka_timestamp of the batch's first record; 1900-01-01 where that is NULL. Its month is the ClickHouse partition.",
		func(to *buffer, b *batch, _ *row) { to.int64(placedAt(b.At.UnixMilli())) }),
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
	one(replays, "replay_of", "String", "For a replay of a dead letter, whether it is one again or not: cluster/topic/topic_id/partition/offset of that dead letter, without topic_id where that is empty; else empty.",
		func(to *buffer, _ *batch, r *row) { to.bytes(replayOf(r)) }),
	compressed(one(always, "raw", "String", "Value of the record, byte for byte.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.Raw) })),
	one(tombstones, "tombstone", "Bool", "The record has no value at all.",
		func(to *buffer, _ *batch, r *row) { to.bool(r.Tombstone) }),
	one(repairs, "repaired", "Bool", "tocsin repair has stored the row, from the record in Kafka, in the place of one that was lost.",
		func(to *buffer, b *batch, _ *row) { to.bool(b.Repaired) }),
	one(always, "raw_sha256", "FixedString(32)", "SHA-256 of raw. For a dead letter of stage unpack, of the producer's whole batch as Kafka keeps it.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.RawHash[:]) }),
	one(always, "judged_sha256", "FixedString(32)", "SHA-256 of the judgement: rules, calendars, limit, verdicts, findings and failure.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.Judged[:]) }),
	one(always, "chain", "FixedString(32)", "SHA-256 of the chain of the partition's previous row, of the whole record as Kafka gave it, and of its judgement.",
		func(to *buffer, _ *batch, r *row) { to.bytes(r.Chain[:]) }),
}

// judgementColumns hold the outcome of the record.
var judgementColumns = []col{
	one(always, "rules_digest", wordType, "Digest of the rules that judged it; the rules are in packs.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Digest) }),
	one(always, "calendar_version", wordType, "Version of the calendars that dated it.",
		func(to *buffer, b *batch, _ *row) { to.text(b.Calendar) }),
	one(always, "max_record_bytes", "UInt32", "The worker's limit of a record in bytes. A longer record is a dead letter.",
		func(to *buffer, b *batch, _ *row) { to.int32(int32(b.MaxBytes)) }),

	each(verdicts, "verdicts.rule", "Array(LowCardinality(String))", "Rules that judged the event, in order.",
		func(to *buffer, v *verdict) { to.text(v.Rule.ID) }),
	each(verdicts, "verdicts.revision", "Array(UInt32)", "Revision of the rule.",
		func(to *buffer, v *verdict) { to.int32(int32(v.Rule.Revision)) }),
	each(verdicts, "verdicts.outcome", outcomeType, "Outcome of the rule.",
		func(to *buffer, v *verdict) { to.int8(uint8(v.Outcome)) }),

	each(findings, "findings.rule", "Array(LowCardinality(String))", "Rules whose verdict is not no_match: the event is a candidate of each.",
		func(to *buffer, v *verdict) { to.text(v.Rule.ID) }),
	each(findings, "findings.title", "Array(LowCardinality(String))", "Title of the rule when it judged.",
		func(to *buffer, v *verdict) { to.text(v.Rule.Title) }),
	each(findings, "findings.candidate_id", "Array(String)", "The matter: the same in every event that concerns it.",
		func(to *buffer, v *verdict) { to.text(v.Finding.CandidateID) }),
	each(findings, "findings.severity", "Array(LowCardinality(String))", "S1 to S4, after bands and escalation.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Severity.String()) }),
	each(findings, "findings.item", "Array(LowCardinality(String))", "Item of Form 8-K.",
		func(to *buffer, v *verdict) { to.text(v.Rule.Item) }),
	each(findings, "findings.key", "Array(String)", "Value of the rule's dedup expression.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Key) }),
	each(findings, "findings.trigger", maybeMicro, "Instant the clock runs from. NULL outside 1900 to 2299.",
		func(to *buffer, v *verdict) { putInstant(to, v.Finding.Trigger) }),
	each(findings, "findings.trigger_field", "Array(LowCardinality(String))", "Where that instant was taken.",
		func(to *buffer, v *verdict) { to.text(v.Finding.TriggerField) }),
	each(findings, "findings.due_date", maybeDate, "Date the filing is due, by the trigger's date in New York. NULL when the clock sets none.",
		func(to *buffer, v *verdict) { putDate(to, v.Finding.Deadline.DueDate) }),
	each(findings, "findings.due_at", maybeMicro, "Instant the filing is due.",
		func(to *buffer, v *verdict) { putInstant(to, v.Finding.Deadline.DueAt) }),
	each(findings, "findings.due_at_conservative", maybeMicro, "The earlier of the due instants by the date in New York and by the source's own date.",
		func(to *buffer, v *verdict) { putInstant(to, v.Finding.Deadline.DueAtConservative) }),
	each(findings, "findings.deadline_error", "Array(String)", "Why there is no due instant although the clock sets one.",
		func(to *buffer, v *verdict) { to.text(v.Finding.DeadlineError) }),
	each(findings, "findings.value", "Array(String)", "The rule's headline value, with unit.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Value) }),
	each(findings, "findings.value_number", "Array(Nullable(Decimal(38, 9)))", "value as an exact number, in value_unit; NULL where value is no number or has more than 9 decimals.",
		func(to *buffer, v *verdict) { putNumber(to, v.Finding.Number) }),
	each(findings, "findings.value_unit", "Array(LowCardinality(String))", "What value_number counts: the code of a currency; fraction (0.05 is 5 %), seconds, count, shares, ratio or days; empty for a plain number.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Unit) }),
	compressed(each(findings, "findings.explanation", "Array(String)", "Why the verdict is what it is, as JSON: text, value, limit, distance of each step.",
		func(to *buffer, v *verdict) { to.bytes(v.Finding.ReasoningJSON()) })),
	each(findings, "findings.reason", "Array(String)", "For indeterminate and error: what was missing or wrong.",
		func(to *buffer, v *verdict) { to.text(v.Finding.Reason) }),

	one(failures, "failure_stage", wordType, "For a dead letter: envelope, decode, schema or unpack; else empty.",
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
// Its value is the place of the dead letter in its cluster (Place.In). The column
// replay_of repeats it, because a search through all headers of all rows is slow.
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

// happenedAt is in microseconds. It serves sorting: a time outside the table's range
// sorts at the end of that range.
func happenedAt(r *row) int64 {
	if r.Event != nil {
		if f := eventTimes[r.Event.Schema()]; r.Event.Has(f) {
			return min(max(r.Event.Micros(f), minMicros), maxMicros)
		}
	}
	return placedAt(r.Timestamp.UnixMilli()) * 1000
}

var eventTimes = map[*event.Schema]*event.Field{
	event.Ledger: event.Ledger.Lookup("event_time"),
	event.System: event.System.Lookup("event_time"),
}

// firstMillis and lastMillis are the ends of the Kafka timestamps that count.
var (
	firstMillis = time.Date(rules.FirstYear, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	lastMillis  = time.Date(rules.LastYear+1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli() - 1
)

// placedAt is the column batch_at for the Kafka timestamp of a batch's first
// record. It serves partitioning and sorting, and depends on the timestamp alone,
// so a replay lands in the same ClickHouse partition. All timestamps that count as
// absent share one partition: a producer that invents them cannot make the server
// keep one for each month of four centuries.
func placedAt(ms int64) int64 {
	if ms < firstMillis || ms > lastMillis {
		return minMicros / 1000
	}
	return ms
}

func putInstant(to *buffer, t time.Time) {
	if t.IsZero() || t.Before(time.UnixMicro(minMicros)) || t.After(time.UnixMicro(maxMicros)) {
		to.none()
		return
	}
	to.int64(t.UnixMicro())
}

func putNumber(to *buffer, n *money.Amount) {
	if n == nil {
		to.none()
		return
	}
	to.int128(n.Bits())
}

func putDate(to *buffer, d calendar.Date) {
	if d == 0 {
		to.none()
		return
	}
	to.int32(int32(d - unixEpoch))
}
