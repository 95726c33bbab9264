package sinktest_test

import (
	"testing"

	"tocsin/pipeline"
	"tocsin/sinks/sinktest"
)

func TestMemory(t *testing.T) {
	t.Run("store", func(t *testing.T) {
		sinktest.Store(t, func(*testing.T) (pipeline.Store, sinktest.ReadRows) {
			m := &sinktest.Memory{}
			return m, m.Rows
		})
	})
	t.Run("lost", func(t *testing.T) {
		sinktest.Lost(t, func(*testing.T) (pipeline.Store, sinktest.ReadRows, func(*pipeline.Batch)) {
			m := &sinktest.Memory{}
			return m, m.Rows, m.Lose
		})
	})
	t.Run("publisher", func(t *testing.T) {
		m := &sinktest.Memory{} // one for all tests: the suite keeps them apart
		sinktest.Publisher(t, func(*testing.T) (pipeline.Publisher, sinktest.ReadAlerts) { return m, m.Alerts })
	})
}

func TestMemoryOutages(t *testing.T) {
	batch := &pipeline.Batch{Cluster: "c", Topic: "t", First: 7, Last: 7, Rows: []pipeline.Row{{Offset: 7, Tombstone: true}}}
	m := &sinktest.Memory{}
	kept := func() int {
		rows, err := m.Rows(t.Context(), "t", 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(rows)
	}
	waits := func() bool {
		_, ok := pipeline.Waiting(m.Store(t.Context(), batch))
		return ok
	}

	back := m.Away()
	if !waits() || kept() != 0 {
		t.Errorf("away: waits and keeps nothing, but it keeps %d rows", kept())
	}
	back()
	back = m.Mute()
	if !waits() || kept() != 1 {
		t.Errorf("mute: waits and keeps, but it keeps %d rows", kept())
	}
	back()
	back() // has no further effect
	if waits() || kept() != 1 {
		t.Errorf("back: succeeds and keeps once, but it keeps %d rows", kept())
	}
	if m.Calls() != 3 {
		t.Errorf("counted %d calls, want 3", m.Calls())
	}
}
