package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// offsetsTopic is where Kafka keeps what groups commit: a worker's offsets, and
// its intents.
const offsetsTopic = "__consumer_offsets"

// copies looks at how many brokers have a record, or a commit, once it is
// acknowledged. What one broker has is lost with it: an event that no worker
// ever sees, or an intent of a batch that is then stored under another token.
func (c *config) copies(ctx context.Context, adm *kadm.Client) (found []finding, err error) {
	topics, err := adm.ListTopics(ctx, c.Kafka.Topics...)
	if err != nil {
		return nil, err
	}
	for _, t := range topics.Sorted() {
		if t.Err != nil {
			continue // checkKafka says so
		}
		insync, err := leastInSync(ctx, adm, t.Topic)
		if err != nil {
			return found, fmt.Errorf("the settings of topic %s cannot be read: %w", t.Topic, err)
		}
		found = append(found, c.kept(t.Topic, fewest(t), insync)...)
	}
	replicas, insync, err := offsetsKept(ctx, adm)
	return append(found, c.kept(offsetsTopic, replicas, insync)...), err
}

// kept says what is to be said of a topic's replicas, of which so many must be
// in sync. 0 is not told.
func (c *config) kept(topic string, replicas, insync int64) []finding {
	switch {
	case replicas == 1:
		return []finding{c.lone(partKafka, warnReplica, "give it 3 replicas and min.insync.replicas 2", "topic %s has one replica", topic)}
	case replicas > 1 && insync == 1:
		return []finding{c.lone(partKafka, warnInSync, "`kafka-configs.sh --alter --topic "+topic+" --add-config min.insync.replicas=2`",
			"min.insync.replicas of topic %s is 1: what is acknowledged may be on one broker, and is lost with it", topic)}
	}
	return nil
}

// offsetsKept tells of offsetsTopic. Where it may not be seen, or has yet to be
// made by the first group, the brokers' settings tell how it is made.
func offsetsKept(ctx context.Context, adm *kadm.Client) (replicas, insync int64, err error) {
	topics, err := adm.ListTopicsWithInternal(ctx, offsetsTopic)
	var denied *kadm.AuthError
	if err != nil && !errors.As(err, &denied) {
		return 0, 0, err
	}
	if t, ok := topics[offsetsTopic]; ok && t.Err == nil {
		if insync, err = leastInSync(ctx, adm, offsetsTopic); err == nil {
			return fewest(t), insync, nil
		}
	}
	brokers, err := adm.ListBrokers(ctx)
	if err != nil || len(brokers) == 0 {
		return 0, 0, fmt.Errorf("brokers cannot be listed: %w", err)
	}
	configs, err := adm.DescribeBrokerConfigs(ctx, brokers[0].NodeID)
	if err != nil {
		return 0, 0, err
	}
	return number(configs, "offsets.topic.replication.factor"), number(configs, "min.insync.replicas"), nil
}

// leastInSync is min.insync.replicas of a topic, its own or the brokers'.
func leastInSync(ctx context.Context, adm *kadm.Client, topic string) (int64, error) {
	configs, err := adm.DescribeTopicConfigs(ctx, topic)
	if err == nil && len(configs) > 0 {
		err = configs[0].Err
	}
	return number(configs, "min.insync.replicas"), err
}

// fewest is the number of replicas of the partition that has the fewest.
func fewest(t kadm.TopicDetail) (n int64) {
	for _, p := range t.Partitions {
		if have := int64(len(p.Replicas)); n == 0 || have < n {
			n = have
		}
	}
	return n
}
