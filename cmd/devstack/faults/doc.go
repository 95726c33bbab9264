// Package faults shows that nothing is lost and nothing doubled. It runs real
// workers against Apache Kafka itself, a real ClickHouse and JetStream, under
// load, while workers and servers are killed, paused, cut off and filled up;
// then it mends everything, waits until the topics are drained, and compares
// what was produced with every row and every alert.
//
//	make faults SEED=7 DURATION=10m
//	bin/devstack faults -seed 7 -weights pause=20,kill-nats=0
//	bin/devstack faults -without readback        (must fail)
//
// # What goes wrong
//
// A schedule (schedule.go) is drawn from the seed: the same seed gives the same
// faults, at the same times, on the same targets. What a fault then hits
// depends on the machine, so a seed that failed may pass the next time; its
// report and its logs are kept. Each server stands behind a proxy that can cut
// connections, hold bytes back for longer than every timeout, hold back answers
// alone, or delay them. Workers end at random, or kill themselves at a numbered
// step of a batch (points.go), stand still for longer than their membership and
// their intents last, come and go, and change between two packs, restarted or not. Producers
// abort transactions, so that offsets have gaps, and send bytes that are no
// event. Timeouts are of seconds, so that all of them run out often.
//
// # What is compared
//
// The topics as a reader of committed records finds them in the end are what
// was produced: a producer may not know. Each record must have exactly one row,
// with the same bytes, in a chain that holds, in a batch that overlaps no
// other, with the verdict that arithmetic (verdict.go) gives for the pack that
// judged its batch. Each candidate that a row raises must have exactly one
// message, and a message names a row that raises it under the same rules.
// The checker (check.go) imports nothing of the pipeline, the rules or the
// sinks: it has its own SQL, its own reading of the stream, its own arithmetic.
//
// # That it would be seen
//
// A proof that cannot fail is none. Each mechanism can be taken out of the
// workers (removals.go), and a directed run of half a minute (scenario.go), in
// which it is all that stands between a fault and a doubled row, must then
// fail. An integration test does that for every one of them.
//
// Production code knows nothing of this: steps and removals are textual edits
// that are made on the way to the compiler (overlay.go), each of which must
// find its text exactly once. Where the code has moved on, a test says which
// edit must follow.
//
// # What is not shown
//
// The machine itself does not lose power: what a server acknowledged lies at
// least in the kernel's memory. There is one broker, one ClickHouse, one NATS.
// Filling the disk takes root; without it that fault is counted as one that did
// not happen. ClickHouse keeps some space free (keep_free_space_bytes), as every
// server of a worker should: where space ran out in truth it was seen to lose
// rows that it had acknowledged.
package faults
