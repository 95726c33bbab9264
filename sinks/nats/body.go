package nats

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
)

// maxBody is more than the longest alert: clip and maxSteps bound each part,
// and JSON makes a byte six at most.
const maxBody = 512 << 10

const (
	maxText  = 1024 // bytes of a text
	maxStep  = 256  // bytes of a text of an explanation
	maxSteps = 50
)

// eventType is the CloudEvents type; its last part is the version of Data.
const eventType = "tocsin.disclosure.candidate.v1"

// envelope is an alert's body: CloudEvents 1.0, structured, in JSON.
type envelope struct {
	SpecVersion     string `json:"specversion"`
	ID              string `json:"id"`
	Source          string `json:"source"`
	Type            string `json:"type"`
	Time            string `json:"time,omitempty"`
	DataContentType string `json:"datacontenttype"`
	Data            data   `json:"data"`
}

// data is documented for its readers in README.md, member by member.
type data struct {
	CandidateID string `json:"candidate_id"`
	Statement   string `json:"statement"`
	Outcome     string `json:"outcome"`
	Reason      string `json:"reason,omitempty"`
	Severity    string `json:"severity"`

	Rule     string `json:"rule"`
	Revision int    `json:"revision"`
	Title    string `json:"title"`
	Owner    string `json:"owner,omitempty"`
	Citation string `json:"citation,omitempty"`
	Item     string `json:"item,omitempty"`
	Runbook  string `json:"runbook,omitempty"`

	RegistrantCIK string `json:"registrant_cik,omitempty"`
	EventType     string `json:"event_type,omitempty"`

	TriggerBasis     string `json:"trigger_basis,omitempty"`
	TriggerTime      string `json:"trigger_time,omitempty"`
	TriggerField     string `json:"trigger_field,omitempty"`
	TriggerDateET    string `json:"trigger_date_et,omitempty"`
	TriggerDateLocal string `json:"trigger_date_local,omitempty"`
	TriggerConfirmed bool   `json:"trigger_confirmed"`

	DeadlineClass         string `json:"deadline_class,omitempty"`
	DueDate               string `json:"due_date,omitempty"`
	DueAt                 string `json:"due_at,omitempty"`
	DueDateConservative   string `json:"due_date_conservative,omitempty"`
	DueAtConservative     string `json:"due_at_conservative,omitempty"`
	BusinessDaysRemaining *int   `json:"business_days_remaining,omitempty"`
	ClockConsumedPct      *int64 `json:"clock_consumed_pct,omitempty"`
	DeadlineError         string `json:"deadline_error,omitempty"`

	ObservedAt          string `json:"observed_at,omitempty"`
	DetectionLagSeconds *int64 `json:"detection_lag_seconds,omitempty"`
	CalendarVersion     string `json:"calendar_version,omitempty"`
	RulesDigest         string `json:"rules_digest"`
	Topic               string `json:"topic"`
	TopicID             string `json:"topic_id,omitempty"`
	Partition           int32  `json:"partition"`
	Offset              int64  `json:"offset"`
	Lookup              string `json:"lookup"`

	*confidential
}

// confidential is what only a full payload holds.
type confidential struct {
	EventID     string `json:"event_id,omitempty"`
	EventSource string `json:"event_source,omitempty"`
	Key         string `json:"key,omitempty"`
	Value       string `json:"value,omitempty"`
	Sentence    string `json:"sentence,omitempty"`
	Explanation []step `json:"explanation,omitempty"`
	Omitted     int    `json:"explanation_omitted,omitempty"` // steps left out

	Checklist []rules.Question `json:"sab99,omitempty"`
}

type step struct {
	Text     string `json:"text"`
	Value    string `json:"value"`
	Limit    string `json:"limit,omitempty"`
	Distance string `json:"distance,omitempty"`
}

// statements explain an outcome to its reader. None calls anything material:
// people conclude that.
var statements = map[rules.Outcome]string{
	rules.Match:         "candidate: meets configured indicators; whether it is material is for people to decide",
	rules.Indeterminate: "candidate: could not be judged, because something it needs was not sent; people must look",
	rules.Error:         "candidate: could not be judged, because the rule failed; people must look",
}

