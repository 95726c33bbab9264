package rules

import (
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// Engine judges events by the rules of one pack. It is immutable and safe for
// concurrent use.
type Engine struct {
	digest    string
	rules     []*Rule
	calendars *calendar.Calendars
	profiles  profileTable
	currency  string                 // the pack's group currency
	byType    map[*event.Type]*index // of Judge
	queries   sync.Pool              // of *query
}

// NewEngine returns the engine of a pack.
func NewEngine(p *Pack) *Engine {
	e := newEngine(p.digest, p.rules, p.calendars, tabulate(p.profiles))
	e.currency = p.GroupCurrency
	byType := map[*event.Type][]*Rule{}
	for _, r := range p.rules {
		for _, t := range r.AppliesTo {
			byType[t] = append(byType[t], r)
		}
	}
	e.byType = make(map[*event.Type]*index, len(byType))
	for t, rules := range byType {
		e.byType[t] = newIndex(rules)
	}
	e.queries.New = func() any { return &query{engine: e} }
	return e
}

// newEngine returns an engine that explains, and has no index to judge by.
func newEngine(digest string, rules []*Rule, cal *calendar.Calendars, profiles profileTable) *Engine {
	return &Engine{digest: digest, rules: rules, calendars: cal, profiles: profiles}
}

// Digest is the digest of the pack (Pack.Digest).
func (e *Engine) Digest() string { return e.digest }

// CalendarVersion is the version of the calendars that date findings.
func (e *Engine) CalendarVersion() string { return e.calendars.Version() }

// Rules returns the rules, sorted by id.
func (e *Engine) Rules() []*Rule { return slices.Clone(e.rules) }

// Judge appends to dst a verdict for every rule whose applies_to has the
// event's type, in the order of rule ids. observed is the Kafka timestamp of
// the record; see Observed. The result depends on the event, observed and the
// pack, and on nothing else. Verdicts keep nothing of ev. When dst has room and no rule
// finds anything, nothing is allocated.
func (e *Engine) Judge(dst []Verdict, ev *event.Event, observed time.Time) []Verdict {
	x := e.byType[ev.Type()]
	if x == nil {
		return dst
	}
	q := e.queries.Get().(*query)
	q.index, q.Event, q.Observed = x, &ev.Record, Observed(observed)
	dst = q.judge(dst)
	q.Release() // a pool must not keep the event alive
	e.queries.Put(q)
	return dst
}

// verdict is one rule's verdict. A panic in a rule is that rule's error: the
// event's other rules are judged as if nothing had happened.
func (e *Engine) verdict(r *Rule, s *dialect.Scope) (v Verdict) {
	v.Rule = r
	defer func() {
		if recover() != nil {
			v.Outcome, v.Finding = Error, e.broken(r, s)
		}
	}()
	profile := e.bring(r, s)
	for _, f := range r.requires {
		if !s.Event.Has(f) {
			return e.missing(v, s, profile, r.absent(s.Event))
		}
	}
	switch r.when.Test(s) {
	case dialect.False:
		return v
	case dialect.Unknown:
		return e.missing(v, s, profile, r.when.Missing(s))
	case dialect.Failed:
		v.Outcome = Error
		v.Finding = e.finding(r, s, profile, Error, min(r.Severity, S2), "cannot be computed: "+r.when.Err(s))
		return v
	}
	v.Outcome = Match
	v.Finding = e.finding(r, s, profile, Match, r.band(s), "")
	return v
}

// bring sets the scope's materiality profile to the one in force, if the rule
// reads one.
func (e *Engine) bring(r *Rule, s *dialect.Scope) *Profile {
	s.Materiality = nil
	if !r.materiality {
		return nil
	}
	profile := e.profiles.choose(e.profiles.registrant(r, s.Event), r.triggerMicros(s))
	if profile != nil {
		s.Materiality = profile.of(r, s.Event)
	}
	return profile
}

// absent names the required fields that were not sent.
func (r *Rule) absent(rec *event.Record) []string {
	var names []string
	for _, f := range r.requires {
		if !rec.Has(f) {
			names = append(names, f.Name)
		}
	}
	return names
}

// missing is the verdict when values are missing: that of on_missing, but never
// no_match for the lack of a profile. An author who writes no_match decides
// about the event's fields. Whether a profile is approved is not the author's
// decision and must not silence a rule.
func (e *Engine) missing(v Verdict, s *dialect.Scope, profile *Profile, names []string) Verdict {
	v.Outcome = v.Rule.OnMissing
	if v.Outcome == NoMatch {
		if !slices.ContainsFunc(names, ofProfile) {
			return v
		}
		v.Outcome = Indeterminate
	}
	severity := v.Rule.Severity
	if v.Outcome == Match {
		severity = v.Rule.band(s)
	}
	v.Finding = e.finding(v.Rule, s, profile, v.Outcome, severity, "not sent: "+strings.Join(names, ", "))
	return v
}

func ofProfile(name string) bool { return strings.HasPrefix(name, "materiality") }

// band is the severity of a match. A band that cannot be decided counts when it
// would raise the severity and is passed over when it would lower it: missing
// data must not lower an alert.
func (r *Rule) band(s *dialect.Scope) Severity {
	if i := r.bandIndex(s); i >= 0 {
		return r.bands[i].severity
	}
	return r.Severity
}

// bandIndex is the band that gives a match its severity, or -1.
func (r *Rule) bandIndex(s *dialect.Scope) int {
	for i, b := range r.bands {
		t := b.when.Test(s)
		if t == dialect.True || (t != dialect.False && b.severity < r.Severity) {
			return i
		}
	}
	return -1
}
