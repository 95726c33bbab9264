package model

import (
	"fmt"
	"math/bits"
)

// Protocol is one variant of the delivery protocol with the bounds of its search.
// Times are ticks of the model's clock.
type Protocol struct {
	// ServerSide makes the coordinator accept a commit of an older generation
	// while the member has kept the partition (KIP-848). Otherwise the
	// coordinator refuses it (classic).
	ServerSide bool
	// Deleted lets an operator delete the group's offsets, once, while the
	// group is empty and rows are stored.
	Deleted bool
	// Recreated lets an operator delete the topic and make it again under its
	// name, once. The new log has as many records as the old one.
	Recreated bool
	// Forged lets a person with rights on the group set its mark in one of these
	// ways, once, while the group is empty and rows are stored.
	Forged Forgery
	// Added begins with a log without committed offset and without rows.
	Added bool
	// Without are the removed mechanisms.
	Without Mechanism

	Records int8 // in the partition, 1 to maxRecords
	Settled int8 // the first of them, settled long ago by rules 0
	TTL     int8 // an intent is valid for fewer ticks than this
	Insert  int8 // the server ends an insert of this age
	Window  int8 // ClickHouse forgets a token of this age
	Still   int8 // how long rows stand still before a start without offsets
	Quiet   int8 // how long a batch waits for its next token
	Losses  int8 // how often ClickHouse may keep a token and lose the rows; at most maxNumber - 1
}

// maxRecords bounds Protocol.Records, and so the size of a state.
const maxRecords = 2

// maxLogs is how many logs have the topic's name, one after the other.
const maxLogs = 2

// maxBatch bounds the records of a batch. With cuts after one record or after two,
// two cuts can overlap.
const maxBatch = 2

// maxNumber bounds the tokens of a batch: one more than the losses.
const maxNumber = 2

// never is a Protocol.Window without an end: tokens are not forgotten.
const never = 127

// Standard returns the protocol with every mechanism and the tightest permitted
// times. An intent is valid until the first tick and an insert runs until its
// second, so an insert lands at most one tick after its intent was sent. A token is
// remembered until its second tick. Rows stand still for two ticks: an intent's
// time and an insert's, less the tick that both count. A lost batch waits as long
// before its next token.
func Standard() Protocol {
	return Protocol{Records: 2, TTL: 1, Insert: 2, Window: 2, Still: 2, Quiet: 2}
}

// Mechanism is a set of mechanisms of the protocol.
type Mechanism uint64

// The mechanisms, each with the behaviour of a protocol without it.
const (
	Acknowledged Mechanism = 1 << iota // stores without waiting for the intent's acknowledgement
	Refusal                            // joins anew and sends a refused commit again
	Leave                              // stays in the group when a commit's outcome is unknown
	Once                               // has a client that repeats a commit on another connection
	Fence                              // has a coordinator that accepts commits of members it expelled
	Blocked                            // lets the group rebalance, and the client join anew, in the midst of a cycle
	Range                              // cuts a replay anew
	Rules                              // judges a replay by the worker's own rules
	Head                               // leaves the chain's head out of the mark
	Redeclare                          // does not declare a replay; its age counts from the look for it
	Before                             // counts an intent's age from its acknowledgement
	Look                               // stores a replay without looking for its rows
	Token                              // inserts without a token
	Late                               // stores however old the intent is
	Begun                              // checks an intent's age before the server has begun the insert
	Bound                              // has a server that lets an insert run for ever
	Certain                            // publishes before its intent is acknowledged
	Publish                            // commits a completion before it publishes
	Expected                           // publishes without an expected sequence
	Rewind                             // goes on behind a batch that it gave up
	Told                               // commits a completion only with the next intent
	Doubt                              // stops on other rows in a replay's range, however old the intent is
	LastBatch                          // starts, without offsets, after the last stored batch instead of with it
	Seen                               // believes the acknowledgement of a repeated insert
	Next                               // inserts lost rows under the same token for ever
	Waited                             // inserts lost rows at once under the next token
	Counted                            // leaves the token's number out of the mark
	MarkLog                            // takes the mark of an earlier log of the topic for its own
	RowLog                             // takes the rows of an earlier log of the topic for its own
	First                              // begins a partition of which nothing is known at its end
	Ahead                              // believes a mark that is ahead of the rows
	Behind                             // believes a mark that is behind the rows
	Linked                             // believes a mark with another chain than the rows
	Idle                               // compares mark and rows only before an insert
	Stands                             // stops on a contradiction although another member has moved the mark
	Own                                // compares the rows with the promise of the mark at which it began
	Part                               // takes a commit that is accepted in part for one that is accepted
	Given                              // commits the completion of a partition that was revoked
	Each                               // settles every batch of a cycle when one of them is delivered
	Alone                              // commits the offset of a promised batch that is not at hand, without its promise
	Agreed                             // takes every mark of another log for one of an earlier log
	Found                              // stores a batch whose rows the comparison has found
	Fixed                              // fills a batch whose store has begun
	Final                              // begins a store before the group has acknowledged the range to its end
	Moved                              // begins a store before the group has acknowledged the completion of the batch before
	Ordered                            // stores the open batch while another is being stored
	Same                               // judges an open batch by other rules when the worker reloads them
	Longer                             // declares an open batch again, shorter
	Oldest                             // commits the first record of the newest batch in hand
	Second                             // declares a replay, or a batch again, without the promise behind it
	Carried                            // commits a completion without the promise of the batch behind it
	Apart                              // replays two promises as one batch
	Ungrown                            // fills a replay with new records
	Finished                           // cuts a new batch before it has replayed every promise
	Owed                               // cuts anew what it declared and gave up
	Since                              // counts the age of a batch in store from the last declaration of the open one
	Again                              // declares a batch again in place, and stores it without looking for its rows
	everything   = 1<<iota - 1
)

