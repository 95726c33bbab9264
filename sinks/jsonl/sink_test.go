package jsonl_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/sinks/jsonl"
	"tocsin/sinks/sinktest"
)

// output is the printed text. It may be read while the sink writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// line is a line of any kind, read back.
type line struct {
	Line      string
	Topic     string
	Partition int32
	Offset    int64
	Tombstone bool
	RawSHA256 string `json:"raw_sha256"`
	Chain     string
	Failure   struct{ Code string }
	Event     json.RawMessage
	Verdicts  []verdict
	Verdict   verdict
}

type verdict struct {
	Rule        string
	Revision    int
	Outcome     string
	Severity    string
	CandidateID string `json:"candidate_id"`
	Key         string
	Reason      string
}

func (o *output) lines() ([]line, error) {
	var all []line
	for text := range strings.Lines(o.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (o *output) rows(_ context.Context, topic string, partition int32) ([]sinktest.Row, error) {
	lines, err := o.lines()
	if err != nil {
		return nil, err
	}
	var rows []sinktest.Row
	for _, l := range lines {
		if l.Line != "row" || l.Topic != topic || l.Partition != partition {
			continue
		}
		r := sinktest.Row{Offset: l.Offset, Tombstone: l.Tombstone, Failure: l.Failure.Code, Event: l.Event}
		if _, err := hex.Decode(r.RawHash[:], []byte(l.RawSHA256)); err != nil {
			return nil, err
		}
		if _, err := hex.Decode(r.Chain[:], []byte(l.Chain)); err != nil {
			return nil, err
		}
		var head struct{ Type string }
		if l.Event != nil {
			if err := json.Unmarshal(l.Event, &head); err != nil {
				return nil, err
			}
		}
		r.Type = head.Type
		for _, v := range l.Verdicts {
			kept := sinktest.Verdict{Rule: v.Rule, Revision: v.Revision, Candidate: v.CandidateID, Key: v.Key, Reason: v.Reason}
			for o := rules.NoMatch; o <= rules.Error; o++ {
				if o.String() == v.Outcome {
					kept.Outcome = o
				}
			}
			for s := rules.S1; s <= rules.S4; s++ {
				if s.String() == v.Severity {
					kept.Severity = s
				}
			}
			r.Verdicts = append(r.Verdicts, kept)
		}
		rows = append(rows, r)
	}
	// Concurrent calls print in either order.
	slices.SortStableFunc(rows, func(a, b sinktest.Row) int { return int(a.Offset - b.Offset) })
	return rows, nil
}

func (o *output) alerts(context.Context) ([]string, error) {
	lines, err := o.lines()
	var ids []string
	for _, l := range lines {
		if l.Line == "alert" {
			ids = append(ids, l.Verdict.CandidateID)
		}
	}
	return ids, err
}

func TestConformance(t *testing.T) {
	t.Run("store", func(t *testing.T) {
		sinktest.Store(t, func(*testing.T) (pipeline.Store, sinktest.ReadRows) {
			o := &output{}
			return jsonl.New(o), o.rows
		})
	})
	t.Run("publisher", func(t *testing.T) {
		sinktest.Publisher(t, func(*testing.T) (pipeline.Publisher, sinktest.ReadAlerts) {
			o := &output{}
			return jsonl.New(o), o.alerts
		})
	})
}

func TestLines(t *testing.T) {
	e := event.New(event.LookupType("ledger.contract.executed"))
	e.SetText(e.Schema().Lookup("event_id"), "1<2")
	e.SetText(e.Schema().Lookup("event_source"), "/erp")
	at := time.Date(2026, 3, 2, 14, 30, 0, 0, time.UTC)
	rule := &rules.Rule{ID: "CON-01", Revision: 2, Title: "Agreement", Item: "1.01"}
	found := rules.Verdict{Rule: rule, Outcome: rules.Match, Finding: &rules.Finding{CandidateID: "abc", Severity: rules.S2, Key: "k", Trigger: at, TriggerField: "event_time",
		Value: "5 USD", Sentence: "CON-01 fired: a is 5 USD.", Explanation: rules.Explanation{{Text: "a > 1", Value: "5 USD", Limit: "1 USD", Distance: "4 USD"}}}}
	b := &pipeline.Batch{Cluster: "main", Topic: "t", Partition: 1, First: 8, Last: 10, Digest: "d", Calendar: "c", Rows: []pipeline.Row{
		{Offset: 8, Timestamp: at, Key: []byte("SECRETKEY"), Raw: []byte("SECRETRAW"), Event: e, Verdicts: []rules.Verdict{{Rule: &rules.Rule{ID: "CON-02"}}, found}},
		{Offset: 9, Timestamp: at, Raw: []byte("SECRETRAW"), Failure: &event.Failure{Stage: "decode", Code: "bad_json", Offset: 3, Detail: "not JSON"}},
		{Offset: 10, Timestamp: at, Tombstone: true},
	}}
	var out bytes.Buffer
	s := jsonl.New(&out)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(t.Context(), b.Alerts()); err != nil {
		t.Fatal(err)
	}
	zero := strings.Repeat("0", 64)
	tail := `"raw_sha256":"` + zero + `","chain":"` + zero + `","rules_digest":"d","calendar_version":"c"`
	hit := `{"rule":"CON-01","revision":2,"outcome":"match","severity":"S2","item":"1.01","candidate_id":"abc","key":"k","value":"5 USD","trigger_time":"2026-03-02T14:30:00Z","trigger_field":"event_time","sentence":"CON-01 fired: a is 5 USD.","explanation":[{"text":"a > 1","value":"5 USD","limit":"1 USD","distance":"4 USD"}]}`
	want := []string{
		`{"line":"row","topic":"t","partition":1,"offset":8,"kafka_timestamp":"2026-03-02T14:30:00Z","kafka_millis":1772461800000,` + tail + `,"event":` + string(e.AppendJSON(nil)) + `,"no_match":["CON-02"],"verdicts":[` + hit + `]}`,
		`{"line":"row","topic":"t","partition":1,"offset":9,"kafka_timestamp":"2026-03-02T14:30:00Z","kafka_millis":1772461800000,` + tail + `,"failure":{"stage":"decode","code":"bad_json","byte":3,"detail":"not JSON"}}`,
		`{"line":"row","topic":"t","partition":1,"offset":10,"kafka_timestamp":"2026-03-02T14:30:00Z","kafka_millis":1772461800000,"tombstone":true,` + tail + `}`,
		`{"line":"alert","topic":"t","partition":1,"offset":8,"observed_at":"2026-03-02T14:30:00Z","rules_digest":"d","title":"Agreement","verdict":` + hit + `}`,
		"",
	}
	if diff := cmp.Diff(want, strings.Split(out.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

// TestBrokenOutputStaysBroken: a call repeated after a failed write must not
// succeed, because half a batch may be printed.
func TestBrokenOutputStaysBroken(t *testing.T) {
	s := jsonl.New(full{})
	b := &pipeline.Batch{Topic: "t", Rows: []pipeline.Row{{Tombstone: true}}}
	for range 2 {
		err := s.Store(t.Context(), b)
		if !errors.Is(err, errFull) {
			t.Errorf("store: %v, want %v", err, errFull)
		}
		if _, ok := pipeline.Waiting(err); ok {
			t.Error("a broken output is waited for")
		}
	}
}
