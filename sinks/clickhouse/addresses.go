package clickhouse

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// checkAddresses refuses addresses that lead to different tables without
// replication. One table knows neither the rows nor the tokens of the other, so a
// batch that fails over would be stored twice, and a reader would find half of the
// rows. Every address must answer, because the worker may fail over to it later;
// until then the worker waits.
func (c Config) checkAddresses(ctx context.Context, conn driver.Conn) error {
	if len(c.Addrs) < 2 {
		return nil
	}
	var replicated bool
	err := conn.QueryRow(ctx, `SELECT engine != 'MergeTree' FROM system.tables WHERE database = $1 AND name = 'events'`, c.Database).Scan(&replicated)
	if err != nil || replicated {
		return classified(ctx, err)
	}
	tables := make([]string, len(c.Addrs))
	for i, addr := range c.Addrs {
		if tables[i], err = c.table(ctx, addr); err != nil {
			return fmt.Errorf("%w (address %s)", err, addr)
		}
		if tables[i] != tables[0] {
			return fmt.Errorf("clickhouse: %s and %s have different tables events, which are not replicated: a batch that fails over would be stored twice; "+
				"name one of them in clickhouse.addresses, or make the table on a cluster", c.Addrs[0], addr)
		}
	}
	return nil
}

// table is the identity of the table that an address leads to.
func (c Config) table(ctx context.Context, addr string) (id string, err error) {
	c.Addrs = []string{addr}
	conn, err := c.connect(c.Database)
	if err != nil {
		return "", err
	}
	err = classified(ctx, conn.QueryRow(ctx, `SELECT toString(uuid) FROM system.tables WHERE database = $1 AND name = 'events'`, c.Database).Scan(&id))
	return id, errors.Join(err, conn.Close())
}
