package faults

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheSameSeedGivesTheSameFaults(t *testing.T) {
	a, b := plan(7, 5*time.Minute, 3, nil), plan(7, 5*time.Minute, 3, nil)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("two schedules of seed 7 differ:\n%s", diff)
	}
	// A longer run begins as a shorter one.
	if diff := cmp.Diff(a, plan(7, 10*time.Minute, 3, nil)[:len(a)]); diff != "" {
		t.Errorf("the schedule depends on the duration:\n%s", diff)
	}
	if cmp.Equal(a, plan(8, 5*time.Minute, 3, nil)) {
		t.Error("seeds 7 and 8 give the same schedule")
	}
}

func TestASchedule(t *testing.T) {
	const d, workers = 10 * time.Minute, 3
	faults := plan(1, d, workers, nil)
	seen := make(map[string]int)
	for i, f := range faults {
		k := kinds[f.Kind]
		seen[f.Kind]++
		if f.At >= d || i > 0 && (f.At-faults[i-1].At < gapLeast || f.At-faults[i-1].At > gapMost) {
			t.Errorf("fault %d at %s after %s", i, f.At, faults[max(i-1, 0)].At)
		}
		if f.Hold < k.hold[0] || f.Hold > k.hold[1] || f.N > k.most || f.N < min(k.most, 1) || f.Worker < 0 || f.Worker >= workers {
			t.Errorf("fault %d is out of its ranges: %+v", i, f)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if seen[name] < kinds[name].weight {
			t.Errorf("%s: %d times in ten minutes", name, seen[name])
		}
	}
	// The default duration still has every kind.
	short := make(map[string]bool)
	for _, f := range plan(1, 3*time.Minute-scheduleTail, workers, nil) {
		short[f.Kind] = true
	}
	if len(short) != len(kinds) {
		t.Errorf("%d of %d kinds occur in three minutes of seed 1", len(short), len(kinds))
	}
}

func TestWeights(t *testing.T) {
	all := make(map[string]int)
	for name := range kinds {
		all[name] = 0
	}
	if got := plan(1, time.Minute, 3, all); len(got) != 0 {
		t.Errorf("without a card there are %d faults", len(got))
	}
	all["pause"] = 1
	for _, f := range plan(1, time.Minute, 3, all) {
		if f.Kind != "pause" {
			t.Errorf("a %s although only pause has a card", f.Kind)
		}
	}
	got, err := ParseWeights("pause=3, kill-at-5=0")
	if diff := cmp.Diff(map[string]int{"pause": 3, "kill-at-5": 0}, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	for _, text := range []string{"pause", "pause=", "pause=-1", "nap=1"} {
		if _, err := ParseWeights(text); err == nil {
			t.Errorf("%q is taken for weights", text)
		}
	}
}
