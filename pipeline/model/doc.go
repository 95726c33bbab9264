// Package model is the delivery protocol as a machine small enough to be tried
// in every way there is. It shares no code with the pipeline, so that a mistake
// of the one is not a mistake of the other: it is to be read beside it.
//
// # What is modelled
//
// One partition with two or three records, two workers under different rules,
// the group's coordinator, ClickHouse and JetStream. A search visits every state
// that can be reached, in every order of these:
//
//   - each step of a cycle: read the mark, cut (after one record or after two),
//     declare, look, begin, ask the intent's age, send, publish, tell (worker.go,
//     delivery.go)
//   - a worker killed, hurried or standing still between any two steps, for any
//     time, while others go on; expelled, and not knowing it; joining again
//     (coordinator.go)
//   - an answer lost, or late, and a request lost, or late, of each server; an
//     insert that runs on without its client; a commit that arrives after its
//     sender has died
//   - time: intents grow too old, the server ends inserts and forgets tokens
//     (clock.go)
//   - with Protocol.Deleted, the group's offsets deleted once
//
// Nothing bounds how often any of this happens, but that one commit, one insert
// and one alert are late at a time.
//
// # What is promised
//
// In every state (invariants.go): no record has two rows; the chain goes on from
// row to row; no candidate is published twice, or without a row, or by other
// rules than its row's; what is before the committed offset is stored and
// published; no worker stops because of what it finds in ClickHouse. And from
// every state a way leads to one in which every record is stored, published and
// committed.
//
// # What is not
//
// An acknowledgement is kept: no server loses what it said it has. An insert
// lands as a whole and reads what has landed (one block, one partition, one
// replica or a quorum). Clocks run at one speed. The stream keeps alerts for
// ever. A commit, and a batch, is of one partition. An empty table without
// offsets is a first start, which an operator orders. Verdicts are a function of
// record and rules. Whether the servers are as they are here, other tests ask
// the servers.
//
// # Mechanisms
//
// Protocol.Without takes mechanisms out, one at a time: each is needed, because
// without it the search finds a promise broken. The comments of the constants
// say what a protocol without them does.
//
// # How to read a trace
//
// A trace is the shortest way to a broken promise. "1-1 by rules 0" is the batch
// of records 1 to 1, judged by the rules of worker A; those of B are rules 1.
// "Offset 1, intent to 1 by rules 0" is a commit, or what the group then knows:
// replay records 1 to 1 by rules 0. A worker that "is hurried" gives its batch up
// for a rebalance; one that "hears nothing" tries again. To print all of them:
//
//	go test -v -run Mechanism ./pipeline/model
package model
