// Package faults shows that nothing is lost and nothing doubled. It runs real
// workers against Apache Kafka itself, a real ClickHouse and JetStream, under
// load, while workers and servers are killed, paused, cut off and filled up;
// then it repairs everything, waits until the topics are drained, and compares
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
// Topics are deleted and created again (remake.go), and get more partitions. The
// group's offsets are deleted. Producers send batches that unpack to more than a
// worker's budget, that are not what their codec writes, and that do not fit together
// (hostile.go). ClickHouse is killed after it has written a token to its deduplication
// log and before it renames the part, or the rename fails (lostrows.go): the kernel
// hands every rename to the harness, so each such fault strikes. Each worker's
// memory is measured, and must stay within what deploy/README.md promises.
//
// # What is compared
//
// The records that a reader of committed records finds in the topics at the end
// count as produced: a producer may not know. Each record must have exactly one row,
// with the same bytes, in a chain that holds, in a batch that overlaps no
// other, with the verdict that arithmetic (verdict.go) gives for the pack that
// judged its batch. Each candidate that a row raises must have exactly one
// message, and a message names a row that raises it under the same rules.
//
// A record belongs to the topic with an id, not to a name. Before a topic is deleted,
// producers stop, and the harness reads its log. A third of the deletions wait until
// the rows and alerts of the log are there, and every one of them is demanded at the
// end, too. The others happen while ClickHouse answers nothing, so that promises stand
// unfinished. Of such a log the last rows may be missing, because their records are in
// no place any more: a hole before a row, half a batch, a row too many or a wrong one
// is a failure as elsewhere. The alerts of its last batch may be missing too, until
// tocsin reconcile sends them; the alerts of earlier batches are demanded. The log of
// the new topic is another one, and all of it is demanded. Alerts wait for no row, so a
// promise that was deleted with its topic, or with the group's offsets, may have sent
// alerts: of a record without a row, or of one that other rules judge afterwards. The
// harness reads the marks before it deletes them. It takes no other such alert.
//
// A batch that no worker can unpack has a dead letter for each of its offsets, with
// the hash of the batch. The harness unpacks every batch by itself (packed.go).
//
// The checker (check.go) imports nothing of the pipeline, the rules or the
// sinks: it has its own SQL, its own reading of the stream, its own arithmetic.
//
// # That it would be seen
//
// A proof that cannot fail proves nothing. Each mechanism can be taken out of the
// workers (removals.go). A directed run of half a minute (scenario.go), in which
// only that mechanism stands between a fault and a doubled row, must then fail.
// An integration test does that for every mechanism.
//
// Production code has no part in this: steps and removals are textual edits on
// the way to the compiler (overlay.go). Each edit must find its text exactly once.
// Where the code has moved on, a test reports which edit must follow.
//
// # What is not shown
//
// The machine itself does not lose power: acknowledged data lie at least in the
// kernel's memory. There is one broker, one ClickHouse, one NATS.
// Filling the disk takes root; without it that fault is counted as one that did
// not happen. So is a lost token where the kernel has no seccomp. Apache Kafka deletes
// the offsets of a topic with the topic; a run puts them back in some deletions, as
// brokers leave them that do not. A running member of a classic group looks for new
// partitions every minute, so a run to which partitions were added starts its
// workers once more before it counts. ClickHouse keeps some space free (keep_free_space_bytes), as every
// server of a worker should: on a disk without any space left it lost rows that it
// had acknowledged.
package faults
