package nats

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Payload says how much of a candidate an alert tells.
type Payload string

const (
	// Minimal leaves out amounts, names, keys and ids of the source: who may
	// see those looks them up in ClickHouse.
	Minimal Payload = "minimal"
	// Full adds the headline value, the key, the explanation and the event's
	// id: material non-public information.
	Full Payload = "full"
)

// Config says where alerts go. Zero values are the defaults stated.
type Config struct {
	Servers       []string // nats://host:port
	Stream        string   // default DISCLOSURE
	SubjectPrefix string   // default disclosure.candidate
	// Replicas is the least number of copies that the stream must keep;
	// default 1.
	Replicas int
	// MaxAge is the least time that the stream must keep an alert, and with it
	// the memory that the matter was alerted; 0 is for ever.
	MaxAge time.Duration
	// CreateStream makes Open create a stream that is missing. It never alters
	// one that exists.
	CreateStream bool
	Payload      Payload // default Minimal
	// PublishTimeout bounds the wait for one acknowledgement; default 5 s.
	PublishTimeout time.Duration
	// OpenTimeout bounds how long Open waits for a server; default 30 s.
	OpenTimeout time.Duration

	User, Password string
	Creds          string // file of user credentials (JWT and seed), read for each connection
	NKey           string // file of an NKey seed, read for each connection
	TLS            *tls.Config
	// Renew, if not nil, is asked before each connection is made, and its answer
	// used in place of User, Password and TLS: what is replaced on disk is then
	// used without a restart. Whether there is TLS, and by which name a server is
	// recognised, does not change.
	Renew func() (Login, error)
}

// Login is what a connection is made with. A nil TLS is none.
type Login struct {
	User, Password string
	TLS            *tls.Config
}

// filled returns c with the defaults, checked. An error names the setting and
// never a secret.
func (c Config) filled() (Config, error) {
	text := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	text(&c.Stream, "DISCLOSURE")
	text(&c.SubjectPrefix, "disclosure.candidate")
	text((*string)(&c.Payload), string(Minimal))
	c.Replicas = max(c.Replicas, 1)
	if c.PublishTimeout <= 0 {
		c.PublishTimeout = 5 * time.Second
	}
	if c.OpenTimeout <= 0 {
		c.OpenTimeout = 30 * time.Second
	}
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if len(c.Servers) == 0 {
		problem("nats.servers is empty: name at least one, as nats://host:4222")
	}
	for i, server := range c.Servers {
		if address(server) == "" { // the text is not shown: it may hold a password
			problem("nats.servers[%d] is not an address: write it as nats://host:4222", i)
		}
	}
	if strings.ContainsAny(c.Stream, " .*>/\\\t\r\n") {
		problem("nats.stream is %q: a stream's name has no spaces, dots, slashes, * or >", c.Stream)
	}
	for name := range strings.SplitSeq(c.SubjectPrefix, ".") {
		if token(name, "") != name || name == "" {
			problem("nats.subject_prefix is %q: want words of letters, digits, - and _, with a dot between them", c.SubjectPrefix)
			break
		}
	}
	if c.Payload != Minimal && c.Payload != Full {
		problem("nats.payload is %q: want minimal or full", c.Payload)
	}
	if c.MaxAge < 0 {
		problem("nats.max_age is %s: want a time, or 0 to keep alerts for ever", c.MaxAge)
	}
	return c, errors.Join(problems...)
}

// address returns host and port of a server's URL, and "" when it is none.
func address(server string) string {
	if !strings.Contains(server, "://") {
		server = "nats://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Host
}

// addresses names the servers in errors, without users and passwords.
func (c *Config) addresses() string {
	hosts := make([]string, len(c.Servers))
	for i, server := range c.Servers {
		hosts[i] = address(server)
	}
	return strings.Join(hosts, ", ")
}

// options are the client's, and the dialer among them, which has to be told of
// the connection.
func (c *Config) options() ([]nats.Option, *dialer, error) {
	opts := []nats.Option{
		nats.Name("tocsin"),
		nats.Timeout(5 * time.Second),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		// A refused password is waited for: credentials are rotated on the
		// server first, or on the worker first.
		nats.IgnoreAuthErrorAbort(),
		// A silent server is found out in 20 s, not in the default 4 min.
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		// Nothing is kept for later by the client: a publish while away fails
		// at once and is tried again by the loop.
		nats.ReconnectBufSize(-1),
		// The default prints to the standard error. What matters comes back
		// from Publish.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	login, err := c.login()
	if err != nil {
		return nil, nil, err
	}
	d := &dialer{config: c, login: login}
	opts = append(opts, nats.SetCustomDialer(d))
	if login.User != "" || login.Password != "" {
		opts = append(opts, nats.UserInfoHandler(func() (string, string) { return d.login.User, d.login.Password }))
	}
	if c.Creds != "" {
		opts = append(opts, nats.UserCredentials(c.Creds))
	}
	if c.NKey != "" {
		key, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, nil, fmt.Errorf("nats: read the file of the NKey seed: %w", err)
		}
		opts = append(opts, key)
	}
	if login.TLS != nil {
		opts = append(opts, nats.Secure(login.TLS))
	}
	return opts, d, nil
}
