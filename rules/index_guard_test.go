package rules

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/rules/event"
	"tocsin/rules/money"
)

// bitmap is one of n bits, all set.
func bitmap(n int) []uint64 {
	bits := make([]uint64, (n+63)/64)
	for i := range n {
		bits[i/64] |= 1 << (i % 64)
	}
	return bits
}

func members(bits []uint64) (all []int) {
	for i := range 64 * len(bits) {
		if bits[i/64]>>(i%64)&1 == 1 {
			all = append(all, i)
		}
	}
	return all
}

// TestSet holds a set to a map.
func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const n = 300
		draw := func(name string) (s set, has map[int]bool) {
			has = map[int]bool{}
			for _, i := range rapid.SliceOf(rapid.IntRange(0, n-1)).Draw(t, name) {
				s.add(i)
				has[i] = true
			}
			return s, has
		}
		drop, dropped := draw("drop")
		keep, kept := draw("keep")
		left := bitmap(n)
		if drop.dropFrom(left, keep); drop.meets(left) != slices.ContainsFunc(members(left), func(i int) bool { return dropped[i] }) {
			t.Fatal("meets is wrong")
		}
		for i := range n {
			if has := left[i/64]>>(i%64)&1 == 1; has != (!dropped[i] || kept[i]) || drop.has(i) != dropped[i] {
				t.Fatalf("%d: left %t, dropped %t, kept %t", i, has, dropped[i], kept[i])
			}
		}
		if drop.count() != len(dropped) {
			t.Fatalf("%d members, want %d", drop.count(), len(dropped))
		}
		drop.addTo(left)
		if len(members(left)) != n {
			t.Fatal("not all are back")
		}
	})
}

// TestLadder: the rules that are dropped are those whose limit is not reached, also
// where many have the same.
func TestLadder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		least := rapid.SliceOfN(rapid.Int64Range(0, 40), 1, 400).Draw(t, "limits")
		l := &ladder{}
		for rule, n := range least {
			l.steps = append(l.steps, step{money.FromInt(n), rule})
		}
		l.sort()
		n := rapid.Int64Range(-1, 41).Draw(t, "quantity")
		left := bitmap(len(least))
		l.dropAbove(money.FromInt(n), left)
		for rule, limit := range least {
			if has := left[rule/64]>>(rule%64)&1 == 1; has != (limit <= n) {
				t.Fatalf("the rule with limit %d is left: %t, for %d", limit, has, n)
			}
		}
	})
}

// broken is a guard that panics.
type broken struct{ rules set }

func (b broken) users() set    { return b.rules }
func (b broken) narrow(*query) { panic("broken") }

// TestGuardPanics: a guard that panics drops no rule.
func TestGuardPanics(t *testing.T) {
	r := &Rule{ID: "A", schema: event.Ledger, OnMissing: NoMatch}
	x := &index{rules: []*Rule{r}, blank: []Verdict{{Rule: r}}, guards: []guard{broken{set{{0, 1}}}}}
	q := &query{engine: &Engine{}, index: x}
	q.Event, q.Observed = &event.New(event.LookupType("ledger.contract.executed")).Record, time.Time{}
	if q.narrow(); q.left[0] != 1 {
		t.Error("the rule is dropped")
	}
}
