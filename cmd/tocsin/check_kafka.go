package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/pipeline"
)

// checkKafka wants the topics to exist, the group to be read, and the group's
// offsets to outlive the records they point at.
func (c *config) checkKafka(ctx context.Context) (string, error) {
	client, err := kgo.NewClient(c.Kafka.client()...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	topics, err := adm.ListTopics(ctx, c.Kafka.Topics...)
	var denied *kadm.AuthError
	if errors.As(err, &denied) {
		var errs []error
		for _, name := range c.Kafka.Topics {
			if _, err := adm.ListTopics(ctx, name); errors.As(err, &denied) {
				errs = append(errs, fmt.Errorf("topic %s may not be read. Grant READ on it", name))
			}
		}
		return "", errors.Join(append(errs, c.checkRetention(ctx, adm)...)...)
	}
	if r := c.Kafka.suspected(err); r != nil {
		return "", pipeline.Wait(waitLogin, r)
	}
	if err != nil {
		return "", pipeline.Wait("Kafka", fmt.Errorf("brokers %s do not answer: %w", strings.Join(c.Kafka.Brokers, ", "), err))
	}
	partitions := 0
	var errs []error
	for _, name := range c.Kafka.Topics {
		t, ok := topics[name]
		if !ok || t.Err != nil {
			errs = append(errs, fmt.Errorf("topic %s cannot be read: %v. Create it, or grant READ and DESCRIBE on it", name, t.Err))
			continue
		}
		partitions += len(t.Partitions)
	}
	if err := c.checkOffsets(ctx, adm); err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // a group that never was
		if kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) {
			return "", pipeline.Wait("Kafka", fmt.Errorf("the coordinator of group %s does not answer: %w", c.Kafka.Group, err))
		}
		errs = append(errs, fmt.Errorf("the offsets of group %s cannot be read: %w. Grant READ on the group", c.Kafka.Group, err))
	}
	errs = append(errs, c.checkRights(ctx, client)...)
	errs = append(errs, c.checkRetention(ctx, adm)...)
	errs = append(errs, c.checkProtocol(ctx, adm)...)
	return fmt.Sprintf("topics %s, %d partitions", strings.Join(c.Kafka.Topics, ", "), partitions), errors.Join(errs...)
}

// coordinatorPause is how long a coordinator that is not there yet is left alone.
const coordinatorPause = 200 * time.Millisecond

// checkOffsets reads the group's offsets. The first group that a cluster is ever
// asked about has it make the topic that holds them, which takes it a moment.
func (c *config) checkOffsets(ctx context.Context, adm *kadm.Client) error {
	for {
		_, err := adm.FetchOffsets(ctx, c.Kafka.Group)
		if !errors.Is(err, kerr.CoordinatorNotAvailable) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(coordinatorPause):
		}
	}
}

// checkProtocol wants every broker to have the group protocol: without it the
// client would join by the classic one and say nothing.
func (c *config) checkProtocol(ctx context.Context, adm *kadm.Client) (errs []error) {
	if c.Kafka.GroupProtocol != protocolConsumer {
		return nil
	}
	brokers, err := adm.ApiVersions(ctx)
	if err != nil {
		return []error{fmt.Errorf("the brokers' versions cannot be read: %w", err)}
	}
	for _, b := range brokers.Sorted() {
		if _, ok := b.KeyMaxVersion(kmsg.ConsumerGroupHeartbeat.Int16()); !ok && b.Err == nil {
			errs = append(errs, fmt.Errorf("broker %d has no server-side group protocol: set kafka.group_protocol to classic, or upgrade to Kafka 4.3 or newer", b.NodeID))
		}
	}
	return errs
}

// allowed reports whether an operation is in a broker's answer, which has a bit
// for each; a broker that does not tell allows what it does not refuse later.
func allowed(operations int32, op kmsg.ACLOperation) bool {
	return operations == math.MinInt32 || operations&(1<<op) != 0
}

