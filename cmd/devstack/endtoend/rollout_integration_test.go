//go:build integration

package endtoend

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/devstack/stack"
)

// stallBound is how long a partition may stand still while workers are replaced
// in turn. The pause between batches, a quarter of a second here, counts.
const stallBound = 5 * time.Second

// TestIntegrationRollingRestart replaces two workers in turn under load, ten
// times in all, by each group protocol, and measures for how long no row of a
// partition was stored.
func TestIntegrationRollingRestart(t *testing.T) {
	restarts := 10
	if n, err := strconv.Atoi(os.Getenv("TOCSIN_RESTARTS")); err == nil {
		restarts = n
	}
	for _, protocol := range []string{"classic", "consumer"} {
		t.Run(protocol, func(t *testing.T) {
			h, cluster := onApacheKafka(t)
			h.config = configured(t, h.config, "# group_protocol: classic", "group_protocol: "+protocol, "linger: 1s", "linger: 250ms")
			workers := []*stack.Worker{h.worker(), h.worker()}
			l := produce(t, cluster.Bootstrap(), 1000)
			l.wait(h, 3000)
			var stalls []time.Duration
			for i := range restarts {
				began := h.query("SELECT now64(6)")
				h.end(workers[i%2])
				l.wait(h, 3000) // the other has them all
				workers[i%2] = h.worker()
				l.wait(h, 3000)
				stalls = append(stalls, h.stalls(began)...)
			}
			h.exact(l.stop(t))
			slices.Sort(stalls)
			median, worst := stalls[len(stalls)/2], stalls[len(stalls)-1]
			t.Logf("%s: %d restarts, each of %d partitions stood still for: median %s, p90 %s, maximum %s", protocol, restarts, len(stalls)/restarts, median, stalls[len(stalls)*9/10], worst)
			if worst >= stallBound {
				t.Errorf("a partition stood still for %s, want less than %s", worst, stallBound)
			}
		})
	}
}

// stalls are the longest time of each partition since a time, in which no row of
// it was stored.
func (h *harness) stalls(since string) (all []time.Duration) {
	h.t.Helper()
	said := h.query(fmt.Sprintf(`SELECT toInt64(max(gap)) FROM (
		SELECT partition, dateDiff('microsecond', lagInFrame(at, 1, at) OVER (PARTITION BY partition ORDER BY batch_first ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), at) AS gap, at
		FROM (SELECT partition, batch_first, min(stored_at) AS at FROM events WHERE topic = '%s' GROUP BY partition, batch_first))
		WHERE at >= '%s' GROUP BY partition`, loadTopic, since))
	for line := range strings.Lines(said + "\n") {
		micros, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		if err != nil {
			h.t.Fatalf("%q: %v", said, err)
		}
		all = append(all, time.Duration(micros)*time.Microsecond)
	}
	return all
}
