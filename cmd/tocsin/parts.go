package main

import (
	"io"
	"os"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// This file turns each section of the configuration into the part it
// configures. It is the only place that knows both.

func (c *config) loop() *pipeline.Config {
	return &pipeline.Config{
		Kafka: c.Kafka.client(), Cluster: c.Kafka.Cluster, Group: c.Kafka.Group, Topics: c.Kafka.Topics,
		FirstStart: pipeline.FirstStart(c.Kafka.FirstStart), SessionTimeout: c.Kafka.SessionTimeout,
		MaxRecords: c.Worker.MaxRecords, MaxBytes: int(c.Worker.MaxCycleBytes), Linger: c.Worker.Linger, DrainTimeout: c.Worker.DrainTimeout,
		RebalanceGrace: c.Worker.RebalanceGrace, StepTimeout: c.Worker.StepTimeout,
		BackoffMin: c.Worker.BackoffMin, BackoffMax: c.Worker.BackoffMax, IntentTTL: c.Worker.IntentTTL,
		ServerSide: c.Kafka.GroupProtocol == protocolConsumer,
		Limits:     event.Limits{MaxBytes: int(c.Worker.MaxRecordBytes)}, Fits: clickhouse.Fits,
		Refused: func(err error) error {
			if r := c.Kafka.refused(err); r != nil {
				return r
			}
			return nil
		},
	}
}

// client is how every command reaches Kafka.
func (k *kafkaConfig) client() []kgo.Opt {
	return append(k.connections(),
		kgo.ClientID("tocsin"),
		// They bound memory, with max_cycle_bytes: see deploy/README.md. Kafka
		// counts bytes as they are compressed.
		kgo.FetchMaxBytes(16<<20),
		kgo.FetchMaxPartitionBytes(1<<20),
		kgo.MaxDecompressBatchBytes(256<<20),
	)
}

// sink is the store of a worker whose inserts are repeated for as long as an
// intent is good for, and may then take as long as they are given.
func (c *config) sink() clickhouse.Config {
	ch := &c.ClickHouse
	return clickhouse.Config{Addrs: split(ch.Addresses), Database: ch.Database, Renew: ch.login, InsertTimeout: ch.InsertTimeout,
		Remember: c.Worker.IntentTTL + ch.InsertTimeout}
}

func (n *natsConfig) sink() nats.Config {
	return nats.Config{Servers: split(n.Servers), Stream: n.Stream, SubjectPrefix: n.SubjectPrefix, Replicas: n.Replicas,
		MaxAge: n.MaxAge, Payload: nats.Payload(n.Payload), Creds: n.Creds, NKey: n.NKey, Renew: n.login}
}

// openCalendars reads the calendars, with the overrides of dir unless it is
// empty.
func openCalendars(dir string) (*calendar.Calendars, error) {
	if dir == "" {
		return calendar.Default(), nil
	}
	return calendar.Load(dir)
}

// openEngine loads the configured pack and compiles it.
func (r *rulesConfig) openEngine() (*rules.Pack, *rules.Engine, error) {
	calendars, err := openCalendars(r.Calendar)
	if err != nil {
		return nil, nil, err
	}
	files, err := openPack(r.Pack)
	if err != nil {
		return nil, nil, err
	}
	pack, mistakes := rules.Load(files, r.Pack, calendars)
	if err := mistakes.Err(); err != nil {
		return nil, nil, err
	}
	return pack, rules.NewEngine(pack), nil
}

// readConfig loads the file of a command's --config and prints what is wrong.
func readConfig(command, path string, stderr io.Writer) (config, bool) {
	c, err := loadConfig(path, os.LookupEnv)
	if err != nil {
		printError(stderr, command, err)
		return c, false
	}
	return c, true
}
