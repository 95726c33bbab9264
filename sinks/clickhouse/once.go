package clickhouse

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// ClickHouse writes an insert's token to its deduplication log and then renames
// the part. A kill between the two, or a rename that finds the disk full, leaves the
// token without rows. From then on ClickHouse acknowledges the same insert and drops
// it. So the sink trusts an acknowledgement only if its receipt proves that this
// insert stored its block. After any other acknowledgement it looks for the rows.

// receipt is what the server counted for an insert. It sends the counters before
// the acknowledgement, over the same connection.
type receipt struct {
	parts   int64 // that the insert added
	repeats int64 // blocks that it dropped because it knew their token
}

// proves reports whether the insert has stored its block. A server that sends no
// counters proves nothing.
func (r *receipt) proves() bool { return r.parts > 0 && r.repeats == 0 }

func (r *receipt) count(events []clickhouse.ProfileEvent) {
	for _, e := range events {
		switch e.Name {
		case "InsertedCompactParts", "InsertedWideParts":
			r.parts += e.Value
		case "DuplicatedInsertedBlocks":
			r.repeats += e.Value
		}
	}
}

// under returns the context of an insert under a token. The server ends the insert
// after bound.
func under(ctx context.Context, token string, bound time.Duration, r *receipt) context.Context {
	return clickhouse.Context(untimed{ctx}, clickhouse.WithProfileEvents(r.count), clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplicate":         1,
		"insert_deduplication_token": token,
		// Since ClickHouse 26.3 asynchronous inserts are the default. Other
		// rules acknowledge and deduplicate them.
		"async_insert":       0,
		"max_execution_time": seconds(bound),
	}))
}

// seconds returns a time in the unit of max_execution_time.
func seconds(d time.Duration) int { return max(1, int(math.Ceil(d.Seconds()))) }

// untimed hides a context's deadline from the driver, which would turn it into a
// max_execution_time five seconds longer. The deadline still ends the context.
type untimed struct{ context.Context }

// Deadline implements context.Context.
func (untimed) Deadline() (time.Time, bool) { return time.Time{}, false }

// margin is how much longer than max_execution_time once waits for an insert to end.
const margin = time.Second

// once runs an insert under a token until its rows are there, however many
// callers do the same. It inserts lost rows under the next token, token/2, after
// every insert under this one has ended. An insert that had begun when the server
// acknowledged the repeat ends within bound. The server drops an insert that begins
// later, because the tables that use once remember a token for at least a thousand
// inserts.
func once(ctx context.Context, token string, bound time.Duration, insert func(context.Context) error, there func(context.Context) (bool, error)) error {
	name := token
	for number := 2; ; number++ {
		var r receipt
		if err := insert(under(ctx, name, bound, &r)); err != nil || r.proves() {
			return classified(ctx, err)
		}
		if held, err := there(ctx); held || err != nil {
			return classified(ctx, err)
		}
		select {
		case <-ctx.Done():
			return classified(ctx, ctx.Err())
		case <-time.After(time.Duration(seconds(bound))*time.Second + margin):
		}
		if held, err := there(ctx); held || err != nil {
			return classified(ctx, err)
		}
		name = fmt.Sprintf("%s/%d", token, number)
	}
}
