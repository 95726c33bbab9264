// Package jsonl prints as JSON lines the batches and alerts that tocsin run
// --dry-run would store and publish. Unlike a log, it shows the events themselves,
// with amounts and names, because it writes to the operator's own terminal. It
// leaves out the raw bytes of records, their keys and headers. Its output is
// material non-public information.
package jsonl

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
)

// Sink is a pipeline.Store and a pipeline.Publisher that prints a line for each row
// and each alert. It prints each only once within the process: it knows a batch by
// its token and an alert by its candidate id.
//
// The lines of a batch stand together, in offset order. Batches and alerts come in
// the order of the calls.
type Sink struct {
	// mu keeps lines whole: several goroutines call, and share one writer.
	mu     sync.Mutex
	w      *bufio.Writer
	broken error // of the first failed write, which may end within a line
	// tokens and ids were printed. They grow until the process ends: a dry run
	// is short.
	tokens map[string]bool
	ids    map[string]bool
}

var (
	_ pipeline.Store     = (*Sink)(nil)
	_ pipeline.Publisher = (*Sink)(nil)
)

// New returns a sink that prints to w.
func New(w io.Writer) *Sink {
	return &Sink{w: bufio.NewWriter(w), tokens: make(map[string]bool), ids: make(map[string]bool)}
}

// Store implements pipeline.Store. A failed write is final, because the printed
// part is unknown.
func (s *Sink) Store(ctx context.Context, b *pipeline.Batch) error {
	if b.Late(time.Now()) {
		return pipeline.ErrLate
	}
	return s.print(ctx, func(line *json.Encoder) error {
		token := b.Token()
		if s.tokens[token] {
			return nil
		}
		for i := range b.Rows {
			if err := line.Encode(rowLine(b, &b.Rows[i])); err != nil {
				return fmt.Errorf("row at offset %d: %w", b.Rows[i].Offset, err)
			}
		}
		s.tokens[token] = true
		return nil
	})
}

// Holds implements pipeline.Store. It knows the batches that this process printed.
func (s *Sink) Holds(_ context.Context, b *pipeline.Batch) (held pipeline.Held, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tokens[b.Token()] {
		return held, false, nil
	}
	return pipeline.Held{Rows: len(b.Rows), Chain: b.Rows[len(b.Rows)-1].Chain}, true, nil
}

// Tail implements pipeline.Store. Rows of an earlier process are unknown.
func (s *Sink) Tail(context.Context, pipeline.Log, int64) (pipeline.Tail, bool, error) {
	return pipeline.Tail{}, false, pipeline.ErrForgets
}

// Publish implements pipeline.Publisher. Errors are as for Store.
func (s *Sink) Publish(ctx context.Context, alerts []pipeline.Alert) error {
	return s.print(ctx, func(line *json.Encoder) error {
		for i := range alerts {
			id := alerts[i].Verdict.Finding.CandidateID
			if s.ids[id] {
				continue
			}
			if err := line.Encode(alertLine(&alerts[i])); err != nil {
				return fmt.Errorf("alert of offset %d: %w", alerts[i].Offset, err)
			}
			s.ids[id] = true
		}
		return nil
	})
}

func (s *Sink) print(ctx context.Context, lines func(*json.Encoder) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	encoder := json.NewEncoder(s.w)
	encoder.SetEscapeHTML(false)
	err := lines(encoder)
	if err == nil {
		err = s.w.Flush()
	}
	if err != nil {
		s.broken = fmt.Errorf("print: %w", err)
	}
	return s.broken
}

// row is the line of a row.
type row struct {
	Line      string          `json:"line"` // "row"
	Topic     string          `json:"topic"`
	Partition int32           `json:"partition"`
	Offset    int64           `json:"offset"`
	Timestamp string          `json:"kafka_timestamp,omitempty"` // absent outside 1990 to 2099
	Millis    int64           `json:"kafka_millis"`
	Tombstone bool            `json:"tombstone,omitempty"`
	RawSHA256 string          `json:"raw_sha256"`
	Chain     string          `json:"chain"`
	Digest    string          `json:"rules_digest"`
	Calendar  string          `json:"calendar_version"`
	Failure   *failure        `json:"failure,omitempty"`
	Event     json.RawMessage `json:"event,omitempty"` // from event.AppendJSON
	NoMatch   []string        `json:"no_match,omitempty"`
	Verdicts  []verdict       `json:"verdicts,omitempty"`
}