// body is the message about an alert. It depends on the alert and the
// configuration alone, so a replay writes the same bytes.
func (c *Config) body(a *pipeline.Alert) ([]byte, error) {
	rule, finding, due := a.Verdict.Rule, a.Verdict.Finding, &a.Verdict.Finding.Deadline
	d := data{
		CandidateID: finding.CandidateID, Statement: statements[a.Verdict.Outcome], Outcome: a.Verdict.Outcome.String(),
		Reason: clip(finding.Reason, maxText), Severity: finding.Severity.String(),
		Rule: rule.ID, Revision: rule.Revision, Title: clip(rule.Title, maxText), Owner: clip(rule.Owner, maxText),
		Citation: clip(rule.Citation, maxText), Item: rule.Item, Runbook: clip(firstLine(rule.Runbook), maxText),
		RegistrantCIK: clip(registrant(a), maxToken),
		TriggerBasis:  string(rule.Basis), TriggerTime: instant(finding.Trigger), TriggerField: finding.TriggerField,
		TriggerDateET: date(due.TriggerDateET), TriggerDateLocal: date(due.TriggerDateLocal),
		DeadlineClass: string(rule.Clock), DueDate: date(due.DueDate), DueAt: instant(due.DueAt),
		DueDateConservative: date(due.DueDateConservative), DueAtConservative: instant(due.DueAtConservative),
		DeadlineError: clip(finding.DeadlineError, maxText), BusinessDaysRemaining: finding.BusinessDaysLeft,
		ObservedAt: instant(a.Observed), CalendarVersion: due.CalendarVersion, RulesDigest: a.Digest,
		Topic: a.Topic, TopicID: a.TopicID.String(), Partition: a.Partition, Offset: a.Offset,
		Lookup: fmt.Sprintf("SELECT * FROM events WHERE topic = '%s' AND topic_id = '%s' AND partition = %d AND offset = %d", a.Topic, a.TopicID, a.Partition, a.Offset),
	}
	if a.Event != nil {
		d.EventType = a.Event.Type().Name
	}
	if !finding.Trigger.IsZero() && !a.Observed.IsZero() {
		lag := int64(a.Observed.Sub(finding.Trigger) / time.Second)
		d.DetectionLagSeconds = &lag
	}
	if !due.DueDateConservative.IsZero() && !a.Observed.IsZero() {
		if all := due.DueAtConservative.Sub(finding.Trigger); all > 0 {
			used := max(0, int64(math.Floor(100*float64(a.Observed.Sub(finding.Trigger))/float64(all))))
			d.ClockConsumedPct = &used
		}
	}
	if c.Payload == Full {
		d.confidential = confide(a)
	}
	return json.Marshal(envelope{SpecVersion: "1.0", ID: finding.CandidateID, Source: "tocsin", Type: eventType,
		Time: instant(a.Observed), DataContentType: "application/json", Data: d})
}

func confide(a *pipeline.Alert) *confidential {
	f := a.Verdict.Finding
	c := &confidential{Key: clip(f.Key, maxText), Value: clip(f.Value, maxText), Sentence: clip(f.Sentence, maxText), Checklist: f.Checklist}
	if a.Event != nil {
		for name, to := range map[string]*string{"event_id": &c.EventID, "event_source": &c.EventSource} {
			if field := a.Event.Schema().Lookup(name); field != nil && a.Event.Has(field) {
				*to = clip(a.Event.Text(field), maxText)
			}
		}
	}
	for i, s := range f.Explanation {
		if i == maxSteps {
			c.Omitted = len(f.Explanation) - maxSteps
			break
		}
		c.Explanation = append(c.Explanation, step{clip(s.Text, maxStep), clip(s.Value, maxStep), clip(s.Limit, maxStep), clip(s.Distance, maxStep)})
	}
	return c
}

// instant writes an instant as RFC 3339, in its own offset; "" is the zero instant.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func date(d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(line)
}

// clip cuts a text after at most n bytes, between two characters, and marks
// the cut.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
