package clickhouse

import (
	"testing"
	"time"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// The loop's hash of a judgement and the audit's agree at the bounds of what the
// columns hold, where an instant is NULL in one column and counts as absent in both.
func TestTheJudgementsHashAgreesAtTheBounds(t *testing.T) {
	s := opened(t, migrated(t))
	b := newRandom(31).batch("t", 0, 1, 0)
	b.Rows = nil
	rule := &rules.Rule{ID: "R", Revision: 1, Title: "t", Item: "1.01"}
	for i, at := range []time.Time{
		{}, time.UnixMicro(minMicros - 1), time.UnixMicro(minMicros), time.UnixMicro(minMicros).Add(-time.Nanosecond),
		time.UnixMicro(maxMicros), time.UnixMicro(maxMicros).Add(time.Nanosecond), time.UnixMicro(maxMicros + 1), time.UnixMicro(0).Add(999 * time.Nanosecond),
	} {
		row := pipeline.Row{Offset: int64(i), Timestamp: b.At, Event: event.New(event.Types()[0]), Verdicts: []rules.Verdict{{Rule: rule, Outcome: rules.Match, Finding: &rules.Finding{
			CandidateID: "c", Trigger: at, Deadline: calendar.Deadline{DueAt: at, DueAtConservative: at, DueDate: unixEpoch}}}}}
		row.Judged = b.JudgementHash(&row)
		b.Rows = append(b.Rows, row)
	}
	b.Last = int64(len(b.Rows) - 1)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	n := 0
	for l, err := range s.Links(t.Context(), Part{Cluster: b.Cluster, Topic: b.Topic, TopicID: b.TopicID.String(), Partition: b.Partition}, 0, b.Last) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; l.Judged != l.Rejudged {
			t.Errorf("row %d: %x, and the audit computes %x", l.Offset, l.Judged, l.Rejudged)
		}
	}
	if n != len(b.Rows) {
		t.Errorf("%d rows, want %d", n, len(b.Rows))
	}
}