var mechanisms = [...]string{
	"a batch is stored after its intent is acknowledged",
	"a refused commit is not sent again under another generation",
	"a commit of unknown outcome ends the membership",
	"a commit is sent once",
	"the coordinator refuses members that it expelled",
	"rebalances wait for the cycle",
	"a replay has the range of its intent",
	"a replay is judged by the rules of its intent",
	"the mark carries the chain's head",
	"a replay is declared again",
	"an intent's age counts from before it was sent",
	"a replay is looked for before it is stored",
	"an insert has a token",
	"an intent that is too old is not stored",
	"the intent's age is checked after the server has begun the insert",
	"the server bounds an insert",
	"a batch is published after its intent is acknowledged",
	"a batch is published before its completion is committed",
	"an alert has an expected sequence",
	"a batch that was given up is polled again",
	"a cycle without a new batch commits the completion",
	"other rows in a replay's range stop no worker whose intent is too old",
	"a start without offsets replays the last stored batch",
	"the acknowledgement of a repeated insert is believed when the rows are seen",
	"lost rows are inserted under the next token",
	"a next token waits until no earlier insert can run",
	"the mark carries the token's number",
	"the mark names the log",
	"rows are looked for by their log",
	"a partition of which nothing is known begins at its first record",
	"a mark that is ahead of the rows is refused",
	"a mark that is behind the rows is refused",
	"a mark with another chain than the rows is refused",
	"an idle worker compares mark and rows",
	"a contradiction counts only if the group's mark has not moved",
	"rows of the worker's own promise are no contradiction",
	"a commit that is refused for one partition ends the membership",
	"a partition that was revoked is forgotten",
	"each batch of a cycle is settled by itself",
	"a commit leaves out promised batches that are not at hand",
	"a mark is of an earlier log only if no broker knows its topic id",
	"rows that the comparison finds are looked for before an insert",
	"the range of a batch is fixed once its store begins",
	"a store begins when the whole range is acknowledged",
	"a store begins when the completion of the batch before is acknowledged",
	"one batch of a partition is stored at a time",
	"an open batch keeps its rules",
	"an open batch is not declared again shorter",
	"the committed offset is the first record of the oldest batch in hand",
	"a replay and a batch that is declared again keep the promise behind them",
	"a completion keeps the promise of the batch behind it",
	"each promise is replayed by itself",
	"a replay gets no new records",
	"a new batch waits for every replay",
	"a declared batch that was given up is replayed",
	"the age of a batch in store counts from its own declaration",
	"a batch that is declared again in place is looked for before it is stored",
}

// String names one mechanism.
func (m Mechanism) String() string {
	if bits.OnesCount64(uint64(m)) != 1 || m > everything {
		return fmt.Sprintf("mechanisms %b", uint64(m))
	}
	return mechanisms[bits.TrailingZeros64(uint64(m))]
}

func (p *Protocol) has(m Mechanism) bool { return p.Without&m == 0 }
