package endtoend

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/stack"
)

// several are contracts of a partition.
func several(partition int32, n int) (records []*kgo.Record) {
	for i := range n {
		r := contract(i + 1)
		r.Partition = partition
		records = append(records, r)
	}
	return records
}

// TestCheckForeseesWhatStopsAWorker: where the group's mark, the rows and Kafka contradict
// each other, the check fails with the words with which a worker stops.
func TestCheckForeseesWhatStopsAWorker(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.sends(several(0, 10)...)
	h.drain()
	h.tocsin("check", "--config", h.config)
	stops := func(name, want string) {
		t.Helper()
		plain := func(out string) string { return strings.Join(strings.Fields(out), " ") }
		if out, err := h.said("check", "--config", h.config); err == nil || !strings.Contains(plain(out), want) {
			t.Errorf("%s: the check: %v\n%s", name, err, out)
		}
		if out := h.refused(program, h.config); !strings.Contains(plain(out), want) {
			t.Errorf("%s: the worker:\n%s", name, out)
		}
	}
	h.forward(30)
	stops("a mark beyond the end", "and Kafka ends at 10")
	h.forward(10)

	restore := h.keeping()
	h.query("TRUNCATE TABLE events")
	stops("a mark without rows", "no row of the partition is stored")
	restore()
	h.tocsin("check", "--config", h.config)

	h.sends(several(0, 10)...)
	expired := make(kadm.Offsets)
	expired.AddOffset(stack.LedgerTopic, 0, 15, -1)
	if _, err := kadm.NewClient(h.kafka).DeleteRecords(t.Context(), expired); err != nil {
		t.Fatal(err)
	}
	stops("a mark before the first record", "and Kafka's first record is now at 15")
}

// TestAnAddedPartitionBeginsAtItsFirstRecord: whatever first_start is.
func TestAnAddedPartitionBeginsAtItsFirstRecord(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.sends(several(0, 1)...)
	h.drain()
	earliest := h.config
	for i, first := range []string{"refuse", "latest"} {
		added := int32(2 + i)
		h.config = configured(t, earliest, "first_start: earliest", "first_start: "+first)
		h.widened(int(added) + 1)
		h.sends(several(added, 7)...)
		h.tocsin("check", "--config", h.config)
		h.tocsin("run", "--drain", "--config", h.config)
	}
	h.answers("the rows", []string{"0\t1\t0\t0", "2\t7\t0\t6", "3\t7\t0\t6"}, "SELECT partition, count(), min(offset), max(offset) FROM events GROUP BY partition ORDER BY partition")
}
