package rules

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// finding is what a verdict other than no_match carries.
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
			if n, unit, ok := v.Number(); ok {
				f.Number, f.Unit = &n, strings.Clone(unit)
			}
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

// broken is the finding of a rule that panicked. It runs none of the rule's
// expressions again and holds none of their values.
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
	if t.at.IsZero() {
		if clock, _ := e.calendars.Clock(r.Clock); clock.Deadline {
			f.DeadlineError = noTrigger
		}
		return
	}
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
	if f.Deadline.DueDateConservative.IsZero() || observed.IsZero() {
		return
	}
	if n, err := e.calendars.BusinessDaysRemaining(f.Deadline, observed); err == nil {
		f.BusinessDaysLeft = &n
	}
}

// noTrigger is the reason why a deadline is not counted where nothing states a time.
var noTrigger = fmt.Sprintf("no trigger: the event has no time, and its Kafka timestamp lies outside %d to %d", FirstYear, LastYear)

// escalated raises the severity of an event that came late, by one level for
// each business day of its clock that was gone beyond the first.
func (e *Engine) escalated(f *Finding, observed time.Time) Severity {
	if f.Deadline.DueAt.IsZero() || observed.IsZero() {
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
// none of them holds in practice and ended by the outcome's class.
func candidateID(rule, registrant, key string, outcome Outcome) string {
	class := "judged"
	if outcome != Match {
		class = outcome.String()
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{rule, registrant, key, class}, "\x00")))
	return lowerBase32.EncodeToString(sum[:])[:26]
}
