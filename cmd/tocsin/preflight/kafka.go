package preflight

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/rules/diag"
)

// CheckKafka returns why a worker with the configuration c cannot read its topics.
// An error made by pipeline.Wait may pass.
func CheckKafka(ctx context.Context, c *config.Config) error {
	_, err := probe{c, time.Now}.checkKafka(ctx)
	return err
}

// checkKafka requires that the topics exist, that the group may be read, and that
// the group's offsets outlive the records they point at.
func (p probe) checkKafka(ctx context.Context) (string, error) {
	client, err := kgo.NewClient(p.Kafka.Client()...)
	if err != nil {
		return "", err
	}
	defer client.Close()
	adm := kadm.NewClient(client)
	topics, err := adm.ListTopics(ctx, p.Kafka.Topics...)
	var denied *kadm.AuthError
	if errors.As(err, &denied) {
		var errs []error
		for _, name := range p.Kafka.Topics {
			if _, err := adm.ListTopics(ctx, name); errors.As(err, &denied) {
				errs = append(errs, fmt.Errorf("topic %s may not be read. Grant READ on it", name))
			}
		}
		return "", errors.Join(append(errs, p.checkRetention(ctx, adm)...)...)
	}
	if r := p.Kafka.Suspected(err); r != nil {
		return "", pipeline.Wait(pipeline.WaitLogin, r)
	}
	if err != nil {
		return "", pipeline.Wait(pipeline.WaitKafka, fmt.Errorf("brokers %s do not answer: %w", strings.Join(p.Kafka.Brokers, ", "), err))
	}
	partitions := 0
	var errs []error
	for _, name := range p.Kafka.Topics {
		t, ok := topics[name]
		if !ok || t.Err != nil {
			errs = append(errs, fmt.Errorf("topic %s cannot be read: %v. Create it, or grant READ and DESCRIBE on it", name, t.Err))
			continue
		}
		partitions += len(t.Partitions)
	}
	if err := p.checkOffsets(ctx, adm); err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // a group that never was
		if unanswered(err) {
			return "", pipeline.Wait(pipeline.WaitKafka, fmt.Errorf("the coordinator of group %s does not answer: %w", p.Kafka.Group, withoutSuspicion(err)))
		}
		errs = append(errs, fmt.Errorf("the offsets of group %s cannot be read: %w. Grant READ on the group", p.Kafka.Group, err))
	}
	errs = append(errs, p.checkRights(ctx, client)...)
	errs = append(errs, p.checkRetention(ctx, adm)...)
	errs = append(errs, p.checkProtocol(ctx, adm)...)
	for _, err := range errs {
		if unanswered(err) {
			return "", pipeline.Wait(pipeline.WaitKafka, fmt.Errorf("the brokers stopped answering during the check: %w", withoutSuspicion(err)))
		}
	}
	return fmt.Sprintf("topics %s, %s", strings.Join(p.Kafka.Topics, ", "), diag.Plural(partitions, "partition")), errors.Join(errs...)
}

// unanswered reports whether a request got no answer: the broker ended, or the
// connection was cut. It answered an earlier request, so no login is missing.
func unanswered(err error) bool {
	var cut *kgo.ErrFirstReadEOF
	var op *net.OpError
	var code *kerr.Error
	if errors.As(err, &code) {
		return kerr.IsRetriable(code)
	}
	return errors.As(err, &cut) || errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) || kgo.IsRetryableBrokerErr(err)
}

// withoutSuspicion replaces the client's error about a connection that is closed at
// once. Its message suspects a missing login, and an earlier request was answered.
func withoutSuspicion(err error) error {
	var cut *kgo.ErrFirstReadEOF
	if errors.As(err, &cut) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// coordinatorPause is the pause between questions to a coordinator that does not
// exist yet.
const coordinatorPause = 200 * time.Millisecond

// checkOffsets reads the group's offsets. At the first request about any group, the
// cluster creates the topic of offsets, which takes a moment.
func (p probe) checkOffsets(ctx context.Context, adm *kadm.Client) error {
	for {
		_, err := adm.FetchOffsets(ctx, p.Kafka.Group)
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

// checkProtocol requires that every broker has the group protocol: without it the
// client would join by the classic one without an error.
func (p probe) checkProtocol(ctx context.Context, adm *kadm.Client) (errs []error) {
	if p.Kafka.GroupProtocol != config.ProtocolConsumer {
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
// for each; a broker that does not report them refuses later, if at all.
func allowed(operations int32, op kmsg.ACLOperation) bool {
	return operations == math.MinInt32 || operations&(1<<op) != 0
}

// checkRights requires the rights of a member beyond seeing topics and offsets: to
// read the topics, and to join and commit in the group.
func (p probe) checkRights(ctx context.Context, client *kgo.Client) (errs []error) {
	metadata := kmsg.NewPtrMetadataRequest()
	metadata.IncludeTopicAuthorizedOperations = true
	for _, name := range p.Kafka.Topics {
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
	operations, err := p.groupOperations(ctx, client)
	if err != nil {
		return append(errs, fmt.Errorf("the rights on group %s cannot be read: %w. Grant READ on the group", p.Kafka.Group, err))
	}
	// Newer brokers report no rights, no bit at all, on a group that does not exist.
	if operations != 0 && !allowed(operations, kmsg.ACLOperationRead) {
		errs = append(errs, fmt.Errorf("this user may not join group %s and commit in it. Grant READ on the group", p.Kafka.Group))
	}
	return errs
}

// groupOperations returns the operations that this user may perform on the group, 0
// where no broker reports them. Classic and KIP-848 groups have separate describe
// requests; each reports the other kind as missing.
func (p probe) groupOperations(ctx context.Context, client *kgo.Client) (int32, error) {
	classic := kmsg.NewPtrDescribeGroupsRequest()
	classic.Groups, classic.IncludeAuthorizedOperations = []string{p.Kafka.Group}, true
	groups, err := classic.RequestWith(ctx, client)
	if err != nil {
		return 0, err
	}
	for _, g := range groups.Groups {
		if g.ErrorCode == 0 && g.AuthorizedOperations != 0 {
			return g.AuthorizedOperations, nil
		}
	}
	if p.Kafka.GroupProtocol != config.ProtocolConsumer {
		return 0, nil // and an old broker may not know the other request
	}
	consumer := kmsg.NewPtrConsumerGroupDescribeRequest()
	consumer.Groups, consumer.IncludeAuthorizedOperations = []string{p.Kafka.Group}, true
	served, err := consumer.RequestWith(ctx, client)
	if err != nil {
		return 0, nil // checkProtocol reports a broker without that protocol
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
func (p probe) checkRetention(ctx context.Context, adm *kadm.Client) (errs []error) {
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
	for _, name := range p.Kafka.Topics {
		t, err := adm.DescribeTopicConfigs(ctx, name) // one by one, so that an error belongs to one topic
		if err == nil && len(t) > 0 {
			err = t[0].Err
		}
		if errors.Is(err, kerr.UnknownTopicOrPartition) {
			continue // checkKafka reports it
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

// setting returns a setting's value, or nothing when it is not reported.
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

// number returns a setting's value, or 0 when it is not reported.
func number(configs kadm.ResourceConfigs, key string) (n int64) {
	fmt.Sscan(setting(configs, key), &n)
	return n
}
