package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tocsin/cmd/devstack/stack"
)

// TestADoctoredPackIsFound puts rows of the same records, judged by other rules, and
// those rules in the place of the true ones. Each row follows from its bytes and its
// rules, so only the chain that the group committed shows it.
func TestADoctoredPackIsFound(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.config = h.judging(pack(t, "500_000_000", "S1"))
	h.together(0, 50)
	h.drain()
	if _, lines := h.audit("--rejudge"); len(lines) > 0 {
		t.Fatalf("before: %v", lines)
	}

	truth := h.config
	h.query("TRUNCATE TABLE events")
	h.config = configured(t, h.config, "pack: ", "pack: "+pack(t, "500_000_000", "S4")+" # instead of ", "group: tocsin", "group: doctored")
	h.tocsin("run", "--drain", "--config", h.config)
	h.config = truth
	if got := h.query("SELECT count(), countIf(has(`findings.severity`, 'S4')), countIf(has(`findings.severity`, 'S1')) FROM events"); !strings.HasPrefix(got, "50\t") || !strings.HasSuffix(got, "\t0") {
		t.Fatalf("the rows are those of the doctored pack: %q", got)
	}
	for _, args := range [][]string{nil, {"--rejudge"}, {"--rejudge", "--from", "2020-01-01"}} {
		if _, lines := h.audit(args...); !slices.Contains(lines, fmt.Sprintf("chain broken %s/0 49", stack.LedgerTopic)) {
			t.Errorf("audit %v: %v", args, lines)
		}
	}
}
