package config

import (
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
	"tocsin/rules/packs"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// This file turns each section of the configuration into the part it
// configures. It is the only place that knows both.

// Loop is the configuration of the loop.
func (c *Config) Loop() *pipeline.Config {
	return &pipeline.Config{
		Kafka: c.Kafka.Client(), Cluster: c.Kafka.Cluster, Group: c.Kafka.Group, Topics: c.Kafka.Topics,
		FirstStart: pipeline.FirstStart(c.Kafka.FirstStart), SessionTimeout: c.Kafka.SessionTimeout,
		MaxRecords: c.Worker.MaxRecords, MaxBytes: int(c.Worker.MaxBytes), MaxUnpacked: int(c.Worker.MaxUnpackedBytes), Linger: c.Worker.Linger, DrainTimeout: c.Worker.DrainTimeout,
		Stores: c.Worker.MaxInserts, RebalanceGrace: c.Worker.RebalanceGrace, StepTimeout: c.Worker.StepTimeout,
		BackoffMin: c.Worker.BackoffMin, BackoffMax: c.Worker.BackoffMax, IntentTTL: c.Worker.IntentTTL,
		ServerSide: c.Kafka.GroupProtocol == ProtocolConsumer,
		Limits:     event.Limits{MaxBytes: int(c.Worker.MaxRecordBytes)},
		Refused: func(err error) error {
			if r := c.Kafka.refused(err); r != nil {
				return r
			}
			return nil
		},
	}
}

// PlainKafka returns the section for brokers, HOST:PORT[,HOST:PORT], without TLS and
// without a login. The error names the flag --brokers.
func PlainKafka(brokers string) (*Kafka, error) {
	k := &Kafka{Brokers: split([]string{brokers})}
	flag := brokerList
	flag.key, flag.login = "--brokers (or $TOCSIN_KAFKA)", "kafka.sasl of a file for --config"
	return k, pipeline.Joined(flag.check(k.Brokers))
}

// Client returns the options by which every command reaches Kafka.
func (k *Kafka) Client() []kgo.Opt {
	return append(k.Connections(),
		kgo.ClientID("tocsin"),
		// They bound memory, with max_bytes and max_unpacked_bytes: see
		// deploy/README.md. Kafka counts bytes as they are compressed.
		kgo.FetchMaxBytes(2<<20),
		kgo.FetchMaxPartitionBytes(1<<20),
	)
}

// Store is the configuration of the store. Inserts are repeated for the lifetime of
// an intent, and the last may then take insert_timeout.
func (c *Config) Store() clickhouse.Config {
	ch := &c.ClickHouse
	return clickhouse.Config{Addrs: split(ch.Addresses), Database: ch.Database, Renew: ch.login, InsertTimeout: ch.InsertTimeout,
		Remember: c.Worker.IntentTTL + ch.InsertTimeout}
}

// Publisher is the configuration of the alert stream.
func (n *NATS) Publisher() nats.Config {
	return nats.Config{Servers: split(n.Servers), Stream: n.Stream, SubjectPrefix: n.SubjectPrefix, Replicas: n.Replicas,
		MaxAge: n.MaxAge, Payload: nats.Payload(n.Payload), Creds: n.Creds, NKey: n.NKey, Renew: n.login}
}

// InFlight is the age from which the alert of a row must be in the stream: the loop
// may still be publishing the alert of a younger row. It need not be exact.
func (c *Config) InFlight() time.Duration { return c.Worker.IntentTTL + c.ClickHouse.InsertTimeout }

// Remembered is the instant since which the stream must hold every alert.
func (n *NATS) Remembered(now time.Time) time.Time {
	if n.MaxAge == 0 {
		return time.Time{}
	}
	return now.Add(-n.MaxAge)
}

// OpenCalendars reads the calendars, with the overrides of dir unless it is
// empty.
func OpenCalendars(dir string) (*calendar.Calendars, error) {
	if dir == "" {
		return calendar.Default(), nil
	}
	return calendar.Load(dir)
}

// OpenPack finds a pack's files by directory or shipped name.
func OpenPack(path string) (fs.FS, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return os.DirFS(path), nil
	}
	if files, ok := packs.Open(path); ok {
		return files, nil
	}
	return nil, fmt.Errorf("%s is neither a directory nor a shipped pack: name one of %s, or the directory that holds pack.yaml",
		path, strings.Join(packs.Names(), ", "))
}

// Open loads the configured pack and compiles it.
func (r *Rules) Open() (*rules.Pack, *rules.Engine, error) {
	if _, err := os.ReadDir(r.Calendar); r.Calendar != "" && err != nil && r.report != nil {
		return nil, nil, r.report(unusable("rules.calendar", r.Calendar, err))
	}
	calendars, err := OpenCalendars(r.Calendar)
	if err != nil {
		return nil, nil, err
	}
	files, err := OpenPack(r.Pack)
	if err != nil {
		if r.report != nil {
			err = r.report(wrong("rules.pack is %s, which is neither a directory nor a shipped pack: name one of %s, or the directory that holds pack.yaml",
				is("rules.pack", r.Pack), strings.Join(packs.Names(), ", ")))
		}
		return nil, nil, err
	}
	pack, mistakes := rules.Load(files, r.Pack, calendars)
	if err := mistakes.Err(); err != nil {
		return nil, nil, err
	}
	return pack, rules.NewEngine(pack), nil
}
