package nats

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// dialTimeout bounds the making of a connection, before the NATS protocol begins.
const dialTimeout = 5 * time.Second

// dialer dials for the client and, before each connection, reads the credentials
// again. The client calls it under its own lock, so that renewing here is safe.
// The client has callbacks for user, password and certificates, but none for the
// public half of an NKey, and none that can report why there is no password.
type dialer struct {
	config *Config
	login  Login
	conn   atomic.Pointer[nats.Conn] // nil until the first connection is made, or given up for now
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	if conn := d.conn.Load(); conn != nil {
		if err := d.renew(&conn.Opts); err != nil {
			return nil, err
		}
	}
	return net.DialTimeout(network, address, dialTimeout)
}

// renew reads the credentials that may have changed on disk.
func (d *dialer) renew(o *nats.Options) error {
	now, err := d.config.login()
	if err != nil {
		return err
	}
	d.login = now
	if now.TLS != nil {
		o.TLSConfig = now.TLS
	}
	if d.config.NKey == "" {
		return nil // the client reads the credentials itself when it sends them
	}
	key, err := nats.NkeyOptionFromSeed(d.config.NKey)
	if err != nil {
		return fmt.Errorf("read the file of the NKey seed: %w", err)
	}
	return key(o)
}

// login is the present credentials.
func (c *Config) login() (Login, error) {
	if c.Renew == nil {
		return Login{c.User, c.Password, c.TLS}, nil
	}
	now, err := c.Renew()
	if err != nil {
		return Login{}, fmt.Errorf("nats: what the server is logged in to with cannot be read: %w", err)
	}
	return now, nil
}
