//go:build integration

package apachekafka_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/cmd/devstack/process"
)

const topic = "kept"

func client(t *testing.T, c *apachekafka.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(strings.Split(c.Bootstrap(), ",")...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func create(t *testing.T, c *apachekafka.Cluster, replicas int16) {
	t.Helper()
	if _, err := kadm.NewClient(client(t, c)).CreateTopic(t.Context(), 2, replicas, nil, topic); err != nil {
		t.Fatal(err)
	}
}

// produce adds n acknowledged records and returns their values.
func produce(t *testing.T, c *apachekafka.Cluster, name string, n int) []string {
	t.Helper()
	cl := client(t, c, kgo.DefaultProduceTopic(topic))
	var values []string
	for i := range n {
		value := fmt.Sprintf("%s-%03d", name, i)
		values = append(values, value)
		if err := cl.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

// consume returns the values of n records from the start, sorted.
func consume(t *testing.T, c *apachekafka.Cluster, n int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cl := client(t, c, kgo.ConsumeTopics(topic))
	var values []string
	for len(values) < n {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("%d of %d records: %v", len(values), n, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { values = append(values, string(r.Value)) })
	}
	slices.Sort(values)
	return values
}

func TestIntegrationKillAndRestart(t *testing.T) {
	began := time.Now()
	c := kafkatest.Cluster(t, 1, map[string]string{"offsets.retention.minutes": "77"})
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))

	create(t, c, 1)
	want := produce(t, c, "before", 50)
	if diff := cmp.Diff(want, consume(t, c, 50)); diff != "" {
		t.Fatalf("records (-want +got):\n%s", diff)
	}
	addr := c.Bootstrap()
	c.Kill(1)
	began = time.Now()
	if err := c.Restart(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	t.Logf("up again in %v", time.Since(began).Round(time.Millisecond))
	if c.Bootstrap() != addr {
		t.Errorf("listens on %s, not on %s as before", c.Bootstrap(), addr)
	}
	want = append(produce(t, c, "after", 10), want...)
	if diff := cmp.Diff(want, consume(t, c, 60)); diff != "" {
		t.Errorf("records after the restart (-want +got):\n%s", diff)
	}

	configs, err := kadm.NewClient(client(t, c)).DescribeBrokerConfigs(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range configs[0].Configs {
		if config.Key == "offsets.retention.minutes" && config.MaybeValue() != "77" {
			t.Errorf("a property given is %s in the broker", config.MaybeValue())
		}
	}
}

func TestIntegrationThreeNodesOutliveOne(t *testing.T) {
	began := time.Now()
	c := kafkatest.Cluster(t, 3, nil)
	t.Logf("up in %v", time.Since(began).Round(time.Millisecond))
	create(t, c, 3)
	want := produce(t, c, "a", 20)
	c.Kill(2)
	want = append(want, produce(t, c, "b", 20)...)
	if diff := cmp.Diff(want, consume(t, c, 40)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestIntegrationStopLeavesNothing(t *testing.T) {
	c := kafkatest.Cluster(t, 1, nil)
	began := time.Now()
	if err := c.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped in %v", time.Since(began).Round(time.Millisecond))
	if pid := c.Pid(1); process.Alive(pid) {
		t.Errorf("process %d still runs", pid)
	}
}

func TestIntegrationStartSaysWhy(t *testing.T) {
	_, err := apachekafka.Start(t.Context(), apachekafka.Options{
		Dir: t.TempDir(), Properties: map[string]string{"num.io.threads": "many"},
	})
	if err == nil || !strings.Contains(err.Error(), "num.io.threads") {
		t.Errorf("error = %v, want it to name num.io.threads", err)
	}
}
