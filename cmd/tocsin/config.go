package main

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"time"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
	"tocsin/rules/diag"
	"tocsin/rules/strictyaml"
)

// config is the configuration file. deploy/tocsin.example.yaml documents it,
// key by key, and a test decodes it.
type config struct {
	// Production makes a failure of what is a warning elsewhere: data kept once.
	Production bool `yaml:"production"`

	Kafka      kafkaConfig      `yaml:"kafka,required"`
	ClickHouse clickhouseConfig `yaml:"clickhouse,required"`
	NATS       natsConfig       `yaml:"nats,required"`
	Rules      rulesConfig      `yaml:"rules,required"`
	Worker     workerConfig     `yaml:"worker"`
	HTTP       httpConfig       `yaml:"http"`
	Log        logConfig        `yaml:"log"`
	Traces     tracesConfig     `yaml:"traces"`
}

type kafkaConfig struct {
	Brokers        []string      `yaml:"brokers,required"`
	Cluster        string        `yaml:"cluster,required"`
	Group          string        `yaml:"group,required"`
	Topics         []string      `yaml:"topics,required"`
	FirstStart     string        `yaml:"first_start"`
	GroupProtocol  string        `yaml:"group_protocol"`
	SessionTimeout time.Duration `yaml:"session_timeout"`

	TLS  *credentials.TLS `yaml:"tls"`
	SASL *saslConfig      `yaml:"sasl"`
}

type clickhouseConfig struct {
	Addresses     []string      `yaml:"addresses,required"`
	Database      string        `yaml:"database"`
	InsertTimeout time.Duration `yaml:"insert_timeout"`

	User     credentials.Secret `yaml:"user,required"`
	Password credentials.Secret `yaml:"password"`
	TLS      *credentials.TLS   `yaml:"tls"`
}

type natsConfig struct {
	Servers         []string      `yaml:"servers,required"`
	Stream          string        `yaml:"stream"`
	SubjectPrefix   string        `yaml:"subject_prefix"`
	Replicas        int           `yaml:"replicas"`
	MaxAge          time.Duration `yaml:"max_age"`
	ReconcileEvery  time.Duration `yaml:"reconcile_every"`
	ReconcileWindow time.Duration `yaml:"reconcile_window"`
	Payload         string        `yaml:"payload"`

	User     credentials.Secret `yaml:"user"`
	Password credentials.Secret `yaml:"password"`
	Creds    string             `yaml:"creds"`
	NKey     string             `yaml:"nkey"`
	TLS      *credentials.TLS   `yaml:"tls"`
}

type rulesConfig struct {
	Pack     string `yaml:"pack,required"`
	Calendar string `yaml:"calendar"`
}

type workerConfig struct {
	MaxRecords     int             `yaml:"max_records"`
	Linger         time.Duration   `yaml:"linger"`
	MaxRecordBytes strictyaml.Size `yaml:"max_record_bytes"`
	MaxCycleBytes  strictyaml.Size `yaml:"max_cycle_bytes"`
	StepTimeout    time.Duration   `yaml:"step_timeout"`
	DrainTimeout   time.Duration   `yaml:"drain_timeout"`
	RebalanceGrace time.Duration   `yaml:"rebalance_grace"`
	IntentTTL      time.Duration   `yaml:"intent_ttl"`
	BackoffMin     time.Duration   `yaml:"backoff_min"`
	BackoffMax     time.Duration   `yaml:"backoff_max"`
}

type httpConfig struct {
	Listen string                 `yaml:"listen"`
	TLS    *credentials.ServerTLS `yaml:"tls"`
	Pprof  bool                   `yaml:"pprof"`
}

type logConfig struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// defaults is the configuration before the file is read.
func defaults() config {
	return config{
		Kafka:      kafkaConfig{FirstStart: string(pipeline.StartRefused), GroupProtocol: protocolClassic, SessionTimeout: 45 * time.Second},
		ClickHouse: clickhouseConfig{Database: "tocsin", InsertTimeout: 15 * time.Second},
		NATS: natsConfig{Stream: "DISCLOSURE", SubjectPrefix: "disclosure.candidate", Replicas: 1,
			// Seven years: the retention that issuers adopt by analogy with
			// 17 CFR 210.2-06.
			MaxAge: 7 * 365 * 24 * time.Hour, Payload: "minimal",
			ReconcileEvery: 10 * time.Minute, ReconcileWindow: 48 * time.Hour},
		Worker: workerConfig{MaxRecords: 5_000, Linger: 500 * time.Millisecond, MaxRecordBytes: 1 << 20, MaxCycleBytes: 32 << 20,
			StepTimeout: 20 * time.Second, DrainTimeout: 30 * time.Second, RebalanceGrace: 2 * time.Second, IntentTTL: time.Minute,
			BackoffMin: 100 * time.Millisecond, BackoffMax: 15 * time.Second},
		HTTP:   httpConfig{Listen: "127.0.0.1:9464"},
		Log:    logConfig{Level: "info", Format: "text"},
		Traces: tracesConfig{Sample: 0.01},
	}
}

