package clickhouse

import (
	"crypto/sha256"
	"encoding/binary"

	"tocsin/pipeline"
)

// judgement is the judgement of a row as the table holds it.
type judgement struct {
	Digest   string // of the rules that judged it
	Calendar string // version of the calendars that dated it
	MaxBytes uint32 // the worker's limit of a record
	Failure  string // code of a dead letter's failure; empty for an event

	stage, field, detail string // of the failure
	at                   *int64 // its byte
	rules                []string
	revisions            []uint32
	outcomes             []int8
	findings             foundColumns
}

// foundColumns are the columns findings.* of a row.
type foundColumns struct {
	rule, title, id, severity, item, key, triggerField, deadlineError, value, unit, explanation, reason []string

	number                            []*string // exact, in text
	trigger, dueAt, dueAtConservative []*int64  // microseconds
	dueDate                           []*int32  // days since 1970
}

// judgementList selects the columns that targets takes.
const judgementList = "toString(rules_digest), toString(calendar_version), max_record_bytes," +
	" toString(failure_stage), toString(failure_code), failure_field, failure_offset, failure_detail," +
	" `verdicts.rule`, `verdicts.revision`, CAST(`verdicts.outcome`, 'Array(Int8)')," +
	" `findings.rule`, `findings.title`, `findings.candidate_id`, `findings.severity`, `findings.item`, `findings.key`, `findings.trigger_field`, `findings.deadline_error`," +
	" `findings.value`, arrayMap(q -> toString(q), `findings.value_number`), `findings.value_unit`, `findings.explanation`, `findings.reason`," +
	" arrayMap(t -> toUnixTimestamp64Micro(t), `findings.trigger`), arrayMap(t -> toUnixTimestamp64Micro(t), `findings.due_at`)," +
	" arrayMap(t -> toUnixTimestamp64Micro(t), `findings.due_at_conservative`), arrayMap(d -> toInt32(d), `findings.due_date`)"

func (j *judgement) targets() []any {
	f := &j.findings
	return []any{&j.Digest, &j.Calendar, &j.MaxBytes, &j.stage, &j.Failure, &j.field, &j.at, &j.detail,
		&j.rules, &j.revisions, &j.outcomes, &f.rule, &f.title, &f.id, &f.severity, &f.item, &f.key, &f.triggerField, &f.deadlineError, &f.value, &f.number, &f.unit,
		&f.explanation, &f.reason, &f.trigger, &f.dueAt, &f.dueAtConservative, &f.dueDate}
}

// hash returns the SHA-256 of the judgement's canonical form, which package pipeline
// defines. It is written here a second time on purpose: an audit must not check the
// loop with the loop's own code. Arrays of unequal lengths have no canonical form,
// and the zero hash.
func (j *judgement) hash() pipeline.Hash {
	var b []byte
	number := func(n int64) { b = binary.BigEndian.AppendUint64(b, uint64(n)) }
	text := func(s string) { number(int64(len(s))); b = append(b, s...) }
	maybe := func(n *int64) {
		if n == nil {
			number(0)
			return
		}
		number(1)
		number(*n)
	}
	text(j.Digest)
	text(j.Calendar)
	number(int64(j.MaxBytes))
	if len(j.revisions) != len(j.rules) || len(j.outcomes) != len(j.rules) {
		return pipeline.Hash{}
	}
	number(int64(len(j.rules)))
	for i := range j.rules {
		text(j.rules[i])
		number(int64(j.revisions[i]))
		number(int64(j.outcomes[i]))
	}
	f := &j.findings
	n := len(f.rule)
	for _, length := range []int{len(f.title), len(f.id), len(f.severity), len(f.item), len(f.key), len(f.triggerField), len(f.deadlineError), len(f.value), len(f.unit),
		len(f.explanation), len(f.reason), len(f.number), len(f.trigger), len(f.dueAt), len(f.dueAtConservative), len(f.dueDate)} {
		if length != n {
			return pipeline.Hash{}
		}
	}
	number(int64(n))
	for i := range n {
		text(f.rule[i])
		text(f.title[i])
		text(f.id[i])
		text(f.severity[i])
		text(f.item[i])
		text(f.key[i])
		maybe(f.trigger[i])
		text(f.triggerField[i])
		if day := f.dueDate[i]; day == nil {
			number(0)
		} else {
			number(1)
			number(int64(*day))
		}
		maybe(f.dueAt[i])
		maybe(f.dueAtConservative[i])
		text(f.deadlineError[i])
		text(f.value[i])
		if q := f.number[i]; q == nil {
			number(0)
		} else {
			number(1)
			text(*q)
		}
		text(f.unit[i])
		text(f.explanation[i])
		text(f.reason[i])
	}
	text(j.stage)
	text(j.Failure)
	text(j.field)
	maybe(j.at)
	text(j.detail)
	return sha256.Sum256(b)
}
