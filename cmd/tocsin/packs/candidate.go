package packs

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"tocsin/rules"
	"tocsin/rules/event"
)

// candidateLine is a verdict in JSON, as eval and explain print it. It holds what a
// store keeps of a verdict.
type candidateLine struct {
	Rule          string          `json:"rule"`
	Revision      int             `json:"revision"`
	Title         string          `json:"title"`
	EventSource   string          `json:"event_source"`
	EventID       string          `json:"event_id"`
	EventType     string          `json:"event_type"`
	Outcome       string          `json:"outcome"`
	Severity      string          `json:"severity,omitempty"`
	Item          string          `json:"item"`
	CandidateID   string          `json:"candidate_id,omitempty"`
	Key           string          `json:"key,omitempty"`
	Value         string          `json:"value,omitempty"`
	Reason        string          `json:"reason,omitempty"`
	Profile       string          `json:"profile,omitempty"`
	TriggerTime   string          `json:"trigger_time,omitempty"`
	TriggerField  string          `json:"trigger_field,omitempty"`
	DueDate       string          `json:"due_date,omitempty"`
	DueAt         string          `json:"due_at,omitempty"`
	DeadlineError string          `json:"deadline_error,omitempty"`
	Explanation   rules.Reasoning `json:"explanation"`
}

func candidateOf(e *event.Event, v *rules.Verdict) candidateLine {
	text := func(name string) string { return e.Text(e.Schema().Lookup(name)) }
	line := candidateLine{Rule: v.Rule.ID, Revision: v.Rule.Revision, Title: v.Rule.Title, Item: v.Rule.Item, Outcome: v.Outcome.String(),
		EventSource: text("event_source"), EventID: text("event_id"), EventType: e.Type().Name}
	f := v.Finding
	if f == nil {
		return line
	}
	line.Severity, line.CandidateID, line.Key, line.Value, line.Reason, line.Profile = f.Severity.String(), f.CandidateID, f.Key, f.Value, f.Reason, f.Profile
	line.TriggerTime, line.TriggerField, line.DeadlineError = triggerTime(f.Trigger), f.TriggerField, f.DeadlineError
	if !f.Deadline.DueDate.IsZero() {
		line.DueDate = f.Deadline.DueDate.String()
	}
	if !f.Deadline.DueAt.IsZero() {
		line.DueAt = f.Deadline.DueAt.Format(time.RFC3339)
	}
	line.Explanation = f.Reasoning()
	return line
}

// triggerTime is empty where nothing states a time.
func triggerTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// writeLine writes a value as a JSON line and leaves < and > unescaped.
func writeLine(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write a line of JSON: %w", err)
	}
	return nil
}
