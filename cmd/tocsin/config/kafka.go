package config

import (
	"time"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/pipeline"
)

// Kafka is the section kafka.
type Kafka struct {
	Brokers        []string      `yaml:"brokers,required"`
	Cluster        string        `yaml:"cluster,required"`
	Group          string        `yaml:"group,required"`
	Topics         []string      `yaml:"topics,required"`
	FirstStart     string        `yaml:"first_start" words:"refuse earliest latest"`
	GroupProtocol  string        `yaml:"group_protocol" words:"classic consumer"`
	SessionTimeout time.Duration `yaml:"session_timeout"`

	TLS  *credentials.TLS `yaml:"tls"`
	SASL *SASL            `yaml:"sasl"`
}

var defaultKafka = Kafka{FirstStart: string(pipeline.StartRefused), GroupProtocol: ProtocolClassic, SessionTimeout: 45 * time.Second}

// Group protocols, by the names that Kafka's group.protocol has for them.
const (
	ProtocolClassic  = "classic"
	ProtocolConsumer = "consumer" // KIP-848
)
