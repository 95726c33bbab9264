package model

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"
)

// limit is far more states than any variant here has.
const limit = 4_000_000

// Ends of what a search says is broken.
const (
	stops = " stops: it found in ClickHouse what cannot be"
	twice = "record 0 has two rows"
)

func search(t *testing.T, p Protocol) Result {
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

func TestTheProtocolKeepsItsPromises(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Protocol)
	}{
		{"classic", func(*Protocol) {}},
		{"server-side", func(p *Protocol) { p.ServerSide = true }},
		{"offsets deleted", func(p *Protocol) { p.ServerSide, p.Deleted = true, true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Standard()
			c.set(&p)
			if r := search(t, p); r.Broken != "" {
				t.Error("the protocol breaks a promise: see the trace above")
			}
		})
	}
}

// Whoever takes a mechanism out of the protocol because nothing seems to need
// it finds here what does.
func TestEveryMechanismIsNeeded(t *testing.T) {
	deleted := func(p *Protocol) { p.Settled, p.Deleted = 1, true }
	cases := map[Mechanism]struct {
		set  func(*Protocol) // nil: it is needed for the very first batch
		want string
	}{
		Acknowledged: {nil, stops},
		Refusal:      {nil, twice},
		Leave:        {nil, stops},
		Once:         {nil, stops},
		Fence:        {nil, twice},
		Blocked:      {nil, stops},
		Range:        {nil, stops},
		Rules:        {nil, stops},
		Head:         {nil, "the chain is broken at record 1"},
		Redeclare:    {deleted, stops},
		Before:       {nil, twice},
		Look:         {nil, twice},
		Token:        {nil, twice},
		Late:         {nil, twice},
		Begun:        {nil, twice},
		Bound:        {nil, twice},
		Store:        {nil, "the candidate of record 0 is published and has no row"},
		Publish:      {nil, "offset 1 is committed, and the candidate of record 0 is not published"},
		Expected:     {nil, "the candidate of record 0 is published twice"},
		Rewind:       {nil, "offset 1 is committed, and record 0 has no row"},
		Told:         {func(p *Protocol) { p.Settled = 1 }, deadEnd},
		Doubt:        {deleted, stops},
		LastBatch:    {deleted, "offset 2 is committed, and the candidate of record 1 is not published"},
	}
	if len(cases) != bits.OnesCount32(everything) || len(cases) != len(mechanisms) {
		t.Fatalf("%d mechanisms are tried and %d named, of %d", len(cases), len(mechanisms), bits.OnesCount32(everything))
	}
	for m := Mechanism(1); m < everything; m <<= 1 {
		t.Run(m.String(), func(t *testing.T) {
			p := Standard()
			p.Without = m
			if cases[m].set != nil {
				cases[m].set(&p)
			}
			if r := search(t, p); !strings.HasSuffix(r.Broken, cases[m].want) || r.Broken == "" {
				t.Errorf("without it: %q, want %q", r.Broken, cases[m].want)
			}
		})
	}
}

// A replay under other rules is found out by the look for it. Where
// that is missing too, and for as long as the token is remembered, only the
// alerts tell.
func TestAlertsAgreeWithRows(t *testing.T) {
	p := Standard()
	p.Without, p.Window = Rules|Look, 8
	const want = "the candidate of record 0 is published by rules 0, and its row is judged by rules 1"
	if r := search(t, p); r.Broken != want {
		t.Errorf("%q, want %q", r.Broken, want)
	}
}

// The times must be in the order that the protocol demands of them.
func TestEveryTimeIsNeeded(t *testing.T) {
	for _, c := range []struct {
		name string
		set  func(*Protocol)
		want string
	}{
		{"a token is remembered for longer than an intent and an insert last", func(p *Protocol) { p.Window-- }, twice},
		{"rows stand still for as long as an intent and an insert last", func(p *Protocol) { p.Settled, p.Deleted, p.Still = 1, true, p.Still-1 },
			stops},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Standard()
			c.set(&p)
			if r := search(t, p); !strings.HasSuffix(r.Broken, c.want) {
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

// The worker asks whether its intent is too old, and the server begins the
// insert much later.
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
	//  3. A reads the mark and polls 0-0 by rules 0, sends its intent and waits: offset 0, intent to 0 by rules 0
	//  4. Kafka accepts the commit of A: offset 0, intent to 0 by rules 0
	//  5. A has its intent acknowledged
	//  6. A finds its intent young enough
	//  7. A makes ClickHouse begin an insert of 0-0 by rules 0
	//  8. A sends the rows
	//  9. A hears nothing of its insert, which runs on
	// 10. A finds its intent young enough
	// 11. ClickHouse stores 0-0 by rules 0
	// 12. The clock passes a tick
	// 13. A makes ClickHouse begin an insert of 0-0 by rules 0
	// 14. A sends the rows
	// 15. The clock passes a tick
	// 16. ClickHouse stores 0-0 by rules 0
}
