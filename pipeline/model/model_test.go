package model

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"
)

// limit is far more states than any variant here has.
const limit = 16_000_000

// Ends of the text of a broken promise.
const (
	stops  = " stops: it found in ClickHouse what cannot be"
	twice  = "record 0 has two rows"
	judged = "the candidate of record 0 is published by rules 0, and its row is judged by rules 1"
	other  = "the candidate of record 1 is published by rules 0, and its row is judged by rules 1"
	beyond = " has a row that the first promise of the group does not cover"
)

// searcher is a Protocol, a Pair or a Rounds.
type searcher interface {
	Search(limit int) (Result, error)
}

func explore(t *testing.T, p searcher) Result {
	t.Helper()
	r, err := p.Search(limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d states, %d steps, the farthest state %d steps away", r.States, r.Steps, r.Depth)
	if r.Broken != "" {
		t.Logf("%s:\n%s", r.Broken, strings.Join(r.Trace, "\n"))
	}
	return r
}

// scenario is a variant of the model.
type scenario struct {
	name string
	in   searcher
}

// a returns the standard protocol with a change.
func a(set func(*Protocol)) Protocol {
	p := Standard()
	set(&p)
	return p
}

func keeps(t *testing.T, all []scenario) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			if r := explore(t, c.in); r.Broken != "" {
				t.Error("the protocol breaks a promise: see the trace above")
			}
		})
	}
}

// The larger scenarios are in TestIntegrationTheProtocolKeepsItsPromises; make model
// searches the largest.
func TestTheProtocolKeepsItsPromises(t *testing.T) {
	keeps(t, []scenario{
		{"classic", Standard()},
		{"server-side", a(func(p *Protocol) { p.Settled, p.ServerSide = 1, true })},
		{"offsets deleted", a(func(p *Protocol) { p.Settled, p.Deleted = 1, true })},
		{"a topic made again, whose records were settled", a(func(p *Protocol) { p.Records, p.Settled, p.Recreated = 1, 1, true })},
		{"a partition added", a(func(p *Protocol) { p.Records, p.Added = 1, true })},
		{"a mark set forward, back, or to another chain", a(func(p *Protocol) { p.Settled, p.Forged = 1, Forward|ForwardPromised|Back|BackPromised|Chained })},
		{"a token without rows", a(func(p *Protocol) { p.Settled, p.Losses = 1, 1 })},
		{"two partitions", Pair{}},
		{"two partitions, server-side", Pair{ServerSide: true}},
		{"a partition added to a group at work", Pair{Added: true}},
		{"two batches in hand, server-side", Rounds{Records: 2, Candidates: 0b11, ServerSide: true, Compared: true}},
	})
}

// Each mechanism has a promise that breaks without it.
func TestEveryMechanismIsNeeded(t *testing.T) {
	one := func(set func(*Protocol)) func(Mechanism) searcher {
		return func(without Mechanism) searcher {
			p := Standard()
			if p.Without = without; set != nil {
				set(&p)
			}
			return p
		}
	}
	two := func(p Pair) func(Mechanism) searcher {
		return func(without Mechanism) searcher {
			p.Without = without
			return p
		}
	}
	rounds := func(p Rounds) func(Mechanism) searcher {
		p.Records = 2
		return func(without Mechanism) searcher {
			p.Without = without
			return p
		}
	}
	deleted := func(p *Protocol) { p.Settled, p.Deleted = 1, true }
	again := func(p *Protocol) { p.Records, p.Settled, p.Recreated = 1, 1, true }
	forged := func(how Forgery) func(*Protocol) { return func(p *Protocol) { p.Settled, p.Forged = 1, how } }
	lost := func(p *Protocol) { p.Settled, p.Losses = 1, 1 }
	cases := map[Mechanism]struct {
		in   func(without Mechanism) searcher // one(nil): it is needed for the very first batch
		want string
	}{
		Acknowledged: {one(nil), stops},
		Refusal:      {one(nil), judged},
		Leave:        {one(nil), stops},
		Once:         {one(nil), stops},
		Fence:        {one(nil), judged},
		Blocked:      {one(nil), stops},
		Range:        {one(nil), stops},
		Rules:        {one(nil), stops},
		Head:         {one(nil), "the chain is broken at record 1"},
		Redeclare:    {one(deleted), stops},
		Before:       {one(nil), twice},
		Look:         {one(nil), twice},
		Token:        {one(nil), twice},
		Late:         {one(nil), twice},
		Begun:        {one(nil), twice},
		Bound:        {one(nil), twice},
		Certain:      {one(nil), judged},
		Publish:      {one(nil), "offset 1 is committed, and the candidate of record 0 is not published"},
		Expected:     {one(nil), "the candidate of record 0 is published twice"},
		Rewind:       {one(nil), "goes on at record 1, and record 0 has no row"},
		Told:         {one(func(p *Protocol) { p.Settled = 1 }), deadEnd},
		Doubt:        {one(deleted), stops},
		LastBatch:    {one(deleted), "offset 2 is committed, and the candidate of record 1 is not published"},
		Seen:         {one(lost), "goes on at record 2, and record 1 has no row"},
		Next:         {one(func(p *Protocol) { lost(p); p.Window = never }), deadEnd},
		Waited:       {one(lost), "record 1 has two rows"},
		Counted:      {one(lost), "record 1 has two rows"},
		MarkLog:      {one(again), "has no row"},
		RowLog:       {one(func(p *Protocol) { p.Records, p.Recreated = 1, true }), stops},
		First:        {two(Pair{Added: true}), "has no row"},
		Ahead:        {one(forged(ForwardPromised)), "has no row"},
		Behind:       {one(forged(Back)), twice},
		Linked:       {one(forged(Chained)), "the chain is broken at record 1"},
		Idle:         {one(forged(Forward)), deadEnd},
		Stands:       {one(nil), stops},
		Own:          {one(nil), stops},
		Part:         {two(Pair{}), stops},
		Given:        {two(Pair{}), stops},
		Each:         {two(Pair{}), "has no row"},
		Alone:        {two(Pair{}), stops},
		Agreed:       {one(again), stops},
		Found:        {one(forged(Back)), twice},
		Fixed:        {rounds(Rounds{}), twice},
		Final:        {rounds(Rounds{}), stops},
		Moved:        {rounds(Rounds{Candidates: 0b10, Compared: true}), beyond},
		Ordered:      {rounds(Rounds{Candidates: 0b10}), "the chain is broken at record 1"},
		Same:         {rounds(Rounds{Candidates: 0b01, Reload: true}), judged},
		Longer:       {rounds(Rounds{Candidates: 0b10}), other},
		Oldest:       {rounds(Rounds{Candidates: 0b10}), "offset 1 is committed, and record 0 has no row"},
		Second:       {rounds(Rounds{Candidates: 0b10}), other},
		Carried:      {rounds(Rounds{Candidates: 0b10}), other},
		Apart:        {rounds(Rounds{Candidates: 0b10}), stops},
		Ungrown:      {rounds(Rounds{}), stops},
		Finished:     {rounds(Rounds{Candidates: 0b10}), other},
		Owed:         {rounds(Rounds{}), twice},
		Since:        {rounds(Rounds{}), twice},
		Again:        {rounds(Rounds{}), twice},
	}
	if len(cases) != bits.OnesCount64(everything) || len(cases) != len(mechanisms) {
		t.Fatalf("%d mechanisms are tried and %d named, of %d", len(cases), len(mechanisms), bits.OnesCount64(everything))
	}
	for m := Mechanism(1); m < everything; m <<= 1 {
		t.Run(m.String(), func(t *testing.T) {
			if r := explore(t, cases[m].in(m)); !strings.HasSuffix(r.Broken, cases[m].want) || r.Broken == "" {
				t.Errorf("without it: %q, want %q", r.Broken, cases[m].want)
			}
		})
	}
}

