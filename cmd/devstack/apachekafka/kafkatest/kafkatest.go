// Package kafkatest gives a test an Apache Kafka cluster of its own.
package kafkatest

import (
	"os"
	"testing"

	"tocsin/cmd/devstack/apachekafka"
)

// Cluster starts a cluster of the given number of nodes, which is killed when
// the test ends. If there cannot be one the test fails, with the remedy.
// Properties, which may be nil, override broker settings.
func Cluster(tb testing.TB, nodes int, properties map[string]string) *apachekafka.Cluster {
	tb.Helper()
	return Of(tb, apachekafka.Options{Nodes: nodes, Properties: properties})
}

// Of is Cluster of any shape. Its directory is the test's.
func Of(tb testing.TB, o apachekafka.Options) *apachekafka.Cluster {
	tb.Helper()
	o.Dir, o.Progress = tb.TempDir(), os.Stderr
	c, err := apachekafka.Start(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		for id := range max(o.Nodes, 1) {
			c.Kill(id + 1)
		}
	})
	return c
}
