package model

import (
	"fmt"
	"math/bits"
)

// Protocol is one variant of the delivery protocol, and the bounds within which
// it is explored. Times are ticks of the model's clock.
type Protocol struct {
	// ServerSide is how the coordinator takes a commit under an older
	// generation: false refuses it (classic), true accepts it as long as the
	// member has kept the partition (KIP-848).
	ServerSide bool
	// Deleted lets an operator delete the group's offsets, once, while the
	// group is empty and rows are stored.
	Deleted bool
	// Without are the mechanisms taken out.
	Without Mechanism

	Records int8 // in the partition, 1 to maxRecords
	Settled int8 // of them, stored by rules 0, published and committed long ago; less than Records
	TTL     int8 // an intent is good for fewer ticks than this
	Insert  int8 // the server ends an insert that is this old
	Window  int8 // ClickHouse forgets a token that is this old
	Still   int8 // how long rows stand still before a start without offsets
}

// maxRecords bounds Protocol.Records, and so the size of a state.
const maxRecords = 3

// maxBatch is how many records a batch holds at most. A cut after one record or
// after two is enough for two cuts to overlap.
const maxBatch = 2

// Standard is the protocol with every mechanism, under times that are as tight
// as they may be. An intent is good until the first tick and an insert runs
// until its second, so an insert lands at most one tick after its intent was
// sent. A token is remembered until its second tick. Rows stand still for two:
// for an intent's time and an insert's, less the tick that both count.
func Standard() Protocol {
	return Protocol{Records: 2, TTL: 1, Insert: 2, Window: 2, Still: 2}
}

// Mechanism is a set of things that the protocol does.
type Mechanism uint32

// The mechanisms, each with what the protocol does without it.
const (
	Acknowledged Mechanism = 1 << iota // stores without waiting for the intent's acknowledgement
	Refusal                            // joins anew and sends a refused commit again
	Leave                              // stays in the group when a commit's outcome is unknown
	Once                               // has a client that sends a commit again on another connection
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
	Begun                              // asks an intent's age before the server has begun the insert
	Bound                              // has a server that lets an insert run for ever
	Store                              // publishes before it stores
	Publish                            // commits a completion before it publishes
	Expected                           // publishes without an expected sequence
	Rewind                             // goes on after a batch that it gave up
	Told                               // commits no completion but with the next intent
	Doubt                              // stops on other rows in a replay's range, however old the intent is
	LastBatch                          // starts, without offsets, after the last stored batch instead of with it
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
	"the intent's age is asked after the server has begun the insert",
	"the server bounds an insert",
	"a batch is stored before it is published",
	"a batch is published before its completion is committed",
	"an alert has an expected sequence",
	"a batch that was given up is polled again",
	"a cycle without a new batch commits the completion",
	"other rows in a replay's range stop nobody whose intent is too old",
	"a start without offsets replays the last stored batch",
}

// String names one mechanism.
func (m Mechanism) String() string {
	if bits.OnesCount32(uint32(m)) != 1 || m > everything {
		return fmt.Sprintf("mechanisms %b", uint32(m))
	}
	return mechanisms[bits.TrailingZeros32(uint32(m))]
}

func (p *Protocol) has(m Mechanism) bool { return p.Without&m == 0 }
