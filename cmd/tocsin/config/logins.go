package config

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/cmd/tocsin/credentials"
	"tocsin/sinks/clickhouse"
	alerts "tocsin/sinks/nats"
)

// kafkaDialTimeout bounds the dialling of a broker.
const kafkaDialTimeout = 10 * time.Second

// Connections are the options by which a client reaches Kafka.
func (k *Kafka) Connections() []kgo.Opt {
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

// login returns the login of a connection to ClickHouse that is made now.
func (c *ClickHouse) login() (l clickhouse.Login, err error) {
	var errTLS error
	l.User, l.Password, err = credentials.Login{User: c.User, Password: c.Password}.Read()
	l.TLS, errTLS = c.TLS.Client()
	return l, errors.Join(err, errTLS)
}

// login returns the login of a connection to NATS that is made now.
func (n *NATS) login() (l alerts.Login, err error) {
	var errTLS error
	l.User, l.Password, err = credentials.Login{User: n.User, Password: n.Password}.Read()
	l.TLS, errTLS = n.TLS.Client()
	return l, errors.Join(err, errTLS)
}
