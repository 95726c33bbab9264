package nats_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
	"tocsin/sinks/nats"
)

// TestAllIsWhatWasPublished: every alert, in order, once, by the time it was
// taken; and what somebody else put under the prefix.
func TestAllIsWhatWasPublished(t *testing.T) {
	s := start(t)
	sink, js := open(t, config(s)), admin(t, s)
	all := func(from, to time.Time) (ids []string, last nats.Published) {
		t.Helper()
		for p, err := range sink.All(t.Context(), from, to) {
			if err != nil {
				t.Fatal(err)
			}
			if p.Sequence <= last.Sequence {
				t.Errorf("message %d comes after %d", p.Sequence, last.Sequence)
			}
			ids, last = append(ids, p.CandidateID), p
		}
		return ids, last
	}
	if ids, _ := all(time.Time{}, time.Time{}); len(ids) > 0 {
		t.Errorf("an empty stream yields %v", ids)
	}
	var want []string
	var alerts []pipeline.Alert
	for i := range 700 {
		alerts = append(alerts, alert(i))
		want = append(want, alerts[i].Verdict.Finding.CandidateID)
	}
	if err := sink.Publish(t.Context(), alerts); err != nil {
		t.Fatal(err)
	}
	ids, last := all(time.Time{}, time.Time{})
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
	if _, err := js.Publish(t.Context(), "disclosure.candidate.x.y.z.alien", nil); err != nil {
		t.Fatal(err)
	}
	after := last.At.Add(time.Nanosecond)
	if ids, _ := all(after, time.Time{}); !cmp.Equal([]string{"alien"}, ids) {
		t.Errorf("since then %v", ids)
	}
	if ids, _ := all(time.Time{}, after); len(ids) != 700 {
		t.Errorf("until then %d", len(ids))
	}
	n := 0
	for range sink.All(t.Context(), time.Time{}, time.Time{}) {
		if n++; n == 3 {
			break
		}
	}
	counts, err := sink.Held(t.Context(), []string{"absent", want[5], "alien"})
	if diff := cmp.Diff([]uint64{0, 1, 1}, counts); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	stop(s)
	for _, err := range sink.All(t.Context(), time.Time{}, time.Time{}) {
		if _, waits := pipeline.Waiting(err); !waits {
			t.Errorf("a server that is away: %v", err)
		}
	}
}

// Without an answer every question ends in an error. A reconciliation would take
// nothing for an answer otherwise.
func TestEveryQuestionWithoutAnAnswerIsAnError(t *testing.T) {
	sink := open(t, config(start(t)))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, ask := range map[string]func() error{
		"Held":    func() error { _, err := sink.Held(ctx, []string{"a"}); return err },
		"Missing": func() error { _, err := sink.Missing(ctx, []string{"a"}); return err },
		"All": func() (err error) {
			for _, err = range sink.All(ctx, time.Time{}, time.Time{}) {
			}
			return err
		},
		"Look":    func() error { _, err := sink.Look(ctx, time.Now); return err },
		"Publish": func() error { return sink.Publish(ctx, []pipeline.Alert{alert(1)}) },
	} {
		if err := ask(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
}
