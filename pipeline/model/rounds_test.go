package model

import (
	"strings"
	"testing"
)

// Rounds needs these mechanisms of Protocol too.
func TestRoundsNeedMechanismsOfTheProtocol(t *testing.T) {
	for _, c := range []struct {
		without Mechanism
		want    string
	}{
		{Leave, stops},
		{Range, stops},
		{Rules, "the candidate of record 0 is published by rules 1, and its row is judged by rules 0"},
		{Head, "the chain is broken at record 0"},
		{Redeclare, beyond},
		{Look, twice},
		{Late, twice},
		{Certain, judged},
		{Publish, "offset 1 is committed, and the candidate of record 0 is not published"},
	} {
		t.Run(c.without.String(), func(t *testing.T) {
			if r := explore(t, Rounds{Records: 2, Candidates: 0b11, Compared: c.want == beyond, Without: c.without}); !strings.HasSuffix(r.Broken, c.want) || r.Broken == "" {
				t.Errorf("without it: %q, want %q", r.Broken, c.want)
			}
		})
	}
}
