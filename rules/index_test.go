package rules_test

import (
	"flag"
	"fmt"
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
	pairs = flag.Int("pairs", 100_000, "of a rule and an event, that the index is held against")
	seed  = flag.Uint64("seed", 1, "of the first random pack")
)

// differ compares the verdicts with the index and those without it.
func differ(t *testing.T, engine *rules.Engine, ev *event.Event, observed time.Time, tally *tally) {
	t.Helper()
	got, want := engine.Judge(nil, ev, observed), engine.JudgeEach(nil, ev, observed)
	if len(got) != len(want) {
		t.Fatalf("%d verdicts with the index, %d without", len(got), len(want))
	}
	for i := range got {
		tally.verdicts[want[i].Outcome]++
		if got[i].Rule != want[i].Rule || got[i].Outcome != want[i].Outcome || !reflect.DeepEqual(got[i].Finding, want[i].Finding) {
			t.Fatalf("rule %s: %s with the index, %s without\nwhen: %s\nwith    %+v\nwithout %+v", want[i].Rule.ID, got[i].Outcome, want[i].Outcome, want[i].Rule.When(), got[i].Finding, want[i].Finding)
		}
	}
}

// hold compares as differ does, for every tenth event, and else asks without the
// index only the rules that the index drops: those that it leaves are judged by the
// same code.
func hold(t *testing.T, engine *rules.Engine, ev *event.Event, observed time.Time, tally *tally) {
	t.Helper()
	if tally.events++; tally.events%10 == 0 {
		differ(t, engine, ev, observed, tally)
	}
	dropped, all := engine.Dropped(tally.scratch[:0], ev, observed)
	for _, v := range dropped {
		if v.Outcome != rules.NoMatch || v.Finding != nil {
			t.Fatalf("rule %s: dropped by the index, %s without\nwhen: %s\n%+v", v.Rule.ID, v.Outcome, v.Rule.When(), v.Finding)
		}
	}
	tally.scratch = dropped
	tally.pairs += all
	tally.dropped += len(dropped)
}

// tally counts pairs of a rule and an event.
type tally struct {
	events, pairs, dropped int
	verdicts               [4]int // by outcome, of the pairs that were compared in full
	scratch                []rules.Verdict
}

func (y *tally) String() string {
	return fmt.Sprintf("%d pairs of a rule and an event agree, %d of them dropped by the index; compared in full: %d no_match, %d match, %d indeterminate, %d error",
		y.pairs, y.dropped, y.verdicts[0], y.verdicts[1], y.verdicts[2], y.verdicts[3])
}

// check demands that there was something to compare.
func (y *tally) check(t *testing.T) {
	t.Helper()
	t.Log(y)
	if y.dropped*5 < y.pairs || slices.Min(y.verdicts[:3]) == 0 {
		t.Error("the index drops less than a fifth, or some outcome is not there")
	}
}

// TestIndexOnRandomPacks: the index changes no verdict and no finding.
func TestIndexOnRandomPacks(t *testing.T) {
	var all tally
	for at := *seed; all.pairs < *pairs; at++ {
		c := newChooser(at)
		fsys := c.pack(30 + c.IntN(100))
		for _, profile := range [][]string{{"profiles/p.yaml", "profiles/q.yaml"}, {"profiles/r.yaml"}, {}}[min(2, c.IntN(8))] {
			delete(fsys, profile)
		}
		engine := loadable(t, fsys)
		for range 300 {
			hold(t, engine, c.event(), one(c, seen, seen.AddDate(-1, 0, 0), time.Time{}, time.UnixMilli(-1)), &all)
		}
		if testing.Verbose() {
			t.Log("seed ", at, ": ", &all)
		}
	}
	all.check(t)
}

// TestIndexDropsMost: of a thousand rules, few are judged one by one for an event of
// the company. This is what the time of an event depends on.
func TestIndexDropsMost(t *testing.T) {
	engine := rules.NewEngine(load(t, scaled(t, 1000, every, asItIs)))
	events, times := mix(2000, company.Options{OneIn: -1}, anyEvent)
	dropped, all := 0, 0
	for i, ev := range events {
		without, n := engine.Dropped(nil, ev, times[i])
		dropped, all = dropped+len(without), all+n
	}
	if left := float64(all-dropped) / float64(len(events)); left > 5 {
		t.Errorf("%.1f of %d rules are judged for an event, want at most 5", left, all/len(events))
	} else {
		t.Logf("%.1f of %d rules are judged for an event", left, all/len(events))
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
	for i := 0; all.pairs < *pairs; i++ {
		ev := events[i%len(events)]
		if i >= len(events) || c.IntN(2) == 0 {
			ev = without(c, ev)
		}
		hold(t, engine, ev, times[i%len(events)], &all)
	}
	all.check(t)
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