// The look for a replay, before its insert or after, detects a replay under other
// rules. Without both, and while the token is remembered, only the alerts show it.
func TestAlertsAgreeWithRows(t *testing.T) {
	p := Standard()
	p.Without, p.Window = Rules|Look|Seen, 8
	if r := explore(t, p); r.Broken != judged {
		t.Errorf("%q, want %q", r.Broken, judged)
	}
}

// The times must be in the order that the protocol demands.
func TestEveryTimeIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Protocol)
		want string
	}{
		{"a token is remembered for longer than an intent and an insert last", func(p *Protocol) { p.Window-- }, twice},
		{"rows stand still for as long as an intent and an insert last", func(p *Protocol) { p.Settled, p.Deleted, p.Still = 1, true, p.Still-1 },
			stops},
		{"a batch waits for its next token for as long as an intent and an insert last",
			func(p *Protocol) { p.Settled, p.Losses, p.Quiet = 1, 1, p.Quiet-1 }, "record 1 has two rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Standard()
			c.set(&p)
			if r := explore(t, p); !strings.HasSuffix(r.Broken, c.want) {
				t.Errorf("otherwise: %q, want %q", r.Broken, c.want)
			}
		})
	}
}

func TestSearchHasALimit(t *testing.T) {
	if _, err := Standard().Search(100); !errors.Is(err, ErrTooMany) {
		t.Errorf("error %v, want ErrTooMany", err)
	}
}

// The worker checks the age of its intent, and the server begins the insert much
// later.
func ExampleProtocol_Search() {
	p := Standard()
	p.Without = Begun
	r, err := p.Search(limit)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("Broken:", r.Broken)
	for _, line := range r.Trace {
		fmt.Println(line)
	}
	// Output:
	// Broken: record 0 has two rows
	//  1. A joins the group
	//  2. Kafka assigns the partition to A
	//  3. A reads the mark: offset 0
	//  4. A polls 0-0 by rules 0, sends its intent and waits: offset 0, intent to 0 by rules 0
	//  5. Kafka accepts the commit of A: offset 0, intent to 0 by rules 0
	//  6. A has its intent acknowledged
	//  7. A finds that the rows agree with the mark
	//  8. A finds its intent young enough
	//  9. A makes ClickHouse begin an insert of 0-0 by rules 0
	// 10. A sends the rows
	// 11. A hears nothing of its insert, which runs on
	// 12. A finds its intent young enough
	// 13. ClickHouse stores 0-0 by rules 0
	// 14. The clock passes a tick
	// 15. A makes ClickHouse begin an insert of 0-0 by rules 0
	// 16. A sends the rows
	// 17. The clock passes a tick
	// 18. ClickHouse stores 0-0 by rules 0
}
