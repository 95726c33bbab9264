package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"tocsin/cmd/devstack/stack"
	"tocsin/rules/diag"
)

// TestRepair takes rows away in every way, and has them restored. The audit proves
// each of them. What the chain does not prove is not restored.
func TestRepair(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.tocsin("migrate", "--config", h.config)
	for n := range 3 { // three batches of one partition
		h.together(n*100, 100)
		h.tocsin("run", "--drain", "--config", h.config)
	}
	if got := h.query("SELECT count(), uniqExact(batch_first) FROM events"); got != "300\t3" {
		t.Fatalf("rows and batches: %s", got)
	}
	restore := h.keeping()
	f := func(name, lost string, holes, rows int) {
		t.Helper()
		h.mutate("ALTER TABLE events DELETE WHERE " + lost)
		if out, _ := h.exec(nil, "repair", "--dry-run"); !strings.HasSuffix(out, diag.Plural(rows, "row")+" to restore, 0 not restored\n") || h.query("SELECT count() FROM events") != fmt.Sprint(300-rows) {
			t.Errorf("%s, dry run: %s", name, out)
		}
		out, _ := h.exec(nil, "repair")
		if !strings.Contains(out, diag.Plural(rows, "row")+" restored, 0 not restored\n") || strings.Count(out, " offsets ") != holes {
			t.Errorf("%s: %s", name, out)
		}
		if _, problems := h.audit("--rejudge", "--kafka", "all"); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		if got := h.query("SELECT count(), countIf(repaired) FROM events"); got != fmt.Sprintf("300\t%d", rows) {
			t.Errorf("%s: rows and repaired rows: %s", name, got)
		}
		if out, _ = h.exec(nil, "repair"); !strings.HasPrefix(out, "0 holes") {
			t.Errorf("%s, once more: %s", name, out)
		}
		restore()
	}
	f("one row", "offset = 7", 1, 1)
	f("several rows of a batch", "offset IN (107, 108, 150)", 2, 3)
	f("the first row", "offset = 0", 1, 1)
	f("the first batch", "offset < 100", 1, 100)
	f("a batch", "offset BETWEEN 100 AND 199", 1, 100)
	f("parts of two batches, and the one between", "offset BETWEEN 90 AND 209", 1, 120)
	f("the last batch", "offset >= 200", 1, 100)
	f("the last rows", "offset >= 250", 1, 50)

	// A row that is lost once more, after its repair: the server remembers the token.
	for range 2 {
		h.mutate("ALTER TABLE events DELETE WHERE offset IN (7, 8)")
		if out, _ := h.exec([]int{1}, "repair"); !strings.Contains(out, "2 rows restored, 0 not restored\n") || h.query("SELECT count() FROM events") != "300" {
			t.Errorf("lost once more: %s", out)
		}
	}
	restore()

	// A partition without a mark does not keep another from its repair.
	h.query("INSERT INTO events SELECT * REPLACE (toInt32(1) AS partition) FROM events WHERE offset = 0")
	plain := make(kadm.Offsets)
	plain.AddOffset(stack.LedgerTopic, 1, 0, -1)
	if err := kadm.NewClient(h.kafka).CommitAllOffsets(t.Context(), "tocsin", plain); err != nil {
		t.Fatal(err)
	}
	h.mutate("ALTER TABLE events DELETE WHERE partition = 0 AND offset = 7")
	if out, code := h.exec([]int{1}, "repair"); code != 1 || !strings.Contains(out, "ledger.events/1: not repaired: the group's commit carries no mark") || !strings.Contains(out, "1 row restored") {
		t.Errorf("a partition without a mark: exit code %d\n%s", code, out)
	}
	restore()

	// A record that is another one now.
	h.mutate("ALTER TABLE events DELETE WHERE offset = 7")
	h.mutate("ALTER TABLE events UPDATE chain = SHA256('x') WHERE offset = 8")
	if out, code := h.exec([]int{1}, "repair"); code != 1 || !strings.Contains(out, "the chain does not close") || h.query("SELECT count() FROM events") != "299" {
		t.Errorf("a hole that is not proved: exit code %d\n%s", code, out)
	}
	restore()
	h.mutate("ALTER TABLE events DELETE WHERE offset = 7")
	offsets := make(kadm.Offsets)
	offsets.AddOffset(stack.LedgerTopic, 0, 50, -1)
	if _, err := kadm.NewClient(h.kafka).DeleteRecords(t.Context(), offsets); err != nil {
		t.Fatal(err)
	}
	if out, code := h.exec([]int{1}, "repair"); code != 1 || !strings.Contains(out, "its first record has expired") {
		t.Errorf("a record that has expired: exit code %d\n%s", code, out)
	}
}

// forward sets the group's mark on partition 0 of the ledger forward.
func (h *harness) forward(at int64) {
	h.t.Helper()
	adm := kadm.NewClient(h.kafka)
	committed, err := adm.FetchOffsets(h.t.Context(), "tocsin")
	if err != nil {
		h.t.Fatal(err)
	}
	forward := make(kadm.Offsets)
	committed.Each(func(o kadm.OffsetResponse) {
		if o.Topic == stack.LedgerTopic && o.Partition == 0 {
			o.At = at
			forward.Add(o.Offset)
		}
	})
	if err := adm.CommitAllOffsets(h.t.Context(), "tocsin", forward); err != nil {
		h.t.Fatal(err)
	}
}

// TestAuditAsksKafka: a mark that was set forward hides records, and a row that was
// altered with its chain and its mark differs from the record that Kafka holds.
func TestAuditAsksKafka(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.together(0, 50)
	h.drain()
	h.audits("sound", nil, "--rejudge", "--kafka", "all")
	h.audits("sound, a sample", nil, "--kafka", "sample")

	h.together(50, 5)
	h.forward(53)
	hidden := []string{}
	for offset := 50; offset < 53; offset++ {
		hidden = append(hidden, fmt.Sprintf("not stored %s/0 %d", stack.LedgerTopic, offset))
	}
	h.audits("a mark set forward", hidden)
	h.audits("a mark set forward, without Kafka", nil, "--kafka", "none")

	h.mutate("ALTER TABLE events UPDATE key = 'other' WHERE offset = 20")
	if _, lines := h.audit("--kafka", "all"); !slices.Contains(lines, fmt.Sprintf("unlike record %s/0 20", stack.LedgerTopic)) {
		t.Errorf("an altered key: %v", lines)
	}
	h.mutate("ALTER TABLE events DELETE WHERE offset = 20")
	h.audits("a row that was removed", append([]string{fmt.Sprintf("missing %s/0 20", stack.LedgerTopic)}, hidden...), "--kafka", "all")
}
