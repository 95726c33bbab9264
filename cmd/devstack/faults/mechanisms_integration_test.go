//go:build integration

package faults

import (
	"os"
	"testing"
)

// TestIntegrationEachMechanismIsNeeded makes the directed run of every
// mechanism, which passes, and makes it again without the mechanism, in which
// something must be lost, doubled or wrong.
func TestIntegrationEachMechanismIsNeeded(t *testing.T) {
	for _, name := range Mechanisms() {
		t.Run(name, func(t *testing.T) {
			with := carriedOut(t, Options{Scenario: name})
			if !with.Passed() {
				t.Errorf("with it: lost %+v, doubled %+v, wrong %+v, failures %q", with.Lost, with.Doubled, with.Wrong, with.Failures)
			}
			without := carriedOut(t, Options{Scenario: name, Without: name})
			if without.Lost.Count+without.Doubled.Count+without.Wrong.Count == 0 {
				t.Errorf("without it nothing is lost, doubled or wrong in %d records and %d candidates", without.Produced, without.Candidates)
			}
		})
	}
}

func carriedOut(t *testing.T, o Options) *Report {
	t.Helper()
	o.Progress = os.Stderr
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Dir != "" {
		t.Cleanup(func() {
			if err := os.RemoveAll(r.Dir); err != nil {
				t.Error(err)
			}
		})
	}
	return r
}
