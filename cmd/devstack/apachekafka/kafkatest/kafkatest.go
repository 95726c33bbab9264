// Package kafkatest gives a test an Apache Kafka cluster of its own.
package kafkatest

import (
	"os"
	"testing"

	"tocsin/cmd/devstack/apachekafka"
)

// Cluster starts a cluster of the given number of nodes, which is killed when
// the test ends. If there cannot be one the test fails, with what mends it.
// Properties, which may be nil, override broker settings.
func Cluster(tb testing.TB, nodes int, properties map[string]string) *apachekafka.Cluster {
	tb.Helper()
	c, err := apachekafka.Start(tb.Context(), apachekafka.Options{
		Dir: tb.TempDir(), Nodes: nodes, Properties: properties, Progress: os.Stderr,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		for id := range nodes {
			c.Kill(id + 1)
		}
	})
	return c
}
