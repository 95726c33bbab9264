package endtoend

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"tocsin/cmd/devstack/netfault"
	"tocsin/cmd/devstack/stack"
)

// ready reports whether the worker answers that it is ready.
func (h *harness) ready(w *stack.Worker) bool {
	h.t.Helper()
	resp, err := http.Get("http://" + w.Metrics() + "/readyz")
	if err != nil {
		h.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// metric is the sum of a metric's series.
func (h *harness) metric(w *stack.Worker, name string) (sum float64) {
	h.t.Helper()
	for line := range strings.Lines(h.metrics(w, "/metrics")) {
		if series, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && (series == name || strings.HasPrefix(series, name+"{")) {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				h.t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// members are the ids of the group's members: one that left and came back has
// another.
func (h *harness) members() string {
	h.t.Helper()
	groups, err := kadm.NewClient(h.kafka).DescribeGroups(h.t.Context(), "tocsin")
	if err != nil {
		h.t.Fatal(err)
	}
	ids := ""
	for _, m := range groups["tocsin"].Members {
		ids += m.MemberID + " "
	}
	return ids
}

// TestASlowClickHouse has each insert take some four seconds, and then longer
// than insert_timeout, under load: batches grow, the age shows it, no member is
// expelled and nothing is lost.
func TestASlowClickHouse(t *testing.T) {
	t.Parallel()
	h := start(t, stack.Addresses{})
	h.config = configured(t, filepath.Join("..", "..", "..", "deploy", "tocsin.example.yaml"),
		"# session_timeout: 45s", "session_timeout: 15s", "# insert_timeout: 15s", "insert_timeout: 7s",
		"# step_timeout: 20s", "step_timeout: 9s", "# drain_timeout: 30s", "drain_timeout: 12s", "# reconcile_every: 10m", "reconcile_every: 0s")
	proxy, err := netfault.Listen(h.ClickHouse)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	h.ClickHouse = proxy.Addr()
	w := h.worker()
	member := h.members()
	l := produce(t, h.Kafka, 500)
	l.wait(h, 1000)

	began := h.query("SELECT now64(6)")
	proxy.Delay(2 * time.Second) // an insert has two answers
	oldest, unready := 0.0, 0
	const inserts = 10
	var slow string
	h.eventually(2*time.Minute, fmt.Sprint(inserts, " inserts"), func() bool {
		oldest = max(oldest, h.metric(w, "tocsin_oldest_unstored_age_seconds"))
		if !h.ready(w) {
			unready++
		}
		slow = h.query("SELECT uniqExact(partition, batch_first), count() FROM events WHERE stored_at > '" + began + "' AND batch_rows > 500")
		var n int
		fmt.Sscan(slow, &n)
		return n >= inserts
	})
	retries := h.metric(w, "tocsin_step_retries_total")
	t.Logf("slow: large batches and their rows: %s; the age rose to %.1f s; unready %d times; %v retries; peak %d MiB", slow, oldest, unready, retries, highWater(t, w.Pid()))
	if oldest < 3 {
		t.Errorf("the age rose to %.1f s only", oldest)
	}
	if unready > 0 || retries > 0 {
		t.Errorf("unready %d times and %v retries: slow is not away", unready, retries)
	}

	proxy.Delay(8 * time.Second)
	h.eventually(time.Minute, "the worker says that it waits", func() bool { return !h.ready(w) })
	proxy.Delay(0)
	h.eventually(time.Minute, "the worker is ready again", func() bool { return h.ready(w) })
	h.exact(l.stop(t))
	if now := h.members(); now != member {
		t.Errorf("the group's member was %s, is %s: it was expelled, or left", member, now)
	}
	if mib := highWater(t, w.Pid()); mib > 400 {
		t.Errorf("%d MiB", mib)
	}
}
