package endtoend

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/netfault"
	"tocsin/cmd/devstack/stack"
)

// TestAFirstStartOnTwoThousandPartitions: a worker begins every partition, is not ready
// before, and stores the records that there are. ClickHouse answers 20 ms late: asked about
// one partition after another, it takes 40 s or more, and a step is 20 s.
func TestAFirstStartOnTwoThousandPartitions(t *testing.T) {
	t.Parallel()
	const partitions, used, delay = 2000, 20, 20 * time.Millisecond
	h := start(t, stack.Addresses{})
	h.config = configured(t, filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"), "# reconcile_every: 10m", "reconcile_every: 0s")
	h.widened(partitions)
	var records []*kgo.Record
	for i := range used {
		r := contract(i * candidatesIn)
		r.Partition = int32((i+1)*partitions/used - 1) // the last one too
		records = append(records, r)
	}
	if err := h.placing().ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	proxy, err := netfault.Listen(h.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	proxy.Delay(delay)
	h.ClickHouse = proxy.Addr()

	began := time.Now()
	w := h.worker() // returns when it answers that it is ready, and fails after two minutes
	var status struct{ Partitions []struct{ Next *int64 } }
	if err := json.Unmarshal([]byte(h.metrics(w, "/status?format=json")), &status); err != nil {
		t.Fatal(err)
	}
	t.Logf("ready after %s", time.Since(began).Round(time.Millisecond))
	begun := 0
	for _, p := range status.Partitions {
		if p.Next != nil {
			begun++
		}
	}
	if all := partitions + 2; begun != all { // the other topic has two
		t.Errorf("the worker is ready, and %d of %d partitions have begun", begun, all)
	}
	h.eventually(time.Minute, "every record stored", func() bool {
		got, err := h.ask("SELECT count(), uniqExact(partition, offset), uniqExact(partition), max(partition) FROM events")
		return err == nil && got == fmt.Sprintf("%d\t%[1]d\t%[1]d\t%d", used, partitions-1)
	})
	h.eventually(time.Minute, "every candidate alerted", func() bool { return len(h.alerts()) == used })
	h.end(w)
	h.audits("of few partitions among many", nil, "--rejudge", "--kafka", "all")
}
