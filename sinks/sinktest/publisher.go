package sinktest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
	"tocsin/rules"
)

// Publisher tests a publisher against the contract of pipeline.Publisher. open
// is called for each test. It returns the publisher and a function that reads
// back what it delivered.
func Publisher(t *testing.T, open func(t *testing.T) (pipeline.Publisher, ReadAlerts)) {
	run := func(name string, test func(t *testing.T, p publisherTest)) {
		t.Run(name, func(t *testing.T) {
			publisher, read := open(t)
			test(t, publisherTest{publisher, read, newSeries(name)})
		})
	}
	run("every_kind", func(t *testing.T, p publisherTest) {
		alerts := []pipeline.Alert{p.alert(rules.Match, "a"), p.alert(rules.Indeterminate, "b"), p.alert(rules.Error, "c")}
		alerts[1].Verdict.Rule.Item = "" // no item applies
		alerts[2].Event = every(systemType())
		p.publish(t, alerts)
		p.delivered(t, "a", "b", "c")
	})
	run("none", func(t *testing.T, p publisherTest) {
		p.publish(t, nil)
		p.delivered(t)
	})
	run("same_alerts_twice", func(t *testing.T, p publisherTest) {
		alerts := p.matches("a", "b", "c")
		p.publish(t, alerts)
		p.publish(t, alerts)
		p.delivered(t, "a", "b", "c")
	})
	run("overlapping_calls", func(t *testing.T, p publisherTest) {
		p.publish(t, p.matches("a", "b"))
		p.publish(t, p.matches("b", "c"))
		p.delivered(t, "a", "b", "c")
	})
	run("one_matter_in_one_call", func(t *testing.T, p publisherTest) {
		p.publish(t, p.matches("a", "a", "b", "a"))
		p.delivered(t, "a", "b")
	})
	run("one_matter_escalated", func(t *testing.T, p publisherTest) {
		// The same matter in a later record: it is more severe, a revised rule
		// has given it another item, and the registrant is missing.
		later := p.alert(rules.Match, "a")
		later.Offset++
		later.Event = every(systemType())
		later.Event.SetText(later.Event.Schema().Lookup("registrant_cik"), "0001888888")
		later.Verdict.Rule.Item = "2.03"
		later.Verdict.Finding.Severity = rules.S1
		p.publish(t, p.matches("a"))
		p.publish(t, []pipeline.Alert{later})
		p.delivered(t, "a")
	})
	run("concurrent", func(t *testing.T, p publisherTest) {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				alerts := p.matches("a", "b", "c", "d")
				for j := range alerts {
					alerts[j].Verdict.Finding.Severity = rules.Severity(1 + i%4)
				}
				if err := p.Publish(t.Context(), alerts); err != nil {
					t.Errorf("publish, among others: %v", err)
				}
			})
		}
		group.Wait()
		p.delivered(t, "a", "b", "c", "d")
	})
	run("cancelled", func(t *testing.T, p publisherTest) {
		alerts := p.matches("a", "b")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		if err := p.Publish(ctx, alerts); err == nil {
			p.delivered(t, "a", "b") // a success is a promise, even under a cancelled context
		}
		if took := time.Since(start); took > soon {
			t.Errorf("took %s to return from a cancelled call", took)
		}
		p.publish(t, alerts)
		p.delivered(t, "a", "b")
	})
	run("cancelled_midway", func(t *testing.T, p publisherTest) {
		keys := numbers(1_000)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.Publish(ctx, p.matches(keys...)) }()
		cancel()
		select {
		case err := <-done:
			if err == nil {
				p.delivered(t, keys...)
			}
		case <-time.After(soon):
			t.Fatalf("still running %s after it was cancelled", soon)
		}
		p.publish(t, p.matches(keys...))
		p.delivered(t, keys...)
	})
	run("many", func(t *testing.T, p publisherTest) {
		keys := numbers(3_000)
		p.publish(t, p.matches(keys...))
		p.publish(t, p.matches(keys...))
		p.delivered(t, keys...)
	})
}

// publisherTest is one test of a publisher, with its own series.
type publisherTest struct {
	pipeline.Publisher
	read ReadAlerts
	*series
}

// matches returns an alert for each key.
func (p publisherTest) matches(keys ...string) []pipeline.Alert {
	alerts := make([]pipeline.Alert, len(keys))
	for i, key := range keys {
		alerts[i] = p.alert(rules.Match, key)
	}
	return alerts
}

func numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint(i)
	}
	return all
}

func (p publisherTest) publish(t *testing.T, alerts []pipeline.Alert) {
	t.Helper()
	if err := p.Publish(t.Context(), alerts); err != nil {
		t.Fatalf("publish: %v", err)
	}
}

// delivered checks that the sink delivered exactly the matters with these keys,
// each once, of this series.
func (p publisherTest) delivered(t *testing.T, keys ...string) {
	t.Helper()
	all, err := p.read(t.Context())
	if err != nil {
		t.Fatalf("read back: %v", err)
	}
	want := make([]string, len(keys))
	for i, key := range keys {
		want[i] = p.id(key)
	}
	// Alerts of other series are ignored, because the sink may serve other tests
	// too.
	mine := map[string]bool{}
	for _, key := range append(numbers(3_000), "a", "b", "c", "d") {
		mine[p.id(key)] = true
	}
	var got []string
	for _, id := range all {
		if mine[id] {
			got = append(got, id)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("delivered (-want +got):\n%s", cmp.Diff(want, got))
	}
}
