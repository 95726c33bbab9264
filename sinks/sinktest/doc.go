// Package sinktest tests a sink against the contracts of package pipeline, and has
// a sink in memory that keeps them.
//
// The test of a sink opens the sink and returns a function that reads back its
// rows. The suite does the rest:
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

// Row is one stored record, as read back from the store.
type Row struct {
	Offset    int64
	Tombstone bool
	// RawHash is computed from the bytes kept, where the store keeps them.
	RawHash pipeline.Hash
	Chain   pipeline.Hash
	Type    string // event type; empty for a dead letter and a tombstone
	Failure string // event.Failure.Code; empty for an event and a tombstone
	// Event is the event in the form of event.AppendJSON. A reader that cannot
	// make that form leaves it nil; the suite then does not compare it.
	Event []byte
	// Verdicts are the verdicts with a finding, in the order of the row. The
	// suite does not check how a store keeps the others.
	Verdicts []Verdict
}

// Verdict is one stored verdict.
type Verdict struct {
	Rule      string
	Revision  int
	Outcome   rules.Outcome
	Severity  rules.Severity
	Candidate string // id
	Key       string
	Reason    string
}

// ReadRows reads back every stored row of a partition, in offset order, repeats
// included.
type ReadRows func(ctx context.Context, topic string, partition int32) ([]Row, error)

// ReadAlerts reads back the candidate ids of all delivered alerts, of any caller, in
// order of delivery, repeats included.
type ReadAlerts func(ctx context.Context) ([]string, error)
