// Package model is the delivery protocol as three state machines that are small enough to
// be searched completely. It shares no code with the pipeline, so that a mistake of
// the one is not a mistake of the other. Read the two side by side.
//
// # What is modelled
//
// Protocol has one partition with one or two records, two workers with different
// rules, the group's coordinator, ClickHouse and JetStream. A search visits every
// state that these events can reach in any order:
//
//   - each step of a cycle: read the mark, cut (after one record or after two),
//     declare, compare mark and rows, look, begin, ask the intent's age, send, publish,
//     tell (worker.go, compare.go, delivery.go)
//   - a worker is killed, hurried, or stands still between any two steps, for any
//     time, while others go on; it is expelled without knowing it; it joins again
//     (coordinator.go)
//   - a request to, or an answer of, any server is lost or late; an insert runs on
//     without its client; a commit arrives after its sender has died
//   - time passes: intents expire, the server ends inserts and forgets tokens
//     (clock.go)
//   - with Protocol.Deleted, the group's offsets deleted once
//   - with Protocol.Recreated, the topic deleted and made again under its name,
//     with its committed offsets kept or deleted, with a promise in them or without,
//     while workers still hold records of the old log and brokers still report its id;
//     the rows of both logs are checked to the end
//   - with Protocol.Forged, a mark that somebody with rights on the group sets forward,
//     back, or to another chain (forgery.go); with Protocol.Added, a partition of which
//     nothing is known
//   - with Protocol.Losses, a ClickHouse that writes an insert's token to its
//     deduplication log and then loses the rows: it is killed, or its disk is
//     full, between the log and the rename of the part
//
// Each event may happen any number of times. At most one commit, one insert and one
// alert are late at a time.
//
// Pair has two partitions in a group, and commits that carry marks of both (pair.go,
// pair_work.go). The group may accept a commit for one partition and refuse it for the
// other, revoke one partition while the worker goes on with the other, and, with
// Pair.Added, get the second one while it is at work. A batch of a pair is delivered in
// one step or not at all, and no time passes: Protocol covers what can happen within.
//
// Rounds has one partition with up to three records, and workers with two batches of it
// in hand (rounds.go, rounds_group.go, rounds_work.go, rounds_delivery.go). One batch is
// being stored. The other is open: it grows, the group's mark promises a longer and longer
// part of it beside the first batch, and its candidates are published as soon as they are
// promised. A worker may reload its rules before any record. It may give up what it has
// in hand, and then replays both promises. An insert and an alert are one step, or run on
// without their client; a commit may be late, unknown or of an expelled worker. Time is
// one event, a long time. It makes every intent too old, ends every insert and lets
// ClickHouse forget its tokens. A worker may also declare again at any time before its
// insert has ended. With Rounds.Losses, ClickHouse loses rows as in Protocol.
//
// # What is promised
//
// In every state (invariants.go, pair.go, rounds.go): no record has two rows; the chain is
// unbroken; no candidate is published twice, or under other rules than its row; every
// record before the committed offset is stored and published; no worker
// goes on behind a record without a row; no worker stops because of unexpected rows
// in ClickHouse, except after a forged mark. In particular, no worker stops because it
// stood still while another took its partition over. And every state can still reach one
// in which every record is stored, published and committed, or in which a worker has
// refused a forged mark. An alert may precede its row. Where the group's offsets are
// deleted meanwhile, the promise of that row is forgotten, and other rules may judge it.
// With Rounds.Compared, each row from the committed offset on is of the first promised
// batch.
//
// # What is not
//
// The model assumes the following; other tests ask the real servers.
//
// No server loses rows that it stored. The acknowledgement of an insert that was
// dropped as a repeat states the repeat. An insert lands as a whole and a read sees
// every landed insert (one block, one partition, one replica or a quorum). Clocks
// run at one speed. The stream keeps alerts for ever. A mark that was read when a
// broker lags is of a partition whose topic some other broker knows. An operator orders
// a first start, when there are neither rows nor offsets. Verdicts are a function of
// record and rules.
//
// Two forgeries are not refused. A mark whose promise was taken away looks like one
// that had none: the promised insert may still run, and the next owner cuts the records
// anew. A mark that was set forward before any row is stored looks like that of a group
// with first_start: latest.
//
// # Mechanisms
//
// The field Without removes mechanisms, one at a time. Each is needed, because
// without it the search finds a broken promise. The comment of each constant
// describes a protocol without that mechanism. Rounds needs its own, from Fixed to the
// last, and those of Protocol that concern it.
//
// # How to read a trace
//
// A trace is the shortest path to a broken promise. "1-1 by rules 0" is the batch of
// records 1 to 1, judged by the rules of worker A; worker B has rules 1. "Offset 1,
// intent to 1 by rules 0" is a commit, or the state of the group after it: replay
// records 1 to 1 by rules 0. A second intent begins behind the first. A worker that "is
// hurried" gives its batch up for a rebalance. A worker that "hears nothing" tries again.
// A worker that was expelled and has nothing left to deliver or to compare is at once
// taken for one that is not in the group. To print every trace:
//
//	go test -v -run Mechanism ./pipeline/model
//
// The larger scenarios run with make integration.
package model
