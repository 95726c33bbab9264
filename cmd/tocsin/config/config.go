// Package config reads the configuration file of a worker, and makes the parts
// that it configures: the loop, the sinks, the clients of Kafka, the rules.
//
// A setting is a field with the tag yaml, its key. A key with the tag words takes
// one of these words. Each section's type, defaults and checks are in one file. The
// loop and the sinks check their own settings, so that a mistake has the same text
// from every command.
package config

import (
	"maps"

	"tocsin/pipeline"
)

// Config is the configuration file. deploy/tocsin.example.yaml documents it,
// key by key, and a test decodes it.
type Config struct {
	// Production turns hazards such as data kept once from warnings into failures.
	Production bool `yaml:"production"`

	Kafka      Kafka      `yaml:"kafka,required"`
	ClickHouse ClickHouse `yaml:"clickhouse,required"`
	NATS       NATS       `yaml:"nats,required"`
	Rules      Rules      `yaml:"rules,required"`
	Worker     Worker     `yaml:"worker"`
	HTTP       HTTP       `yaml:"http"`
	Log        Log        `yaml:"log"`
	Traces     Traces     `yaml:"traces"`
}

// Defaults is the configuration before the file is read.
func Defaults() Config {
	return Config{Kafka: defaultKafka, ClickHouse: defaultClickHouse, NATS: defaultNATS, Worker: defaultWorker,
		HTTP: HTTP{Listen: "127.0.0.1:9464"}, Log: Log{Level: "info", Format: "text"}, Traces: Traces{Sample: 0.01}}
}

// check returns the values that are wrong, by themselves or together. The loop and
// the sinks check their own. A key that has one mistake gets none of a later check.
func (c *Config) check() (all []*pipeline.Mistake) {
	keys := keysOf(*c)
	wrongAlone := map[string]bool{}
	for _, found := range [][]*pipeline.Mistake{
		unlisted(keys),
		brokerList.check(c.Kafka.Brokers), clickHouseList.check(c.ClickHouse.Addresses), natsList.check(c.NATS.Servers),
		c.files(),
		c.Loop().Mistakes(), c.NATS.Publisher().Mistakes(),
		c.Kafka.SASL.check(), c.NATS.check(), c.Traces.check(),
		blank(keys),
		c.together(),
	} {
		known := maps.Clone(wrongAlone)
		for _, m := range found {
			alone := len(m.Keys) == 1
			if alone && known[m.Keys[0]] {
				continue
			}
			all = append(all, m)
			wrongAlone[m.Keys[0]] = wrongAlone[m.Keys[0]] || alone
		}
	}
	return all
}

// together returns what is wrong with values of different sections, and with those
// of a section that has no check of its own.
func (c *Config) together() (all []*pipeline.Mistake) {
	add := func(m *pipeline.Mistake) { all = append(all, m) }
	insertTimeout := is("clickhouse.insert_timeout", c.ClickHouse.InsertTimeout)
	if c.ClickHouse.InsertTimeout <= 0 {
		add(wrong("clickhouse.insert_timeout is %s: want more than 0s", insertTimeout))
	}
	if c.ClickHouse.InsertTimeout >= c.Worker.StepTimeout {
		add(wrong("clickhouse.insert_timeout %s must be less than worker.step_timeout %s", insertTimeout, is("worker.step_timeout", c.Worker.StepTimeout)))
	}
	if c.ClickHouse.User.IsZero() {
		add(wrong("clickhouse.user is empty: name the user").At("clickhouse.user"))
	}
	if every, window := c.NATS.ReconcileEvery, c.NATS.ReconcileWindow; every < 0 || every > 0 && window <= every+c.InFlight() {
		add(wrong("nats.reconcile_every is %s and nats.reconcile_window %s: want 0 for never, or a window of more than %s",
			is("nats.reconcile_every", every), is("nats.reconcile_window", window), every+c.InFlight()))
	}
	if c.Worker.MaxRecordBytes < 1 {
		add(wrong("worker.max_record_bytes is %s: want at least 1", is("worker.max_record_bytes", c.Worker.MaxRecordBytes)))
	}
	if !listens(c.HTTP.Listen) {
		add(wrong("http.listen is %s: want host:port, as 127.0.0.1:9464, or :9464 for every address of this machine", is("http.listen", c.HTTP.Listen)))
	}
	return all
}

// wrong returns a mistake; see pipeline.Wrong.
func wrong(format string, args ...any) *pipeline.Mistake { return pipeline.Wrong(format, args...) }

// is is a setting in the text of a mistake, where its value stands.
func is(key string, value any) pipeline.Setting { return pipeline.Setting{Key: key, Value: value} }
