package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/sinks/clickhouse"
	alerts "tocsin/sinks/nats"
)

// kafkaDialTimeout bounds the making of a connection to a broker.
const kafkaDialTimeout = 10 * time.Second

// connections are the options by which a client reaches Kafka.
func (k *kafkaConfig) connections() []kgo.Opt {
	dialer := &net.Dialer{Timeout: kafkaDialTimeout}
	opts := []kgo.Opt{kgo.SeedBrokers(split(k.Brokers)...)}
	if k.TLS != nil {
		opts = append(opts, kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := k.TLS.Dial(ctx, dialer, network, address)
			var unusable credentials.Unusable
			if errors.As(err, &unusable) {
				return nil, unreadable("kafka.tls", err)
			}
			return conn, err
		}))
	}
	if k.SASL != nil {
		opts = append(opts, kgo.SASL(k.SASL.mechanism()))
	}
	return opts
}

// login is what a connection to ClickHouse is made with now.
func (c *clickhouseConfig) login() (l clickhouse.Login, err error) {
	var errTLS error
	l.User, l.Password, err = credentials.Login{User: c.User, Password: c.Password}.Read()
	l.TLS, errTLS = c.TLS.Client()
	return l, errors.Join(err, errTLS)
}

// login is what a connection to NATS is made with now.
func (n *natsConfig) login() (l alerts.Login, err error) {
	var errTLS error
	l.User, l.Password, err = credentials.Login{User: n.User, Password: n.Password}.Read()
	l.TLS, errTLS = n.TLS.Client()
	return l, errors.Join(err, errTLS)
}

// seed is the seed of a user's NKey, as no file is called.
var seed = regexp.MustCompile(`^SU[A-Z2-7]{56}$`)

// validateCredentials checks what the servers are logged in to with, as far as
// it can be told from the files.
func (c *config) validateCredentials() (problems []string) {
	for _, section := range []struct {
		name string
		tls  *credentials.TLS
	}{{"kafka", c.Kafka.TLS}, {"clickhouse", c.ClickHouse.TLS}, {"nats", c.NATS.TLS}, {"traces", c.Traces.TLS}} {
		if _, err := section.tls.Client(); err != nil {
			problems = append(problems, fmt.Sprintf("%s.tls: %v", section.name, err))
		}
	}
	if _, err := c.HTTP.TLS.Server(); err != nil {
		problems = append(problems, fmt.Sprintf("http.tls: %v", err))
	}
	problems = append(problems, c.Kafka.SASL.validate()...)
	n := &c.NATS
	given := []bool{!n.User.IsZero(), n.Creds != "", n.NKey != ""}
	if slices.Index(given, true) != -1 && slices.Contains(given[slices.Index(given, true)+1:], true) {
		problems = append(problems, "nats has more than one of user, creds and nkey: the server takes one, keep that")
	}
	if n.User.IsZero() != n.Password.IsZero() {
		problems = append(problems, "nats.user and nats.password belong together: give both or none")
	}
	if n.Creds != "" {
		if _, err := os.Stat(n.Creds); err != nil {
			problems = append(problems, fmt.Sprintf("nats.creds: %v", err))
		}
	}
	switch {
	case n.NKey == "":
	case seed.MatchString(n.NKey):
		problems = append(problems, "nats.nkey is a seed and must be the path of a file: write the seed into one")
	default:
		if _, err := nats.NkeyOptionFromSeed(n.NKey); err != nil {
			problems = append(problems, fmt.Sprintf("nats.nkey: %v", err))
		}
	}
	return problems
}
