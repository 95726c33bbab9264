package rules

import (
	"slices"

	"tocsin/rules/event"
)

// profileTable finds the materiality profile in force.
type profileTable struct {
	byRegistrant map[string][]*Profile // sorted by begin; they do not overlap
	only         string                // the pack's registrant, if there is only one
	fixed        bool                  // a case: profile whatever registrant and day
	profile      *Profile
}

func tabulate(profiles []*Profile) profileTable {
	t := profileTable{byRegistrant: map[string][]*Profile{}}
	for _, p := range profiles {
		t.byRegistrant[p.Registrant] = append(t.byRegistrant[p.Registrant], p)
		t.only = p.Registrant
	}
	if len(t.byRegistrant) != 1 {
		t.only = ""
	}
	for _, list := range t.byRegistrant {
		slices.SortFunc(list, func(a, b *Profile) int { return int(a.From - b.From) })
	}
	return t
}

func (t *profileTable) registrant(r *Rule, rec *event.Record) string {
	if rec.Has(r.registrant) {
		return rec.Text(r.registrant)
	}
	return t.only
}

// choose returns the profile in force at an instant, in microseconds since
// 1970 UTC, or nil.
func (t *profileTable) choose(registrant string, at int64) *Profile {
	if t.fixed {
		return t.profile
	}
	for _, p := range t.byRegistrant[registrant] {
		if p.begin <= at && at < p.end {
			return p
		}
	}
	return nil
}
