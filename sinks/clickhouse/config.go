package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Config is the address of ClickHouse and the settings of the connection.
type Config struct {
	// Addrs are host:port of the native protocol, tried in order for each
	// connection. Several lead to replicas of one table, or to one server.
	Addrs    []string
	Database string // empty: tocsin
	User     string
	Password string
	TLS      *tls.Config // nil: no TLS
	// Renew, if not nil, returns the login of each new connection, in place of
	// User, Password and TLS. So a login that is replaced on disk takes effect
	// without a restart.
	Renew func() (Login, error)
	// DialTimeout bounds connecting, and waiting for a free connection. While a
	// server accepts the connection and does not answer, a cancelled call returns
	// only after DialTimeout. 0: 5 s.
	DialTimeout time.Duration
	// InsertTimeout bounds one insert, here and on the server. 0: 15 s.
	InsertTimeout time.Duration
	// Remember is how long the table must remember a token, at up to 100 inserts
	// a second. Open refuses a table that does not, and any table that remembers
	// fewer than 10,000 inserts.
	Remember time.Duration
	// MaxConns bounds the connections, and so the concurrent inserts. 0: 16.
	MaxConns int
}

// Login is the user, password and TLS of a connection. A nil TLS is none.
type Login struct {
	User, Password string
	TLS            *tls.Config
}

const (
	defaultDatabase      = "tocsin"
	defaultDialTimeout   = 5 * time.Second
	defaultInsertTimeout = 15 * time.Second
	defaultMaxConns      = 16
)

func (c Config) withDefaults() Config {
	if c.Database == "" {
		c.Database = defaultDatabase
	}
	if c.DialTimeout == 0 {
		c.DialTimeout = defaultDialTimeout
	}
	if c.InsertTimeout == 0 {
		c.InsertTimeout = defaultInsertTimeout
	}
	if c.MaxConns == 0 {
		c.MaxConns = defaultMaxConns
	}
	return c
}

// connect makes the driver's pool, which dials when it is first used.
func (c Config) connect(database string) (driver.Conn, error) {
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr:         c.Addrs,
		Auth:         clickhouse.Auth{Database: database, Username: c.User, Password: c.Password},
		TLS:          c.TLS,
		DialTimeout:  c.DialTimeout,
		DialStrategy: c.dial,
		// LZ4: half a microsecond a row, against one for ZSTD.
		Compression:  &clickhouse.Compression{Method: clickhouse.CompressionLZ4},
		MaxOpenConns: c.MaxConns,
		MaxIdleConns: c.MaxConns,
		// Each connection would keep a send buffer of the largest column that it ever
		// sent, twice: a gigabyte in all after some batches of records of 1 MB.
		FreeBufOnConnRelease: true,
	})
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	return conn, nil
}

// errLogin is an error of Config.Renew.
var errLogin = errors.New("what the server is logged in to with cannot be read")

// dial connects to the first address that accepts.
func (c Config) dial(ctx context.Context, number int, o *clickhouse.Options, dial clickhouse.Dial) (clickhouse.DialResult, error) {
	if c.Renew == nil {
		return clickhouse.DefaultDialStrategy(ctx, number, o, dial)
	}
	now, err := c.Renew()
	if err != nil {
		return clickhouse.DialResult{}, fmt.Errorf("%w: %w", errLogin, err)
	}
	renewed := *o // the pool shares o
	renewed.Auth.Username, renewed.Auth.Password, renewed.TLS = now.User, now.Password, now.TLS
	return clickhouse.DefaultDialStrategy(ctx, number, &renewed, dial)
}
