package faults

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEditsApply has every edit find its place in the sources of today, and
// the compiler take all of them together.
func TestEditsApply(t *testing.T) {
	s, err := findSources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Clone(pointEdits)
	for _, name := range Mechanisms() {
		removed, err := removal(name)
		if err != nil {
			t.Fatal(err)
		}
		removed = slices.Concat(scenarios[name].edits, removed)
		if _, err := s.apply(slices.Concat(pointEdits, removed)); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
		for _, e := range removed {
			if !slices.Contains(all, e) { // two mechanisms may take the same thing out
				all = append(all, e)
			}
		}
	}
	dir := t.TempDir()
	if err := s.buildEdited(t.Context(), filepath.Join(dir, "tocsin"), dir, all); err != nil {
		t.Error(err)
	}
}

func TestAnEditThatNoLongerAppliesNamesItsFile(t *testing.T) {
	s, err := findSources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []edit{{"pipeline/doc.go", "no such text", ""}, {"pipeline/doc.go", "//", ""}, {"pipeline/gone.go", "x", ""}} {
		_, err := s.apply([]edit{e})
		if err == nil || !strings.Contains(err.Error(), e.file) || !strings.Contains(err.Error(), "removals.go") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestEveryStepIsPassedInOnePlace(t *testing.T) {
	var edited strings.Builder
	for _, e := range pointEdits {
		edited.WriteString(e.new)
	}
	for step := 1; step <= steps; step++ {
		if n := strings.Count(edited.String(), fmt.Sprintf("FaultPoint(%d", step)); n != 1 {
			t.Errorf("step %d is passed in %d places, want 1", step, n)
		}
		if _, ok := kinds[fmt.Sprintf("kill-at-%d", step)]; !ok {
			t.Errorf("no fault kills at step %d", step)
		}
	}
}

func TestEveryMechanismHasAScenario(t *testing.T) {
	if names := slices.Sorted(maps.Keys(scenarios)); !slices.Equal(names, Mechanisms()) {
		t.Errorf("scenarios %v, mechanisms %v", names, Mechanisms())
	}
	if _, err := removal("luck"); err == nil {
		t.Error("luck can be taken out")
	}
}
