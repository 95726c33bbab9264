// Package pipeline is the loop: it polls Kafka, judges what came, stores every
// record with its verdicts, publishes candidates, and tells the group.
//
// # One goroutine, one cycle
//
//	         ┌─────────────────────────────── one turn ───────────────────────────────┐
//	poll ──▶ begin ──▶ judge ──▶ declare ──▶ (look) ──▶ store ──▶ publish ──▶ settle ──▶ AllowRebalance
//	 │▲      marks of      │        │         replays     │           │          │
//	 │└────── more ────────┘    commit: intent only    one insert  one message  told by the next
//	 │        new partitions    [first,last],          a batch,    a candidate  declare, or when
//	 │                          rules, chain           one token                the cycle hurries
//	 └─ until max_records or max_cycle_bytes, linger after the first record, or a candidate
//
// Nothing outlives a cycle: no flusher, no timer, no channel between steps, no
// lock around data. Judging fans out by partition and joins again; storing and
// publishing fan out by batch and join again, batches with candidates first.
// Polling blocks rebalancing, so what the group's callbacks touch is never
// touched at the same time here. Back-pressure is the absence of the next poll.
// The rules of new batches are asked for once a cycle, so they may change
// between cycles.
//
// # States of a partition's batch
//
//	          poll                  commit ok                store ok, publish ok
//	settled ────────▶ open ───────────────────▶ declared ─────────────────────────▶ settled
//	                    │ refused / unknown          │ rebalance, stop, crash, too late
//	                    ▼                            ▼
//	              session ends                 pending: whoever owns the partition
//	           (leave, join, reread)           next, perhaps this member, refetches
//	                    ▲                      exactly [first,last], judges it by the
//	                    │                      declared rules,
//	                    │ refused / unknown          │ commit ok: declared again, as it was
//	                    └────────────────────────────┤
//	                                                 ▼
//	                                           looked for: all rows there ──▶ publish
//	                                           none ──▶ store under the same token
//	                                           some ──▶ stop: impossible
//
// # Why it is exact
//
// A batch is stored only after the group coordinator has acknowledged its
// intent under this member's generation, so two members never hold different
// intents for the same records. What was declared and not done is always
// replayed, because the committed offset is its first record. Offsets are
// committed in one place, by a turn (intent.go), and only between a poll and
// AllowRebalance: autocommit, CommitRecords and kadm's commits would erase an
// intent.
//
// Storing is idempotent by token for as long as the store remembers tokens, and
// publishing by candidate id for ever. A token may be forgotten, so time is
// bounded as well: an insert begins, on the server, within intent_ttl of the
// declaration that this member was acknowledged, and ends within step_timeout of
// its begin. Nothing else inserts the same records meanwhile but a replay, under
// the same token, and a store remembers tokens for longer than both times
// together. Whatever is older was looked for first: so a worker may stand still
// for any time between any two steps. Package pipeline/model checks every
// interleaving of it, and shows of each mechanism that it is needed.
//
// A cycle whose commit has an unknown outcome leaves the group: the broker may
// still apply that commit later, and only a new generation refuses it.
//
// # What waits, what stops
//
// A sink that is down is waited for, with back-off, for ever, and the worker is
// unready. A record that is bad is stored as a dead letter. A server that is
// misconfigured stops the process with a message. There is no fourth outcome:
// nothing is dropped.
package pipeline
