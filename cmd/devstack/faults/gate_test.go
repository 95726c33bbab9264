package faults

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A topic is closed when the outcome of every record is known; and no record comes in.
func TestAGateThatCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{topics: map[string]*gated{"t": {id: "old", width: 2}, "other": {id: "o"}}}
		if change, ok := g.enter("t", 3); change != 0 || !ok {
			t.Fatalf("an open gate: change %d, %v", change, ok)
		}
		began, closed := time.Now(), make(chan time.Duration)
		go func() {
			if err := g.close(t.Context(), "t"); err != nil {
				t.Error(err)
			}
			closed <- time.Since(began)
		}()
		time.Sleep(time.Second)
		if _, ok := g.enter("t", 1); ok {
			t.Error("a record comes in while the gate closes")
		}
		if _, ok := g.enter("other", 1); !ok {
			t.Error("another topic is closed")
		}
		g.leave("t", 3, 2)
		if after := <-closed; after < time.Second {
			t.Errorf("closed after %s, with records on their way", after)
		}
		g.open("t", "old", 3)
		if _, n := g.held(); n != 2 {
			t.Errorf("%d records after a change of the same topic, want 2", n)
		}
		g.open("t", "new", 2)
		if change, ok := g.enter("t", 1); change != 2 || !ok {
			t.Errorf("after two changes: %d, %v", change, ok)
		}
		if _, n := g.held(); n != 0 {
			t.Errorf("%d records in a new topic", n)
		}
	})
}

// A gate that cannot close is open.
func TestAGateThatDoesNotClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{topics: map[string]*gated{"t": {}}}
		g.enter("t", 1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := g.close(ctx, "t"); !errors.Is(err, errOver) {
			t.Errorf("close: %v, want %v", err, errOver)
		}
		if _, ok := g.enter("t", 1); !ok {
			t.Error("it stays closed")
		}
	})
}
