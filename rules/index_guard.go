package rules

import (
	"cmp"
	"slices"
	"sync"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// fact is a conjunct that several rules have.
type fact struct {
	dialect.Conjunct
	source int
	rules  set
}

func (f *fact) users() set { return f.rules }

func (f *fact) narrow(q *query) {
	q.profile(f.source)
	if f.False(&q.Scope) {
		f.rules.dropFrom(q.left, nil)
	}
}

// words are the rules that need a text to be one of some words.
type words struct {
	*dialect.Word
	source int
	rules  set
	byWord map[string]set
	absent set // the rules whose conjunct is false where the text was not sent
}

func (w *words) users() set { return w.rules }

func (w *words) narrow(q *query) {
	q.profile(w.source)
	switch text, sent, known := w.Text(&q.Scope); {
	case !known:
	case !sent:
		w.absent.dropFrom(q.left, nil)
	default:
		w.rules.dropFrom(q.left, w.byWord[text])
	}
}

// limits are the rules that need a quantity to reach a limit, which may depend on
// the profile.
type limits struct {
	*dialect.Limit
	source int
	rules  set
	each   []limit
	sorted sync.Map // of *ladder, by the profile (*event.Record) that gave its steps
}

// limit is the limit of one rule.
type limit struct {
	*dialect.Limit
	rule int
}

func (l *limits) users() set { return l.rules }

func (l *limits) narrow(q *query) {
	profile := q.profile(l.source)
	if !q.engine.inPackCurrency(q.index, q.Event, profile) {
		return
	}
	if n, known := l.Quantity(&q.Scope); known {
		l.ladder(q.index, profile).dropAbove(n, q.left)
	}
}

// inPackCurrency reports whether event and profile are in the pack's group currency,
// so that limits do not depend on the event.
func (e *Engine) inPackCurrency(x *index, ev, profile *event.Record) bool {
	return (x.currency == nil || !ev.Has(x.currency) || ev.Text(x.currency) == e.currency) &&
		(profile == nil || profile.Text(profileCurrency) == e.currency)
}

var profileCurrency = Materiality.Lookup("group_currency")

// ladder returns the limits under a profile, sorted. They are computed for the first
// event that asks.
func (l *limits) ladder(x *index, profile *event.Record) *ladder {
	if known, ok := l.sorted.Load(profile); ok {
		return known.(*ladder)
	}
	empty := event.NewRecord(x.rules[0].schema)
	built := &ladder{}
	for _, one := range l.each {
		if least, ok := one.Least(&empty, profile); ok {
			built.steps = append(built.steps, step{least, one.rule})
		}
	}
	built.sort()
	known, _ := l.sorted.LoadOrStore(profile, built)
	return known.(*ladder)
}

// ladder is limits in ascending order.
type ladder struct {
	steps []step
	above []set // the rules from step 64*i on
}

// step is the least quantity that a rule needs.
type step struct {
	least money.Amount
	rule  int
}

func (l *ladder) sort() {
	slices.SortFunc(l.steps, func(a, b step) int { return cmp.Or(a.least.Cmp(b.least), cmp.Compare(a.rule, b.rule)) })
	l.above = make([]set, len(l.steps)/64+1)
	var above set
	for i := len(l.steps) - 1; i >= 0; i-- {
		above.add(l.steps[i].rule)
		if i%64 == 0 {
			l.above[i/64] = slices.Clone(above)
		}
	}
}

// dropAbove drops the rules that need more than n.
func (l *ladder) dropAbove(n money.Amount, bitmap []uint64) {
	i, _ := slices.BinarySearchFunc(l.steps, n, func(s step, n money.Amount) int {
		if s.least.Cmp(n) <= 0 {
			return -1
		}
		return 1
	})
	for ; i < len(l.steps) && i%64 != 0; i++ {
		bitmap[l.steps[i].rule/64] &^= 1 << (l.steps[i].rule % 64)
	}
	if i < len(l.steps) {
		l.above[i/64].dropFrom(bitmap, nil)
	}
}
