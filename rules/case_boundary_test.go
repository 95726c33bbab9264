package rules

import (
	"testing"

	"tocsin/rules/dialect"
)

// TestStepText: the step that a mistake names is the one that the check accepts.
func TestStepText(t *testing.T) {
	for kind, want := range map[dialect.Kind]struct {
		text string
		step int64 // in the units of the kind's quantity
	}{
		dialect.Money:    {"0.01", 1e7},    // nine decimals
		dialect.Rate:     {"0.0001", 1e14}, // eighteen decimals
		dialect.Instant:  {"a second", 1e6},
		dialect.Duration: {"a second", 1e6},
		dialect.Date:     {"a day", 1},
		dialect.Int:      {"1", 1},
	} {
		if text, step := stepText(kind), dialect.SmallestStep(kind).Int64(); text != want.text || step != want.step {
			t.Errorf("%s: %q and %d, want %q and %d", kind, text, step, want.text, want.step)
		}
	}
}
