package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// forgetOffsets deletes the group, which must be empty, and with it its offsets.
func (h *harness) forgetOffsets() {
	h.t.Helper()
	if _, err := kadm.NewClient(h.kafka).DeleteGroups(h.t.Context(), "tocsin"); err != nil {
		h.t.Fatal(err)
	}
}

// A group whose offsets were deleted or have expired, or that was renamed,
// continues after the last row, logs it, and loses and doubles nothing.
func TestLostOffsets(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	n := 0
	more := func() {
		t.Helper()
		var records []*kgo.Record
		for range 400 {
			records = append(records, contract(n))
			n++
		}
		h.produce(records...)
	}
	more()
	h.drain()
	h.exact(n)

	h.forgetOffsets()
	more()
	says := h.tocsin("run", "--drain", "--config", h.config)
	if !strings.Contains(says, "no committed offset: beginning with the last batch stored") {
		t.Errorf("the worker does not say what it found:\n%s", says)
	}
	h.exact(n)

	text, err := os.ReadFile(h.config)
	if err != nil {
		t.Fatal(err)
	}
	renamed := filepath.Join(t.TempDir(), "renamed.yaml")
	// Another name is a mistake as often as not, so refuse is what it meets.
	changed := strings.NewReplacer("group: tocsin ", "group: renamed ", "first_start: earliest ", "first_start: refuse ").Replace(string(text))
	if err := os.WriteFile(renamed, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	more()
	if says := h.tocsin("run", "--drain", "--config", renamed); !strings.Contains(says, "group=renamed") {
		t.Errorf("the worker of the renamed group:\n%s", says)
	}
	h.exact(n)
	if got := h.query("SELECT sum(lost), sum(doubled), sum(skipped), sum(overlapping) FROM completeness"); got != "0\t0\t0\t0" {
		t.Errorf("completeness: lost, doubled, skipped, overlapping are %s", got)
	}
}

// TestLostOffsetsUnderAnotherLimit: the last batch is replayed under the max_record_bytes
// that it was judged under. A dead letter raises no alert under a larger limit, and an
// event is alerted again under a smaller one.
func TestLostOffsetsUnderAnotherLimit(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	const rows = "SELECT * FROM events ORDER BY topic, partition, offset FORMAT JSONEachRow"
	// replayed has the last batch replayed, and wants so many alerts afterwards.
	replayed := func(alerts int, limit string) {
		t.Helper()
		before := h.query(rows)
		h.forgetOffsets()
		if says := h.tocsin("run", "--drain", "--config", h.config); !strings.Contains(says, "no committed offset: beginning with the last batch stored") {
			t.Errorf("the worker does not say what it found:\n%s", says)
		}
		if diff := cmp.Diff(strings.Split(before, "\n"), strings.Split(h.query(rows), "\n")); diff != "" {
			t.Errorf("rows under a %s limit (-before +after):\n%s", limit, diff)
		}
		if got := h.alerts(); len(got) != alerts {
			t.Errorf("%d candidates are alerted under a %s limit, want %d", len(got), limit, alerts)
		}
	}
	limits := "SELECT offset, failure_code, max_record_bytes, has(findings.rule, 'CON-01') FROM events ORDER BY offset"

	h.letterbox(contract(candidatesIn), oversized(2)) // and from now on the limit is 1 MiB
	stored := []string{fmt.Sprintf("0\t\t%d\t1", largest), fmt.Sprintf("1\ttoo_large\t%d\t0", largest)}
	h.answers("the rows", stored, limits)
	replayed(1, "larger")
	h.audits("after a larger limit", nil, "--rejudge", "--kafka", "all")

	r := oversized(3)
	r.Partition = badPartition
	h.sends(r)
	h.drain()
	h.answers("the rows", append(stored, fmt.Sprintf("2\t\t%d\t1", 1<<20)), limits)
	h.deleteStream()
	h.tocsin("migrate", "--config", h.config) // the stream again, without an alert
	h.configure("# max_record_bytes: 1MiB", fmt.Sprintf("max_record_bytes: %dKiB", largest>>10))
	replayed(1, "smaller")
	h.tocsin("reconcile", "--config", h.config) // the alert of the batch before
	h.audits("after a smaller limit", nil, "--rejudge", "--kafka", "all")
}
