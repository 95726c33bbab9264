package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

// TestEnginesAreBounded: a worker whose rules change often keeps a few of them
// in memory, the last among them, and loads the others.
func TestEnginesAreBounded(t *testing.T) {
	gone := errors.New("not kept")
	first := engine("0")
	all := NewEngines(first, func(context.Context, string) ([]byte, error) { return nil, gone })
	before := first
	for i := range 3 * earlierKept {
		next := engine(fmt.Sprint(i + 1))
		all.Replace(next)
		if n := len(all.earlier); n == 0 || n > earlierKept {
			t.Fatalf("%d earlier engines in memory", n)
		}
		if e, err := all.ByDigest(t.Context(), before.Digest()); e != before || err != nil {
			t.Errorf("the rules before: %v, %v", e, err)
		}
		before = next
	}
	if _, err := all.ByDigest(t.Context(), first.Digest()); !errors.Is(err, gone) {
		t.Errorf("rules that are no longer in memory: %v", err)
	}
}
