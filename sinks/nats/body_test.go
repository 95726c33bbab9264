package nats_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/sinks/nats"
)

// sent publishes an alert and reads its message back.
func sent(t *testing.T, payload nats.Payload, a pipeline.Alert) *jetstream.RawStreamMsg {
	t.Helper()
	s := start(t)
	c := config(s)
	c.Payload = payload
	if err := open(t, c).Publish(t.Context(), []pipeline.Alert{a}); err != nil {
		t.Fatal(err)
	}
	stream, err := admin(t, s).Stream(t.Context(), "DISCLOSURE")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const minimalBody = `{
	"specversion": "1.0",
	"id": "00000000000000000000000007",
	"source": "tocsin",
	"type": "tocsin.disclosure.candidate.v1",
	"time": "2026-03-02T14:30:00.125Z",
	"datacontenttype": "application/json",
	"data": {
		"candidate_id": "00000000000000000000000007",
		"statement": "candidate: meets configured indicators; whether it is material is for people to decide",
		"outcome": "match",
		"severity": "S1",
		"rule": "CON-01",
		"revision": 2,
		"title": "Material definitive agreement outside the ordinary course",
		"owner": "disclosure-counsel",
		"citation": "Form 8-K Item 1.01",
		"item": "1.01",
		"runbook": "Obtain the signed agreement.",
		"registrant_cik": "0001999999",
		"event_type": "ledger.contract.executed",
		"trigger_basis": "occurrence",
		"trigger_time": "2026-02-27T18:30:00-05:00",
		"trigger_field": "contract.executed_at",
		"trigger_date_et": "2026-02-27",
		"trigger_date_local": "2026-02-27",
		"trigger_confirmed": false,
		"deadline_class": "O4",
		"due_date": "2026-03-05",
		"due_at": "2026-03-05T22:30:00Z",
		"due_date_conservative": "2026-03-05",
		"due_at_conservative": "2026-03-05T22:30:00Z",
		"business_days_remaining": 3,
		"clock_consumed_pct": 44,
		"observed_at": "2026-03-02T14:30:00.125Z",
		"detection_lag_seconds": 226800,
		"calendar_version": "CALENDAR",
		"rules_digest": "d1ge57",
		"topic": "ledger.events",
		"topic_id": "AQL_AAAAAAAAAAAAAAAAAA",
		"partition": 3,
		"offset": 42,
		"lookup": "SELECT * FROM events WHERE topic = 'ledger.events' AND topic_id = 'AQL_AAAAAAAAAAAAAAAAAA' AND partition = 3 AND offset = 42"
	}
}`

func TestMinimalMessage(t *testing.T) {
	m := sent(t, "", alert(7)) // minimal is the default
	if want := "disclosure.candidate.0001999999.1_01.S1.00000000000000000000000007"; m.Subject != want {
		t.Errorf("subject %q, want %q", m.Subject, want)
	}
	for name, want := range map[string]string{"Nats-Msg-Id": "00000000000000000000000007", "Content-Type": "application/cloudevents+json",
		"Nats-Expected-Last-Subject-Sequence": "0", "Nats-Expected-Last-Subject-Sequence-Subject": "disclosure.candidate.*.*.*.00000000000000000000000007"} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	var body bytes.Buffer
	if err := json.Indent(&body, m.Data, "", "\t"); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(minimalBody, "CALENDAR", calendar.Default().Version())
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(body.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// TestMinimalTellsNothing: what is confidential reaches no part of a message,
// for any outcome.
func TestMinimalTellsNothing(t *testing.T) {
	for _, outcome := range []rules.Outcome{rules.Match, rules.Indeterminate, rules.Error} {
		a := alert(1)
		a.Verdict.Outcome = outcome
		m := sent(t, nats.Minimal, a)
		whole := m.Subject + string(m.Data)
		for name, values := range m.Header {
			whole += name + strings.Join(values, "")
		}
		if strings.Contains(whole, canary) {
			t.Errorf("%s: the minimal payload holds confidential values:\n%s", outcome, whole)
		}
		if !strings.Contains(whole, `"statement":"candidate: `) {
			t.Errorf("%s: the statement must speak of a candidate and conclude nothing", outcome)
		}
	}
}

func TestFullMessage(t *testing.T) {
	var got struct{ Data map[string]any }
	if err := json.Unmarshal(sent(t, nats.Full, alert(1)).Data, &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{"event_id": canary, "event_source": "/erp/" + canary, "key": "contract " + canary, "value": canary + " USD", "sentence": "CON-01 fired: " + canary,
		"explanation": []any{map[string]any{"text": "contract.total_value_group >= limit", "value": canary + " USD", "limit": "10 USD", "distance": canary}}} {
		if diff := cmp.Diff(want, got.Data[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestUnjudgedMessage is an alert with no registrant, item, trigger or deadline,
// about a record whose Kafka timestamp counts as absent.
func TestUnjudgedMessage(t *testing.T) {
	a := alert(1)
	a.Verdict.Outcome, a.Event, a.Verdict.Rule.Item = rules.Indeterminate, nil, ""
	a.Observed = time.Time{}
	a.Verdict.Finding = &rules.Finding{CandidateID: "x", Severity: rules.S3, Reason: "contract.total_value_group was not sent", DeadlineError: "not covered"}
	m := sent(t, nats.Full, a)
	if want := "disclosure.candidate.unknown.none.S3.x"; m.Subject != want {
		t.Errorf("subject %q, want %q", m.Subject, want)
	}
	var got struct {
		Time *string
		Data map[string]any
	}
	if err := json.Unmarshal(m.Data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Time != nil {
		t.Errorf("the event has the time %q, want none", *got.Time)
	}
	for _, name := range []string{"observed_at", "item", "registrant_cik", "trigger_time", "due_at", "business_days_remaining", "clock_consumed_pct", "detection_lag_seconds", "value", "explanation"} {
		if v, ok := got.Data[name]; ok {
			t.Errorf("%s is %v, want it left out", name, v)
		}
	}
	for name, want := range map[string]any{"outcome": "indeterminate", "reason": "contract.total_value_group was not sent", "deadline_error": "not covered"} {
		if got.Data[name] != want {
			t.Errorf("%s is %v, want %v", name, got.Data[name], want)
		}
	}
}

// TestConsumedOfTheEarlierDue: the share of the time that is gone is that up to
// the conservative due instant, where the source's own date gives an earlier one.
func TestConsumedOfTheEarlierDue(t *testing.T) {
	trigger := time.Date(2026, 11, 17, 22, 0, 0, 0, time.FixedZone("", -10*3600)) // 2026-11-18 in New York
	due, err := calendar.Default().Deadline(calendar.O4, trigger)
	if err != nil {
		t.Fatal(err)
	}
	if !due.DueAtConservative.Before(due.DueAt) {
		t.Fatalf("due %s and %s: the two readings must differ", due.DueAtConservative, due.DueAt)
	}
	a := alert(1)
	a.Verdict.Finding.Trigger, a.Verdict.Finding.Deadline, a.Observed = trigger, due, due.DueAtConservative
	var got struct {
		Data struct {
			Consumed int `json:"clock_consumed_pct"`
		}
	}
	if err := json.Unmarshal(sent(t, nats.Minimal, a).Data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Data.Consumed != 100 {
		t.Errorf("%d%% consumed at the conservative due instant, want 100", got.Data.Consumed)
	}
}

// TestLongestMessage: whatever an event holds, its alert can be sent.
func TestLongestMessage(t *testing.T) {
	long := strings.Repeat("\x01", 1<<20) // six bytes each in JSON
	a := alert(1)
	f := a.Verdict.Finding
	f.Key, f.Value, f.Reason = long, long, long
	for range 500 {
		f.Explanation = append(f.Explanation, rules.Step{Text: long, Value: long, Limit: long, Distance: long})
	}
	for _, name := range []string{"event_id", "event_source", "registrant_cik"} {
		a.Event.SetText(a.Event.Schema().Lookup(name), long)
	}
	m := sent(t, nats.Full, a)
	if len(m.Data) > 512<<10 {
		t.Errorf("a body of %d bytes", len(m.Data))
	}
	if !strings.Contains(string(m.Data), `"explanation_omitted":451`) {
		t.Error("the body does not say how many steps were left out")
	}
}