// checkRights wants what a member needs beyond seeing topics and offsets: to
// read them, and to join and commit in the group.
func (c *config) checkRights(ctx context.Context, client *kgo.Client) (errs []error) {
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.IncludeTopicAuthorizedOperations = true
	for _, name := range c.Kafka.Topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		metadata.Topics = append(metadata.Topics, t)
	}
	topics, err := metadata.RequestWith(ctx, client)
	if err != nil {
		return []error{fmt.Errorf("the rights on the topics cannot be read: %w", err)}
	}
	for _, t := range topics.Topics {
		if t.ErrorCode == 0 && t.Topic != nil && !allowed(t.AuthorizedOperations, kmsg.ACLOperationRead) {
			errs = append(errs, fmt.Errorf("topic %s may not be read. Grant READ on it", *t.Topic))
		}
	}
	operations, err := c.groupOperations(ctx, client)
	if err != nil {
		return append(errs, fmt.Errorf("the rights on group %s cannot be read: %w. Grant READ on the group", c.Kafka.Group, err))
	}
	// Of a group that is not there newer brokers tell no rights: bit by bit none.
	if operations != 0 && !allowed(operations, kmsg.ACLOperationRead) {
		errs = append(errs, fmt.Errorf("nobody may join group %s and commit in it as this user. Grant READ on the group", c.Kafka.Group))
	}
	return errs
}

// groupOperations is what may be done with the group, 0 where no broker tells.
// Each kind of group is described by a request of its own, by which one of the
// other kind, as of another protocol's workers, is not there.
func (c *config) groupOperations(ctx context.Context, client *kgo.Client) (int32, error) {
	classic := kmsg.NewPtrDescribeGroupsRequest()
	classic.Groups, classic.IncludeAuthorizedOperations = []string{c.Kafka.Group}, true
	groups, err := classic.RequestWith(ctx, client)
	if err != nil {
		return 0, err
	}
	for _, g := range groups.Groups {
		if g.ErrorCode == 0 && g.AuthorizedOperations != 0 {
			return g.AuthorizedOperations, nil
		}
	}
	if c.Kafka.GroupProtocol != protocolConsumer {
		return 0, nil // and the broker may be too old to be asked
	}
	consumer := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumer.Groups, consumer.IncludeAuthorizedOperations = []string{c.Kafka.Group}, true
	served, err := consumer.RequestWith(ctx, client)
	if err != nil {
		return 0, nil // a broker without that protocol is named by itself
	}
	for _, g := range served.Groups {
		if g.ErrorCode == 0 {
			return g.AuthorizedOperations, nil
		}
	}
	return 0, nil
}

// checkRetention compares how long the broker keeps a group's offsets with how
// long the topics keep records: offsets that expire first lose the group's
// place, and its intents, while the records are still there.
func (c *config) checkRetention(ctx context.Context, adm *kadm.Client) (errs []error) {
	brokers, err := adm.ListBrokers(ctx)
	if err != nil || len(brokers) == 0 {
		return []error{fmt.Errorf("brokers cannot be listed: %w", err)}
	}
	configs, err := adm.DescribeBrokerConfigs(ctx, brokers[0].NodeID)
	if err != nil {
		return []error{fmt.Errorf("the brokers' settings cannot be read: %w. Grant DESCRIBE_CONFIGS on the cluster", err)}
	}
	for _, rc := range configs {
		if rc.Err != nil {
			return []error{fmt.Errorf("the brokers' settings cannot be read: %w. Grant DESCRIBE_CONFIGS on the cluster", rc.Err)}
		}
	}
	minutes := number(configs, "offsets.retention.minutes")
	for _, name := range c.Kafka.Topics {
		t, err := adm.DescribeTopicConfigs(ctx, name) // each for itself, so that an error is one topic's
		if err == nil && len(t) > 0 {
			err = t[0].Err
		}
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			continue // checkKafka says so
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the settings of topic %s cannot be read: %w. Grant DESCRIBE_CONFIGS on it", name, err))
			continue
		}
		ms := number(t, "retention.ms")
		if minutes > 0 && ms > 0 && minutes*60_000 < ms {
			errs = append(errs, fmt.Errorf("offsets.retention.minutes is %d and retention.ms of topic %s is %d: "+
				"a group that stops for that long loses its place although the records are kept. Raise offsets.retention.minutes to %d or more", minutes, name, ms, ms/60_000))
		}
	}
	return errs
}

// setting returns a setting's value, or nothing when it is not told.
func setting(configs kadm.ResourceConfigs, key string) string {
	for _, rc := range configs {
		for _, c := range rc.Configs {
			if c.Key == key {
				return c.MaybeValue()
			}
		}
	}
	return ""
}

// number returns a setting's value, or 0 when it is not told.
func number(configs kadm.ResourceConfigs, key string) (n int64) {
	fmt.Sscan(setting(configs, key), &n)
	return n
}
