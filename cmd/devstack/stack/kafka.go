package stack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// startKafka starts the broker, unless one is present, and makes the topics in
// either case.
func (s *Stack) startKafka(ctx context.Context, c Config) error {
	if s.Addresses.Kafka == "" {
		dir, err := c.subdirectory("kafka")
		if err != nil {
			return err
		}
		opts := []kfake.Opt{
			kfake.ClusterID("tocsin-devstack"),
			kfake.Ports(c.Ports.Kafka), // one broker; port 0 is the kernel's choice
			kfake.DataDir(dir),
		}
		if c.SyncWrites {
			opts = append(opts, kfake.SyncWrites())
		}
		cluster, err := kfake.NewCluster(opts...)
		if err != nil {
			return fmt.Errorf("start kafka: %w", err)
		}
		s.stops = append(s.stops, stop{"kafka", func(context.Context) error {
			cluster.Close()
			return nil
		}})
		s.Addresses.Kafka = strings.Join(cluster.ListenAddrs(), ",")
	}
	if err := makeTopics(ctx, s.Addresses.Kafka); err != nil {
		return fmt.Errorf("make the topics in kafka at %s: %w", s.Addresses.Kafka, err)
	}
	return nil
}

// makeTopics makes the topics that are not there yet.
func makeTopics(ctx context.Context, brokers string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return err
	}
	defer client.Close()
	const brokerDefault = -1 // replicas
	made, err := kadm.NewClient(client).CreateTopics(ctx, partitions, brokerDefault, nil, LedgerTopic, SystemTopic)
	if err != nil {
		return err
	}
	for _, topic := range made.Sorted() {
		if topic.Err != nil && !errors.Is(topic.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("%s: %w", topic.Topic, topic.Err)
		}
	}
	return nil
}
