// Package sinktest is what every sink must do, as tests, and a sink in memory
// that does it.
//
// A sink's test opens the sink and says how to read back what it kept; the
// suite does the rest:
//
//	func TestStore(t *testing.T) {
//		sinktest.Store(t, func(t *testing.T) (pipeline.Store, sinktest.ReadRows) {
//			db := open(t)
//			return db, func(ctx context.Context, topic string, partition int32) ([]sinktest.Row, error) { ... }
//		})
//	}
//
// Topics and candidate ids are fresh for each call of a suite, so open may
// return the same sink each time, on a server that is never emptied.
package sinktest

import (
	"context"

	"tocsin/pipeline"
	"tocsin/rules"
)

// Row is what a store kept of one record, as read back from it.
type Row struct {
	Offset    int64
	Tombstone bool
	// RawHash is computed from the bytes kept, where the store keeps them.
	RawHash pipeline.Hash
	Chain   pipeline.Hash
	Type    string // event type; empty for a dead letter and a tombstone
	Failure string // event.Failure.Code; empty for an event and a tombstone
	// Event is the event in the form of event.AppendJSON. A reader that cannot
	// make that form leaves it nil, and it is not compared.
	Event []byte
	// Verdicts are those that carry a finding, in the order of the row. The
	// others may be kept or summed up: the suite does not look.
	Verdicts []Verdict
}

// Verdict is what a store kept of one verdict.
type Verdict struct {
	Rule      string
	Revision  int
	Outcome   rules.Outcome
	Severity  rules.Severity
	Candidate string // id
	Key       string
	Reason    string
}

// ReadRows reads back every row that the store keeps of a partition, in offset
// order, repeats included.
type ReadRows func(ctx context.Context, topic string, partition int32) ([]Row, error)

// ReadAlerts reads back the candidate id of every alert that was delivered, by
// whomever, in order of delivery, repeats included.
type ReadAlerts func(ctx context.Context) ([]string, error)
