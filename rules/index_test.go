package rules_test

import (
	"flag"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tocsin/cmd/devstack/company"
	"tocsin/rules"
	"tocsin/rules/event"
)

var (
	pairs = flag.Int("pairs", 50_000, "of a rule and an event, that the index is held against")
	seed  = flag.Uint64("seed", 1, "of the first random pack")
)

// differ reports the first difference between the verdicts with the index and those
// without it, and counts the pairs.
func differ(t *testing.T, engine *rules.Engine, ev *event.Event, observed time.Time, tally *tally) {
	t.Helper()
	got, want := engine.Judge(nil, ev, observed), engine.JudgeEach(nil, ev, observed)
	if len(got) != len(want) {
		t.Fatalf("%d verdicts with the index, %d without", len(got), len(want))
	}
	for i := range got {
		tally[want[i].Outcome]++
		if got[i].Rule != want[i].Rule || got[i].Outcome != want[i].Outcome || !reflect.DeepEqual(got[i].Finding, want[i].Finding) {
			t.Fatalf("rule %s: %s with the index, %s without\nwhen: %s\nwith    %+v\nwithout %+v", want[i].Rule.ID, got[i].Outcome, want[i].Outcome, want[i].Rule.When(), got[i].Finding, want[i].Finding)
		}
	}
}

// tally counts verdicts by outcome.
type tally [4]int

func (y *tally) sum() int { return y[0] + y[1] + y[2] + y[3] }

// TestIndexOnRandomPacks: the index changes no verdict and no finding.
func TestIndexOnRandomPacks(t *testing.T) {
	var all tally
	packs, written, kept := 0, 0, 0
	for at := *seed; all.sum() < *pairs; at++ {
		c := newChooser(at)
		fsys := c.pack(30 + c.IntN(100))
		for _, profile := range [][2]string{{"profiles/p.yaml", "profiles/q.yaml"}, {"profiles/r.yaml"}, {}}[min(2, c.IntN(8))] {
			delete(fsys, profile)
		}
		before := len(fsys)
		engine := loadable(t, fsys)
		packs, written, kept = packs+1, written+before, kept+len(engine.Rules())
		for range 200 {
			ev, observed := c.event(), one(c, seen, seen.AddDate(-1, 0, 0), time.Time{}, time.UnixMilli(-1))
			differ(t, engine, ev, observed, &all)
			if t.Failed() {
				t.Fatalf("seed %d", at)
			}
		}
	}
	t.Logf("%d pairs of a rule and an event agree: %d no_match, %d match, %d indeterminate, %d error; %d packs, %d of %d random rules have no mistake",
		all.sum(), all[0], all[1], all[2], all[3], packs, kept, written)
	for outcome, n := range all {
		if n*1000 < all.sum() {
			t.Errorf("only %d of %d verdicts are %s", n, all.sum(), rules.Outcome(outcome))
		}
	}
}

// loadable is the engine of the rules that have no mistake.
func loadable(t *testing.T, fsys fstest.MapFS) *rules.Engine {
	t.Helper()
	for {
		pack, mistakes := rules.Load(fsys, "p", nil)
		if len(mistakes) == 0 {
			return rules.NewEngine(pack)
		}
		before := len(fsys)
		for _, m := range mistakes {
			if name := strings.TrimPrefix(m.File, "p/"); strings.HasPrefix(name, "rules/") {
				delete(fsys, name)
			}
		}
		if len(fsys) == before {
			t.Fatal(mistakes)
		}
	}
}

// TestIndexOnShippedRules: the same for the shipped rules and variations of them, on
// events of the company from which fields are missing.
func TestIndexOnShippedRules(t *testing.T) {
	engine := rules.NewEngine(load(t, scaled(t, 300, every, asItIs)))
	events, times := mix(2000, company.Options{OneIn: 5}, anyEvent)
	c := newChooser(*seed)
	var all tally
	for i := 0; all.sum() < *pairs; i++ {
		ev := events[i%len(events)]
		if i >= len(events) || c.IntN(2) == 0 {
			ev = without(c, ev)
		}
		differ(t, engine, ev, times[i%len(events)], &all)
	}
	t.Logf("%v: no_match, match, indeterminate, error", all)
}

// without is a copy of an event that lacks some fields and has hostile values in
// others.
func without(c *chooser, ev *event.Event) *event.Event {
	out := event.New(ev.Type())
	fields := ev.Schema().Fields
	lost := c.IntN(4)
	for i := range fields {
		f := &fields[i]
		switch {
		case !ev.Has(f) && c.IntN(100) > 0, c.IntN(10) < lost:
		case !ev.Has(f) || c.IntN(20) == 0:
			c.set(&out.Record, f)
		default:
			copyField(&out.Record, &ev.Record, f)
		}
	}
	return out
}

func copyField(to, from *event.Record, f *event.Field) {
	switch f.Kind {
	case event.Text:
		to.SetText(f, from.Text(f))
	case event.Texts:
		to.SetTexts(f, slices.Clone(from.Texts(f)))
	case event.Bool:
		to.SetBool(f, from.Bool(f))
	case event.Int:
		to.SetInt(f, from.Int(f))
	case event.Amount:
		to.SetAmount(f, from.Amount(f))
	case event.Rate:
		to.SetRate(f, from.Rate(f))
	case event.Date:
		to.SetDate(f, from.Date(f))
	case event.Instant:
		if d, only := event.DayOf(from.Instant(f)); only {
			to.SetDay(f, d)
			return
		}
		_, offset := from.Instant(f).Zone()
		to.SetInstant(f, from.Micros(f), offset)
	case event.Records:
		to.SetEmpty(f)
		for i := range from.Records(f) {
			line := to.AddRecord(f)
			for j := range f.Fields {
				if m := &f.Fields[j]; from.Records(f)[i].Has(m) {
					copyField(line, &from.Records(f)[i], m)
				}
			}
		}
	}
}
