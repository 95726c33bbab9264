package rules

import (
	"encoding/json"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
	"tocsin/rules/money"
)

// Outcome is the result of one rule for one event.
type Outcome uint8

const (
	// NoMatch: the condition is false.
	NoMatch Outcome = iota
	// Match: the condition is true; the event is a disclosure candidate.
	Match
	// Indeterminate: the condition can be neither true nor false, because a
	// field it needs was not sent or no materiality profile is in force.
	Indeterminate
	// Error: the condition could not be computed, for example an overflow.
	Error
)

// String is the outcome as it is stored.
func (o Outcome) String() string {
	return [...]string{"no_match", "match", "indeterminate", "error"}[o]
}

// Severity is how fast people must look: S1 now, S2 the same business day,
// S3 the next business day, S4 in the digest.
type Severity uint8

const (
	S1 Severity = iota + 1
	S2
	S3
	S4
)

// String is the severity as it is written in packs and stored.
func (s Severity) String() string {
	if s < S1 || s > S4 {
		return ""
	}
	return [...]string{"", "S1", "S2", "S3", "S4"}[s]
}

// Verdict is one rule's judgement of one event. Most verdicts are no_match and
// carry no Finding.
type Verdict struct {
	Rule    *Rule
	Outcome Outcome
	Finding *Finding // nil when Outcome is NoMatch
}

// Candidate reports whether the verdict is put before people: a match, and any
// verdict that could not be decided. Missing data must not suppress an alert.
func (v *Verdict) Candidate() bool { return v.Finding != nil }

// Finding is what a verdict that is not no_match carries.
type Finding struct {
	// CandidateID identifies the matter: a digest of the rule id, the registrant
	// and Key, 26 characters of lower-case base32. The same matter has the same
	// id in every event, worker and replay, so it alerts once. A matter that
	// could not be judged has another id than the same matter when it matches,
	// so that the alert "data are missing" never swallows the one that counts.
	CandidateID string
	Severity    Severity // after bands and escalation
	Key         string   // value of the rule's dedup expression, or the event's own identity
	// Trigger is the instant the clock runs from, in the source's offset; zero
	// where neither the event nor Kafka states a time.
	Trigger time.Time
	// TriggerField names where Trigger was taken: the rule's deadline field,
	// or event_time, or kafka_timestamp when the event has no time at all; empty
	// where Trigger is zero.
	TriggerField string
	// Registrant is the event's registrant_cik, or the pack's only one.
	Registrant string
	// Profile is the materiality profile that was read, as id@version; empty
	// when the rule reads none or none was in force.
	Profile string
	// Deadline is zero when the rule's clock has no due instant or Deadline
	// could not be computed; DeadlineError then states why.
	Deadline      calendar.Deadline
	DeadlineError string
	// BusinessDaysLeft counts the SEC business days after the day in New York on
	// which the record reached Kafka, up to the conservative due date: 0 on it,
	// negative after it. Nil without a due date or an Observed instant, and beyond
	// the covered years.
	BusinessDaysLeft *int
	// Value is the rule's headline value, as text with unit ("1200000 USD");
	// empty when the rule names none. Material non-public information.
	Value string
	// Number is Value as a number, and Unit the unit that it counts: see
	// dialect.Value.Number. Number is nil where Value is no number. Material
	// non-public information.
	Number *money.Amount
	Unit   string
	// Explanation is the reasoning as data (see Explanation). Material
	// non-public information.
	Explanation Explanation
	// Change is the least change that would have given the other outcome: no match
	// for a match, and a match for any other. Empty when no value of the event
	// gives it. Material non-public information.
	Change []Change
	// Sentence is Explanation and Change in English. Material non-public
	// information.
	Sentence string
	// Checklist are the qualitative questions of SAB 99, if the rule reads the
	// materiality profile: an amount below a threshold can be material.
	Checklist []Question
	// Reason is, for indeterminate and error, what was missing or wrong. It
	// names fields, never values.
	Reason string
}

// Explanation is the reason of a verdict: each sub-expression that took part, in
// source order.
type Explanation []Step

// Step is one sub-expression and its value: Text as the rule's author wrote it,
// Value with its unit ("1200000 USD", "true", "missing") and, for a comparison
// of quantities, Limit (the other side's value) and Distance (value minus limit).
type Step = dialect.Step

// Reasoning is the reason of a verdict as a store keeps it: the same three times,
// for people, for tools that compare, and for auditors who re-perform it.
type Reasoning struct {
	Sentence string      `json:"sentence"`
	Change   []Change    `json:"change,omitempty"`
	Steps    Explanation `json:"steps"`
	SAB99    []Question  `json:"sab99,omitempty"`
}

// Reasoning returns what a store keeps. Material non-public information.
func (f *Finding) Reasoning() Reasoning {
	return Reasoning{f.Sentence, f.Change, f.Explanation, f.Checklist}
}

// ReasoningJSON returns Reasoning as JSON, the form that a store keeps and that the
// hash chain covers.
func (f *Finding) ReasoningJSON() []byte {
	text, err := json.Marshal(f.Reasoning())
	if err != nil {
		panic("rules: an explanation is texts only, yet: " + err.Error())
	}
	return text
}
