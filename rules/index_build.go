package rules

import (
	"cmp"
	"slices"

	"tocsin/rules/dialect"
)

// indexer builds the index of one event type.
type indexer struct {
	*index
	terms   *dialect.Terms
	sources map[any]int
	facts   map[[2]int]*fact // by conjunct and source
	words   map[[2]int]*words
	limits  map[[2]int]*limits
	costs   map[guard]int
}

// newIndex returns the index of rules, sorted by id, that judge one type.
func newIndex(rules []*Rule) *index {
	b := &indexer{index: &index{rules: rules}, terms: dialect.NewTerms(), sources: map[any]int{},
		facts: map[[2]int]*fact{}, words: map[[2]int]*words{}, limits: map[[2]int]*limits{}, costs: map[guard]int{}}
	b.currency = rules[0].schema.Lookup("group_currency")
	for i, r := range rules {
		b.blank = append(b.blank, Verdict{Rule: r})
		b.require(i, r)
		if r.when == nil {
			continue
		}
		for _, c := range r.when.Conjuncts(b.terms) {
			b.add(i, r, c)
		}
	}
	b.finish()
	return b.index
}

// require notes the fields without which a rule has another verdict than no_match.
func (b *indexer) require(i int, r *Rule) {
	if r.OnMissing == NoMatch {
		return
	}
	for _, f := range r.requires {
		at := slices.IndexFunc(b.required, func(o requirement) bool { return o.field == f })
		if at < 0 {
			at = len(b.required)
			b.required = append(b.required, requirement{field: f})
		}
		b.required[at].rules.add(i)
	}
}

func (b *indexer) add(i int, r *Rule, c dialect.Conjunct) {
	source := -1
	if c.Profile {
		source = b.source(r)
	}
	switch {
	case c.Word != nil:
		key := [2]int{c.Word.ID, source}
		w := b.words[key]
		if w == nil {
			w = &words{Word: c.Word, source: source, byWord: map[string]set{}}
			b.words[key] = w
			b.keep(w, c.Cost)
		}
		w.add(i, c.Word)
	case c.Limit != nil:
		key := [2]int{2 * c.Limit.ID, source}
		if c.Limit.AtMost {
			key[0]++
		}
		l := b.limits[key]
		if l == nil {
			l = &limits{Limit: c.Limit, source: source}
			b.limits[key] = l
			b.keep(l, c.Cost)
		}
		l.rules.add(i)
		l.each = append(l.each, limit{c.Limit, i})
	default:
		key := [2]int{c.ID, source}
		f := b.facts[key]
		if f == nil {
			f = &fact{Conjunct: c, source: source}
			b.facts[key] = f
			b.keep(f, c.Cost)
		}
		f.rules.add(i)
	}
}

// add adds a rule that needs the text to be one of w's words. Of two lists for one
// text the first counts: a rule that the second would drop is judged.
func (w *words) add(rule int, of *dialect.Word) {
	if w.rules.has(rule) {
		return
	}
	w.rules.add(rule)
	if of.Absent {
		w.absent.add(rule)
	}
	for _, text := range of.Words {
		with := w.byWord[text]
		with.add(rule)
		w.byWord[text] = with
	}
}

// source is the way in which a rule finds its profile: by the instant that its clock
// runs from.
func (b *indexer) source(r *Rule) int {
	var from any = r.fromField
	if r.from != nil {
		from = r.from.ID(b.terms)
	}
	source, ok := b.sources[from]
	if !ok {
		source = len(b.index.sources)
		b.sources[from] = source
		b.index.sources = append(b.index.sources, r)
	}
	return source
}

// finish puts cheap guards first. A fact of one rule is no guard: to judge the rule
// takes no longer.
func (b *indexer) finish() {
	b.guards = slices.DeleteFunc(b.guards, func(g guard) bool {
		_, isFact := g.(*fact)
		return isFact && g.users().count() == 1
	})
	slices.SortStableFunc(b.guards, func(x, y guard) int { return cmp.Compare(b.costs[x], b.costs[y]) })
}

// keep adds a guard.
func (b *indexer) keep(g guard, cost int) {
	b.guards = append(b.guards, g)
	b.costs[g] = cost
}