// Group protocols, by the names that Kafka's group.protocol has for them.
const (
	protocolClassic  = "classic"
	protocolConsumer = "consumer" // KIP-848
)

// Codes of mistakes in the configuration's values.
const (
	codeConfigFile  = "E501" // the file cannot be read
	codeConfigValue = "E502" // a value is out of its range, or two contradict each other
)

// loadConfig reads a configuration file. The error is a diag.List with every
// mistake.
func loadConfig(path string, getenv func(string) (string, bool)) (config, error) {
	c := defaults()
	text, err := os.ReadFile(path)
	if err != nil {
		return c, diag.List{{Code: codeConfigFile, File: path, Message: "cannot be read: " + err.Error(), Hint: "give the file with --config; deploy/tocsin.example.yaml is one to begin with"}}
	}
	src := &strictyaml.Source{Name: path, Text: string(text)}
	mistakes := strictyaml.Decode(src, &c, strictyaml.Options{Expand: expander(getenv)})
	if len(mistakes) == 0 {
		for _, problem := range c.validate() {
			mistakes = append(mistakes, src.FileMistake(codeConfigValue, "", "%s", problem))
		}
	}
	for _, m := range mistakes {
		m.Source = withoutSecrets(m.Source)
	}
	c.Kafka.Brokers = split(c.Kafka.Brokers)
	c.ClickHouse.Addresses = split(c.ClickHouse.Addresses)
	c.NATS.Servers = split(c.NATS.Servers)
	return c, mistakes.Err()
}

// split lets one environment variable hold several addresses.
func split(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		for part := range strings.SplitSeq(a, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

var reference = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)

// expander replaces ${NAME} and ${NAME:-default} by the environment's values. A
// credentials.Secret knows by itself what file:/path is.
func expander(getenv func(string) (string, bool)) func(string) (string, error) {
	return func(text string) (string, error) {
		var missing []string
		text = reference.ReplaceAllStringFunc(text, func(ref string) string {
			m := reference.FindStringSubmatch(ref)
			if v, ok := getenv(m[1]); ok {
				return v
			}
			if m[2] == "" {
				missing = append(missing, m[1])
			}
			return m[3]
		})
		if len(missing) > 0 {
			return "", fmt.Errorf("the environment has no %s: set it, or write ${%s:-default}", strings.Join(missing, ", "), missing[0])
		}
		return text, nil
	}
}

// validate checks what the parts do not check themselves.
func (c *config) validate() (problems []string) {
	if err := c.loop().Validate(); err != nil {
		problems = append(problems, strings.Split(err.Error(), "\n")...)
	}
	if c.ClickHouse.InsertTimeout >= c.Worker.StepTimeout {
		problems = append(problems, fmt.Sprintf("clickhouse.insert_timeout %s must be less than worker.step_timeout %s", c.ClickHouse.InsertTimeout, c.Worker.StepTimeout))
	}
	if p := c.Kafka.GroupProtocol; p != protocolClassic && p != protocolConsumer {
		problems = append(problems, fmt.Sprintf("kafka.group_protocol is %q: want %s or %s", p, protocolClassic, protocolConsumer))
	}
	if p := c.NATS.Payload; p != "minimal" && p != "full" {
		problems = append(problems, fmt.Sprintf("nats.payload is %q: want minimal or full", p))
	}
	if c.NATS.Replicas < 1 || c.NATS.Replicas > 5 {
		problems = append(problems, fmt.Sprintf("nats.replicas is %d: want 1 to 5", c.NATS.Replicas))
	}
	if every, window := c.NATS.ReconcileEvery, c.NATS.ReconcileWindow; every < 0 || every > 0 && window <= every+c.loopsOwn() {
		problems = append(problems, fmt.Sprintf("nats.reconcile_every is %s and nats.reconcile_window %s: want 0 for never, or a window of more than %s", every, window, every+c.loopsOwn()))
	}
	problems = append(problems, c.Traces.validate()...)
	problems = append(problems, c.validateCredentials()...)
	if _, err := c.Log.handler(os.Stderr); err != nil {
		problems = append(problems, err.Error())
	}
	return problems
}

// handler makes the log's handler.
func (l *logConfig) handler(w *os.File) (slog.Handler, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.Level)); err != nil {
		return nil, fmt.Errorf("log.level is %q: want debug, info, warn or error", l.Level)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch l.Format {
	case "text":
		return slog.NewTextHandler(w, opts), nil
	case "json":
		return slog.NewJSONHandler(w, opts), nil
	}
	return nil, fmt.Errorf("log.format is %q: want text or json", l.Format)
}
