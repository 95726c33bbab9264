package faults

import (
	"encoding/json"
	"strconv"
	"strings"
)

// The outcomes that a record can have: the words of ClickHouse, and two of this
// package.
const (
	tombstone     = "tombstone"
	deadLetter    = "dead letter"
	noMatch       = "no_match"
	match         = "match"
	indeterminate = "indeterminate"
)

// truth is what the harness knows of a record by its own arithmetic.
type truth struct {
	kind   string // tombstone, deadLetter, an unpackable, or the event's type
	matter string // the key under which it would be raised
	amount int64  // cents or seconds
	said   bool   // the amount was sent
}

// packed reports whether the record's batch cannot be unpacked.
func (t truth) packed() bool { return t.kind == string(tooLarge) || t.kind == string(unreadable) }

// understand reads a record's value without any code of the pipeline's.
func understand(value []byte) truth {
	if value == nil {
		return truth{kind: tombstone}
	}
	var e struct {
		Type string
		Data struct {
			Contract struct {
				ID    string  `json:"contract_id"`
				Value *string `json:"total_value_group"`
			}
			Incident string `json:"incident_id"`
			Duration *int64 `json:"duration_seconds"`
		}
	}
	if json.Unmarshal(value, &e) != nil {
		return truth{kind: deadLetter}
	}
	switch d := e.Data; e.Type {
	case contractType:
		t := truth{kind: e.Type, matter: d.Contract.ID, said: d.Contract.Value != nil}
		if t.said {
			cents, err := strconv.ParseInt(strings.Replace(*d.Contract.Value, ".", "", 1), 10, 64)
			if err != nil {
				return truth{kind: deadLetter}
			}
			t.amount = cents
		}
		return t
	case outageType:
		t := truth{kind: e.Type, matter: d.Incident, said: d.Duration != nil}
		if t.said {
			t.amount = *d.Duration
		}
		return t
	}
	return truth{kind: deadLetter}
}

// verdict is what the rule for the record must say under a pack with these
// limits, and which rule that is; for a record that is no event, what it is.
func (t truth) verdict(l limits) (rule, outcome string) {
	limit := l.Cents
	switch t.kind {
	case contractType:
		rule = contractRule
	case outageType:
		rule, limit = outageRule, l.Seconds
	default:
		return "", t.kind
	}
	switch {
	case !t.said:
		return rule, indeterminate
	case t.amount >= limit:
		return rule, match
	}
	return rule, noMatch
}
