//go:build integration

package endtoend

import (
	"testing"

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

func TestIntegrationReplaysInDoubt(t *testing.T) {
	h, _ := onApacheKafka(t)
	h.replaysInDoubt()
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
