package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/pipeline"
	"tocsin/rules/diag"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// checkTimeout bounds each server's part of the check.
const checkTimeout = 15 * time.Second

// finding is one line of the check's result.
type finding struct {
	Part  string `json:"part"`            // configuration, rules, kafka, clickhouse, nats
	OK    bool   `json:"ok"`              //
	Says  string `json:"says"`            // what was found
	Place string `json:"place,omitempty"` // where the mistake stands
}

func runCheck(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "tocsin.yaml", "configuration `file`")
	asJSON := flags.Bool("json", false, "print JSON")
	offline := flags.Bool("offline", false, "check the files and no server")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	findings := check(ctx, *path, *offline)
	failed := false
	for _, f := range findings {
		failed = failed || !f.OK
	}
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(findings); err != nil {
			fmt.Fprintln(stderr, "tocsin check:", err)
			return exitFailed
		}
	} else {
		for _, f := range findings {
			word := "ok"
			if !f.OK {
				word = "FAIL"
			}
			fmt.Fprintf(stdout, "%-5s%-14s%s\n", word, f.Part, strings.ReplaceAll(f.Says, "\n", "\n"+strings.Repeat(" ", 19)))
		}
	}
	if failed {
		return exitFailed
	}
	return exitOK
}

// check looks at everything, in the order in which a worker needs it, and goes
// on after a failure so that all problems show at once.
func check(ctx context.Context, path string, offline bool) (all []finding) {
	add := func(part string, says string, err error) {
		var mistakes diag.List
		switch {
		case err == nil:
			all = append(all, finding{Part: part, OK: true, Says: says})
		case errors.As(err, &mistakes):
			for _, m := range mistakes {
				text := m.Message
				if m.Hint != "" {
					text += " (" + m.Hint + ")"
				}
				all = append(all, finding{Part: part, Says: m.Error(), Place: fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)})
				all[len(all)-1].Says = fmt.Sprintf("%s:%d:%d: %s [%s]", m.File, m.Line, m.Column, text, m.Code)
			}
		default:
			all = append(all, finding{Part: part, Says: err.Error()})
		}
	}
	c, err := loadConfig(path, os.LookupEnv)
	add("configuration", path, err)
	if err != nil {
		return all
	}
	pack, engine, err := c.Rules.openEngine()
	if err == nil {
		add("rules", fmt.Sprintf("pack %s, %d rules, digest %s, calendar %s", pack.ID, len(engine.Rules()), engine.Digest(), engine.CalendarVersion()), nil)
	} else {
		add("rules", "", err)
	}
	if offline {
		return all
	}
	bounded := func(f func(ctx context.Context) (string, error)) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		return f(ctx)
	}
	says, err := bounded(c.checkKafka)
	add("kafka", says, err)
	says, err = bounded(func(ctx context.Context) (string, error) {
		sink, err := clickhouse.Open(ctx, c.sink())
		if err != nil {
			return "", err
		}
		return "reachable, schema and settings are right", sink.Close()
	})
	add("clickhouse", says, err)
	says, err = bounded(func(ctx context.Context) (string, error) {
		stream, err := nats.Open(ctx, c.NATS.sink())
		if err != nil {
			return "", err
		}
		stream.Close()
		return "reachable, stream " + c.NATS.Stream + " is right", nil
	})
	add("nats", says, err)
	return all
}

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
	if _, err := adm.FetchOffsets(ctx, c.Kafka.Group); err != nil && !errors.Is(err, kerr.GroupIDNotFound) { // a group that never was
		if kerr.IsRetriable(err) || kgo.IsRetryableBrokerErr(err) {
			return "", pipeline.Wait("Kafka", fmt.Errorf("the coordinator of group %s does not answer: %w", c.Kafka.Group, err))
		}
		errs = append(errs, fmt.Errorf("the offsets of group %s cannot be read: %w. Grant READ on the group", c.Kafka.Group, err))
	}
	errs = append(errs, c.checkRetention(ctx, adm)...)
	errs = append(errs, c.checkProtocol(ctx, adm)...)
	return fmt.Sprintf("topics %s, %d partitions", strings.Join(c.Kafka.Topics, ", "), partitions), errors.Join(errs...)
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
	minutes := number(configs, "offsets.retention.minutes")
	topics, err := adm.DescribeTopicConfigs(ctx, c.Kafka.Topics...)
	if err != nil {
		return []error{fmt.Errorf("the topics' settings cannot be read: %w. Grant DESCRIBE_CONFIGS on them", err)}
	}
	for _, t := range topics {
		ms := number(kadm.ResourceConfigs{t}, "retention.ms")
		if minutes > 0 && ms > 0 && minutes*60_000 < ms {
			errs = append(errs, fmt.Errorf("offsets.retention.minutes is %d and retention.ms of topic %s is %d: "+
				"a group that stops for that long loses its place although the records are kept. Raise offsets.retention.minutes to %d or more", minutes, t.Name, ms, ms/60_000))
		}
	}
	return errs
}

// number returns a setting's value, or 0 when it is not told.
func number(configs kadm.ResourceConfigs, key string) (n int64) {
	for _, rc := range configs {
		for _, c := range rc.Configs {
			if c.Key == key {
				fmt.Sscan(c.MaybeValue(), &n)
			}
		}
	}
	return n
}
