package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// offsetsTopic holds the commits of groups: a worker's offsets and intents.
const offsetsTopic = "__consumer_offsets"

// copies looks at how many brokers hold a record, or a commit, once it is
// acknowledged, and at settings that remove records. What a single broker holds is
// lost with it: an event that no worker ever sees, or the intent of a batch, which
// is then stored under another token.
func (p probe) copies(ctx context.Context, adm *kadm.Client) (found []result, err error) {
	topics, err := adm.ListTopics(ctx, p.Kafka.Topics...)
	if err != nil {
		return nil, err
	}
	for _, t := range topics.Sorted() {
		if t.Err != nil {
			continue // checkKafka reports it
		}
		is, err := settingsOf(ctx, adm, t.Topic)
		if err != nil {
			return found, fmt.Errorf("the settings of topic %s cannot be read: %w", t.Topic, err)
		}
		found = append(found, p.kept(t.Topic, fewest(t), number(is, "min.insync.replicas"))...)
		found = append(found, p.survives(t.Topic, is)...)
	}
	replicas, insync, err := offsetsKept(ctx, adm)
	return append(found, p.kept(offsetsTopic, replicas, insync)...), err
}

// kept returns the hazards of a topic's replication and min.insync.replicas; 0 is
// unknown.
func (p probe) kept(topic string, replicas, insync int64) []result {
	switch {
	case replicas == 1:
		return []result{p.lone(partKafka, warnReplica, "give it 3 replicas and min.insync.replicas 2", "topic %s has one replica", topic)}
	case replicas > 1 && insync == 1:
		return []result{p.lone(partKafka, warnInSync, alter(topic, "min.insync.replicas=2"),
			"min.insync.replicas of topic %s is 1: what is acknowledged may be on one broker, and is lost with it", topic)}
	}
	return nil
}

// survives returns the settings that remove records of a topic before their time.
func (p probe) survives(topic string, is kadm.ResourceConfigs) (found []result) {
	if strings.Contains(setting(is, "cleanup.policy"), "compact") {
		found = append(found, p.lone(partKafka, warnCompacted, alter(topic, "cleanup.policy=delete"),
			"topic %s is compacted: of records with one key the last is kept, and the others are gone before a worker that was stopped has read them", topic))
	}
	if setting(is, "unclean.leader.election.enable") == "true" {
		found = append(found, p.lone(partKafka, warnUnclean, alter(topic, "unclean.leader.election.enable=false"),
			"topic %s may be led by a broker that lacks what others have acknowledged, which is lost then", topic))
	}
	return found
}

// alter is the command that gives a topic a setting.
func alter(topic, to string) string {
	return "`kafka-configs.sh --alter --topic " + topic + " --add-config " + to + "`"
}

// offsetsKept returns replicas and min.insync.replicas of offsetsTopic. Where the
// topic may not be seen, or does not exist before the first group, the brokers'
// settings decide how it is made.
func offsetsKept(ctx context.Context, adm *kadm.Client) (replicas, insync int64, err error) {
	topics, err := adm.ListTopicsWithInternal(ctx, offsetsTopic)
	var denied *kadm.AuthError
	if err != nil && !errors.As(err, &denied) {
		return 0, 0, err
	}
	if t, ok := topics[offsetsTopic]; ok && t.Err == nil {
		if is, err := settingsOf(ctx, adm, offsetsTopic); err == nil {
			return fewest(t), number(is, "min.insync.replicas"), nil
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

// settingsOf returns the settings of a topic, its own or the brokers'.
func settingsOf(ctx context.Context, adm *kadm.Client, topic string) (kadm.ResourceConfigs, error) {
	configs, err := adm.DescribeTopicConfigs(ctx, topic)
	if err == nil && len(configs) > 0 {
		err = configs[0].Err
	}
	return configs, err
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