type failure struct {
	Stage  string `json:"stage"`
	Code   string `json:"code"`
	Byte   int    `json:"byte"` // -1: none
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

// verdict is a verdict with a finding.
type verdict struct {
	Rule          string `json:"rule"`
	Revision      int    `json:"revision"`
	Outcome       string `json:"outcome"`
	Severity      string `json:"severity"`
	Item          string `json:"item,omitempty"`
	CandidateID   string `json:"candidate_id"`
	Key           string `json:"key"`
	Reason        string `json:"reason,omitempty"`
	Value         string `json:"value,omitempty"`
	TriggerTime   string `json:"trigger_time,omitempty"`
	TriggerField  string `json:"trigger_field,omitempty"`
	DueAt         string `json:"due_at,omitempty"`
	DueEarliest   string `json:"due_at_conservative,omitempty"`
	DeadlineError string `json:"deadline_error,omitempty"`
	Sentence      string `json:"sentence,omitempty"`
	Explanation   []step `json:"explanation,omitempty"`
}

type step struct {
	Text     string `json:"text"`
	Value    string `json:"value"`
	Limit    string `json:"limit,omitempty"`
	Distance string `json:"distance,omitempty"`
}

// alert is the line of an alert.
type alert struct {
	Line      string  `json:"line"` // "alert"
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Observed  string  `json:"observed_at,omitempty"`
	Digest    string  `json:"rules_digest"`
	Title     string  `json:"title"`
	Verdict   verdict `json:"verdict"`
}

func rowLine(b *pipeline.Batch, r *pipeline.Row) row {
	l := row{Line: "row", Topic: b.Topic, Partition: b.Partition, Offset: r.Offset, Timestamp: instant(rules.Observed(r.Timestamp)), Millis: r.Timestamp.UnixMilli(), Tombstone: r.Tombstone,
		RawSHA256: hex.EncodeToString(r.RawHash[:]), Chain: hex.EncodeToString(r.Chain[:]), Digest: b.Digest, Calendar: b.Calendar}
	if f := r.Failure; f != nil {
		l.Failure = &failure{f.Stage, f.Code, f.Offset, f.Field, f.Detail}
	}
	if r.Event != nil {
		l.Event = r.Event.AppendJSON(nil)
	}
	for i := range r.Verdicts {
		if v := &r.Verdicts[i]; v.Candidate() {
			l.Verdicts = append(l.Verdicts, verdictOf(v))
		} else {
			l.NoMatch = append(l.NoMatch, v.Rule.ID)
		}
	}
	return l
}

func alertLine(a *pipeline.Alert) alert {
	return alert{"alert", a.Topic, a.Partition, a.Offset, instant(a.Observed), a.Digest, a.Verdict.Rule.Title, verdictOf(&a.Verdict)}
}

func verdictOf(v *rules.Verdict) verdict {
	f := v.Finding
	var steps []step
	for _, s := range f.Explanation {
		steps = append(steps, step{s.Text, s.Value, s.Limit, s.Distance})
	}
	return verdict{Rule: v.Rule.ID, Revision: v.Rule.Revision, Outcome: v.Outcome.String(), Severity: f.Severity.String(), Item: v.Rule.Item,
		CandidateID: f.CandidateID, Key: f.Key, Reason: f.Reason, Value: f.Value, TriggerTime: instant(f.Trigger), TriggerField: f.TriggerField,
		DueAt: instant(f.Deadline.DueAt), DueEarliest: instant(f.Deadline.DueAtConservative), DeadlineError: f.DeadlineError, Sentence: f.Sentence, Explanation: steps}
}

// instant returns t in RFC 3339, and nothing for the zero instant.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
