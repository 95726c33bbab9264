// Package pipeline is the loop: it polls Kafka, judges the records, stores each
// record with its verdicts, publishes candidates, and commits offsets.
//
// Read cycle.go first: a cycle gathers, declares, delivers and settles batches.
//
// # One goroutine, one cycle
//
//	         ┌──────────────────────────────────────── one turn ────────────────────────────────────────┐
//	poll ──▶ begin ──▶ judge ──▶ declare ────▶ (compare) ──▶ (look) ──▶ store ∥ publish ───────────▶ settle ──▶ AllowRebalance
//	 │▲      marks of      │        │          mark with     replays      │             │            │
//	 │└────── more ────────┘    commit: intent the rows,     only       one insert   one message   committed by the next
//	 │        new partitions    [first,last],  at the                   a batch,     a candidate   declare, or when
//	 │                          rules, chain   first insert             one token                  the cycle hurries
//	 └─ until max_records or max_bytes, linger after the first record, or a candidate
//
// A cycle without records compares idle partitions instead. A cycle that finds a
// topic deleted and created again commits the first marks of the new logs, and ends
// the session.
//
// Nothing outlives a cycle: there is no flusher, no timer, no channel between
// steps and no lock around data. Judging fans out by partition and joins again.
// Storing and publishing fan out by batch, side by side, and join again: an alert
// waits for no insert. Polling blocks rebalancing, so the group's callbacks and the loop never
// touch the same data at once. Back-pressure is the absence of the next poll. A
// cycle takes the current rules once, so rules change between cycles only.
//
// # States of a partition's batch
//
//	          poll                  commit ok                store ok, publish ok
//	settled ────────▶ open ───────────────────▶ declared ─────────────────────────▶ settled
//	                    │ refused / unknown          │ rebalance, stop, crash, too late
//	                    ▼                            ▼
//	              session ends                 pending: the next owner of the
//	           (leave, join, reread)           partition, perhaps this member, refetches
//	                    ▲                      exactly [first,last], judges it by the
//	                    │                      declared rules,
//	                    │ refused / unknown          │ commit ok: declared again, as it was
//	                    └────────────────────────────┤
//	                                                 ▼
//	                                           looked for: all rows there ──▶ publish
//	                                           none ──▶ publish, store under the same token
//	                                           some, or others ──▶ stop
//	                                           token known, rows lost ──▶ wait, look,
//	                                                declare under the next token
//
// # Why it is exact
//
// A batch is stored only after the group coordinator has acknowledged its
// intent under this member's generation, so two members never hold different
// intents for the same records. A batch that was declared and not settled is
// always replayed, because the committed offset is its first record. Offsets are
// committed in one place, by a turn (intent.go), and only between a poll and
// AllowRebalance: autocommit, CommitRecords and kadm's commits would erase an
// intent.
//
// Storing is idempotent by token while the store remembers the token. Publishing
// is idempotent by candidate id for ever. A store forgets tokens, so time is
// bounded too. An insert begins on the server within intent_ttl of this member's
// acknowledged declaration, and ends within step_timeout of its begin. Meanwhile
// only a replay, under the same token, inserts the same records. A store
// remembers tokens for longer than both times together. An older batch is looked
// for before it is stored. A worker may therefore stand still for any time
// between any two steps. Package pipeline/model checks every interleaving and
// shows that each mechanism is needed.
//
// An acknowledgement counts only when the store shows that this insert stored the
// rows, or when the rows are seen: a store may remember a token and have lost the
// rows (lost.go).
//
// A record is (cluster, topic id, partition, offset). A topic that was deleted and
// created again under its name is a new log beside the old one: it has marks, a
// chain, tokens and rows of its own (identity.go). A mark must agree with the rows
// before anything is stored behind it (compare.go).
//
// A member leaves the group after a commit with an unknown outcome: the broker
// may still apply that commit later, and only a new generation makes it refuse.
//
// # What waits, what stops
//
// When a sink is down, the worker retries with back-off for ever, and is unready.
// A bad record is stored as a dead letter, and so is each record of a batch that
// cannot be unpacked (poison.go). A batch without room is fetched again (aside.go).
// A misconfigured server stops the process with a message. There is no fourth
// outcome: nothing is dropped.
package pipeline
