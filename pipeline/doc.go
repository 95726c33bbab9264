// Package pipeline is the loop: it polls Kafka, judges the records, stores each
// record with its verdicts, publishes candidates, and commits offsets.
//
// Read turn.go first: a turn makes rounds, and a round gathers, declares and launches.
//
// # One goroutine, one turn
//
// A turn is a hold on the group, from a poll to AllowRebalance. It ends when nothing is
// in hand, and is hurried to its end when a rebalance waits or the worker must stop.
//
//	┌───────────────────────────── one round ─────────────────────────────┐
//	poll ──▶ begin ──▶ judge ──▶ collect ──▶ due ──▶ declare ──▶ launch ──┐
//	 ▲       new       what      the ends    what    one commit  ┆        │
//	 │       partitions came     of steps    must              check      │
//	 │                             ▲         be                publish    │ beside
//	 │                             │         promised          store      │ the loop
//	 │                             └───────────────── ends ◀─────┘        │
//	 └────────────────────────────────────────────────────────────────────┘
//
// The loop polls while steps are under way. A partition has at most two batches in
// hand: one that is being stored, and an open one that takes the next records.
//
//   - An open batch with a candidate is declared at once, as far as it goes, and may be
//     declared again, longer. Once the group has acknowledged that, its alerts are
//     published. So a candidate waits for one commit and one publish, whatever the store
//     is doing.
//   - An open batch is sealed when it has waited for Linger, when it is full or when no
//     room is left, and nothing of the partition is being stored. It is declared with its
//     final range and then stored, in one insert.
//   - A batch is settled when it is stored and published. The next commit records that.
//
// A turn without records compares idle partitions instead. A turn that finds a topic
// deleted and created again commits the first marks of the new logs, and ends the
// session.
//
// Nothing outlives a turn: there is no flusher, no timer and no lock around data.
// Judging fans out by partition and joins again. Each step beside the loop sends a
// function, its end, and the loop executes it: no other goroutine changes a batch.
// Polling blocks rebalancing, so the group's callbacks and the loop never touch the same
// data at once. Back-pressure is the absence of the next poll: MaxBytes bounds what is
// in hand. A batch keeps the rules with which it was opened, so rules change between
// batches only.
//
// # States of a partition's batch
//
//	        poll                        commit ok              commit ok                store ok, publish ok
//	settled ────▶ open ─────────────────────────▶ open, ────────────────────▶ sealed, ─────────────────────▶ settled
//	               │      a candidate: publish    declared  ◀┐ longer           declared: store, publish
//	               │                                   └─────┘                       │
//	               │ refused / unknown                                 rebalance, stop, crash, too late
//	               ▼                                                                 ▼
//	         session ends                                       promised: the next owner of the
//	      (leave, join, reread)                                 partition, perhaps this member, refetches
//	               ▲                                            exactly [first,last], judges it by the
//	               │                                            declared rules; two promises one after
//	               │ refused / unknown                          the other
//	               │                                                                 │ commit ok: declared again, as it was
//	               └─────────────────────────────────────────────────────────────────┤
//	                                                                                 ▼
//	                                                           looked for: all rows there ──▶ publish
//	                                                           none ──▶ publish, store under the same token
//	                                                           some, or others ──▶ stop
//	                                                           token known, rows lost ──▶ wait, look,
//	                                                                declare under the next token
//
// # Why it is exact
//
// A batch is published and stored only after the group coordinator has acknowledged its
// intent under this member's generation, so two members never hold different
// intents for the same records. Its range grows only until its store begins, by the same
// rules, so what was published of a shorter one stays right. A batch that was declared
// and not settled is always replayed, because the committed offset is the first record
// of the oldest one, and the mark names them all. Offsets are
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
