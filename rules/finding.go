package rules

import (
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
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

// kafkaTimestamp is Finding.TriggerField when an event tells no time.
const kafkaTimestamp = "kafka_timestamp"

// trigger is the instant a clock runs from.
type trigger struct {
	at    time.Time
	date  calendar.Date // set when the source knows the day only; at is its start in New York
	field string
}

func onDate(d calendar.Date, field string) trigger {
	return trigger{d.At(0, 0, calendar.NewYork()), d, field}
}

func (r *Rule) trigger(s *dialect.Scope) trigger {
	if f := r.fromField; f != nil && s.Event.Has(f) {
		if f.Kind == event.Date {
			return onDate(s.Event.Date(f), f.Name)
		}
		return trigger{at: s.Event.Instant(f), field: f.Name}
	}
	if r.from != nil {
		if v := r.from.Eval(s); v.Known() {
			if v.Type.Kind == dialect.Date {
				return onDate(v.Date, r.fromText)
			}
			return trigger{at: v.Instant, field: r.fromText}
		}
	}
	return r.plainTrigger(s)
}

// plainTrigger is the trigger as far as it takes no expression to find it.
func (r *Rule) plainTrigger(s *dialect.Scope) trigger {
	if s.Event.Has(r.eventTime) {
		return trigger{at: s.Event.Instant(r.eventTime), field: r.eventTime.Name}
	}
	// Kafka's timestamp has no zone of the source: New York's is the one that
	// counts.
	return trigger{at: s.Observed.In(calendar.NewYork()), field: kafkaTimestamp}
}

// triggerMicros is the trigger in microseconds since 1970 UTC, without an
// allocation where it is a field.
func (r *Rule) triggerMicros(s *dialect.Scope) int64 {
	switch f := r.fromField; {
	case f != nil && f.Kind == event.Instant && s.Event.Has(f):
		return s.Event.Micros(f)
	case (f != nil && s.Event.Has(f)) || r.from != nil:
		return r.trigger(s).at.UnixMicro()
	case s.Event.Has(r.eventTime):
		return s.Event.Micros(r.eventTime)
	}
	return s.Observed.UnixMicro()
}

// finding puts together what a verdict other than no_match carries.
func (e *Engine) finding(r *Rule, s *dialect.Scope, profile *Profile, outcome Outcome, severity Severity, reason string) *Finding {
	f := &Finding{Severity: severity, Reason: reason, Key: r.identity(s.Event), Registrant: e.profiles.registrant(r, s.Event)}
	if profile != nil {
		f.Profile = profile.Ref()
	}
	if r.dedup != nil {
		if v := r.dedup.Eval(s); v.Known() && v.Text != "" {
			f.Key = strings.Clone(v.Text) // an event's texts do not outlive it
		}
	}
	if r.value != nil {
		if v := r.value.Eval(s); v.Known() {
			f.Value = strings.Clone(v.String())
		}
	}
	f.reasoning(r, s, outcome, severity)
	if r.materiality {
		f.Checklist = checklist(s.Event)
	}
	e.dated(f, r, outcome, r.trigger(s), s.Observed)
	if f.Severity != severity {
		f.Sentence += " Severity raised from " + severity.String() + " to " + f.Severity.String() + ": the event was seen late."
	}
	return f
}

// broken is the finding of a rule that panicked: it runs none of the rule's
// expressions again, and says nothing that they may have held.
func (e *Engine) broken(r *Rule, s *dialect.Scope) *Finding {
	f := &Finding{Severity: min(r.Severity, S2), Key: r.identity(s.Event), Registrant: e.profiles.registrant(r, s.Event),
		Reason: "cannot be computed: an internal error; report the rule and the record"}
	f.Sentence = r.ID + " " + conclusions[Error] + ": an internal error."
	e.dated(f, r, Error, r.plainTrigger(s), s.Observed)
	return f
}

// identity is the event's own, for matters that have none.
func (r *Rule) identity(rec *event.Record) string {
	return rec.Text(r.eventSource) + " " + rec.Text(r.eventID)
}

// dated adds trigger, deadline, escalation and the candidate id.
func (e *Engine) dated(f *Finding, r *Rule, outcome Outcome, t trigger, observed time.Time) {
	f.Registrant = strings.Clone(f.Registrant)
	f.CandidateID = candidateID(r.ID, f.Registrant, f.Key, outcome)
	f.Trigger, f.TriggerField = t.at, t.field
	var err error
	if t.date.IsZero() {
		f.Deadline, err = e.calendars.Deadline(r.Clock, t.at)
	} else {
		f.Deadline, err = e.calendars.DeadlineOn(r.Clock, t.date)
	}
	if err != nil {
		f.Deadline, f.DeadlineError = calendar.Deadline{}, err.Error()
		return
	}
	f.Severity = e.escalated(f, observed)
	if f.Deadline.DueDateConservative.IsZero() {
		return
	}
	if n, err := e.calendars.BusinessDaysRemaining(f.Deadline, observed); err == nil {
		f.BusinessDaysLeft = &n
	}
}

// escalated raises the severity of an event that came late, by one level for
// each business day of its clock that was gone beyond the first.
func (e *Engine) escalated(f *Finding, observed time.Time) Severity {
	if f.Deadline.DueAt.IsZero() {
		return f.Severity
	}
	seen := calendar.DateOf(observed.In(calendar.NewYork()))
	gone, err := e.calendars.BusinessDaysBetween(f.Deadline.TriggerDateET, seen)
	if err != nil {
		gone = len(f.Deadline.Days) // beyond the covered years: as late as can be
	}
	return Severity(max(int(S1), int(f.Severity)-max(0, gone-1)))
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// candidateID is the matter's identity. Texts are separated by a byte that
// none of them holds in practice and ended by one that tells the outcome's class.
func candidateID(rule, registrant, key string, outcome Outcome) string {
	class := "judged"
	if outcome != Match {
		class = outcome.String()
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{rule, registrant, key, class}, "\x00")))
	return lowerBase32.EncodeToString(sum[:])[:26]
}
