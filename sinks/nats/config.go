package nats

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"tocsin/pipeline"
)

// Payload is how much of a candidate an alert holds.
type Payload string

const (
	// Minimal leaves out amounts, names, keys and ids of the source. People who
	// may see those look them up in ClickHouse.
	Minimal Payload = "minimal"
	// Full adds the headline value, the key, the explanation and the event's
	// id: material non-public information.
	Full Payload = "full"
)

// Config is where alerts go. Zero values are the defaults stated.
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
	// Renew, if not nil, is called before each connection, and its result used in
	// place of User, Password and TLS: a file that is replaced on disk takes effect
	// without a restart. Whether there is TLS, and the name by which a server is
	// recognised, do not change.
	Renew func() (Login, error)
}

// Login is the credentials of a connection. A nil TLS means none.
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
	return c, pipeline.Joined(c.Mistakes())
}

// duplicates is the server's memory of message ids. The server refuses a stream that
// keeps its messages for less.
const duplicates = 2 * time.Minute

// Mistakes returns what is wrong with the values, by their keys in the configuration
// file.
func (c Config) Mistakes() (all []*pipeline.Mistake) {
	add := func(m *pipeline.Mistake) { all = append(all, m) }
	if len(c.Servers) == 0 {
		add(pipeline.Wrong("nats.servers is empty: name at least one, as nats://nats:4222").At("nats.servers"))
	}
	for i, server := range c.Servers {
		if address(server) == "" { // the text is not shown: it may hold a password
			add(pipeline.Wrong("address %d of nats.servers is not an address: write it as nats://nats:4222", i+1).At("nats.servers"))
		}
	}
	if strings.ContainsAny(c.Stream, " .*>/\\\t\r\n") {
		add(pipeline.Wrong("nats.stream is %s: want a name without spaces, dots, slashes, * and >", pipeline.Setting{Key: "nats.stream", Value: c.Stream}))
	}
	for name := range strings.SplitSeq(c.SubjectPrefix, ".") {
		if name == "" || token(name, "") != name {
			add(pipeline.Wrong("nats.subject_prefix is %s: want words of letters, digits, - and _, with a dot between them", pipeline.Setting{Key: "nats.subject_prefix", Value: c.SubjectPrefix}))
			break
		}
	}
	if c.Payload != Minimal && c.Payload != Full {
		add(pipeline.Wrong("nats.payload is %s: want minimal or full", pipeline.Setting{Key: "nats.payload", Value: string(c.Payload)}))
	}
	if c.MaxAge != 0 && c.MaxAge < duplicates {
		add(pipeline.Wrong("nats.max_age is %s: want at least %s, or 0 to keep alerts for ever", pipeline.Setting{Key: "nats.max_age", Value: c.MaxAge}, duplicates))
	}
	return all
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

// options are the client's options and the dialer among them, whose conn the
// caller sets.
func (c *Config) options() ([]nats.Option, *dialer, error) {
	opts := []nats.Option{
		nats.Name("tocsin"),
		nats.Timeout(5 * time.Second),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(500 * time.Millisecond),
		// Wait after a refused password: its rotation may reach the server or the
		// worker first.
		nats.IgnoreAuthErrorAbort(),
		// Detect a silent server within 20 s, not within the default 4 min.
		nats.PingInterval(10 * time.Second),
		nats.MaxPingsOutstanding(2),
		// The client buffers nothing: a publish without a connection fails at once,
		// and the loop tries it again.
		nats.ReconnectBufSize(-1),
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
