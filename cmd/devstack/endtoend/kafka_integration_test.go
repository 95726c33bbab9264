//go:build integration

package endtoend

import (
	"fmt"
	"testing"
	"time"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/cmd/devstack/stack"
)

// onApacheKafka starts a harness on Apache Kafka itself.
func onApacheKafka(t *testing.T) (*harness, *apachekafka.Cluster) {
	t.Helper()
	cluster := kafkatest.Cluster(t, 1, nil)
	return start(t, stack.Addresses{Kafka: cluster.Bootstrap()}), cluster
}

// wait lets the load run until n more records are produced.
func (l *load) wait(h *harness, n int) {
	h.t.Helper()
	until := l.produced.Load() + int64(n)
	h.eventually(2*time.Minute, fmt.Sprint(n, " more records produced"), func() bool { return l.produced.Load() >= until })
}

func TestIntegrationAWorkerJoinsAndLeavesUnderLoad(t *testing.T) {
	h, cluster := onApacheKafka(t)
	first := h.worker()
	l := produce(t, cluster.Bootstrap(), 2000)
	for range 3 {
		second := h.worker()
		l.wait(h, 4000)
		h.end(second)
		l.wait(h, 4000)
	}
	h.exact(l.stop(t))
	h.end(first)
}

func TestIntegrationTheBrokerIsKilledAndRestartedUnderLoad(t *testing.T) {
	h, cluster := onApacheKafka(t)
	h.worker()
	h.worker()
	l := produce(t, cluster.Bootstrap(), 2000)
	for range 2 {
		l.wait(h, 4000)
		cluster.Kill(1)
		if err := cluster.Restart(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	l.wait(h, 4000)
	h.exact(l.stop(t))
}

func TestIntegrationAWorkerIsKilledFiveTimesUnderLoad(t *testing.T) {
	h, cluster := onApacheKafka(t)
	l := produce(t, cluster.Bootstrap(), 2000)
	replays := 0
	for range 5 {
		w := h.worker()
		l.wait(h, 5000)
		w.Kill()
		replays += h.promised()
	}
	t.Logf("%d batches were promised and unfinished at the kills", replays)
	h.worker()
	h.exact(l.stop(t))
}
