//go:build integration

package preflight

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/cmd/tocsin/config"
)

// TestIntegrationCopies: the brokers' settings decide the copies of the topic of
// commits until a first group creates it. From then on the topic itself does.
func TestIntegrationCopies(t *testing.T) {
	cluster := kafkatest.Cluster(t, 2, map[string]string{"min.insync.replicas": "1", "offsets.topic.replication.factor": "2"})
	connect := func() *kadm.Client {
		client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return kadm.NewClient(client)
	}
	adm := connect()
	if _, err := adm.CreateTopic(t.Context(), 1, 2, nil, "ledger.events"); err != nil {
		t.Fatal(err)
	}
	p := probe{Config: &config.Config{Production: true, Kafka: config.Kafka{Topics: []string{"ledger.events"}}}}
	f := func(name string, want ...string) {
		t.Helper()
		found, err := p.copies(t.Context(), connect()) // a client remembers topics for seconds
		var got []string
		for _, f := range found {
			if f.Level == levelFailure && f.Code == warnInSync {
				got = append(got, f.Message)
			}
		}
		if err != nil || len(got) != len(found) || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %q", name, found, err, want)
		}
	}
	replicas := func(topic string) string {
		return "min.insync.replicas of topic " + topic + " is 1: what is acknowledged may be on one broker, and is lost with it"
	}
	f("before the first group", replicas("ledger.events"), replicas(offsetsTopic))
	offsets := kadm.Offsets{}
	offsets.AddOffset("ledger.events", 0, 0, -1)
	if err := adm.CommitAllOffsets(t.Context(), "g", offsets); err != nil {
		t.Fatal(err)
	}
	f("after it", replicas("ledger.events"), replicas(offsetsTopic))
	two := "2"
	altered, err := adm.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "min.insync.replicas", Value: &two}}, "ledger.events", offsetsTopic)
	for _, a := range altered {
		err = errors.Join(err, a.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
	f("repaired, under any settings of the brokers")
	hazards := map[string]string{"unclean.leader.election.enable": "true", "cleanup.policy": "compact"}
	var changes []kadm.AlterConfig
	for name, value := range hazards {
		changes = append(changes, kadm.AlterConfig{Name: name, Value: &value})
	}
	if _, err := adm.AlterTopicConfigs(t.Context(), changes, "ledger.events"); err != nil {
		t.Fatal(err)
	}
	found, err := p.copies(t.Context(), connect())
	if err != nil || len(found) != 2 || found[0].Code != warnCompacted || found[1].Code != warnUnclean || found[1].Level != levelFailure || !strings.Contains(found[1].Remedy, "unclean.leader.election.enable=false") {
		t.Errorf("%+v, %v", found, err)
	}
}
