package deadletters

import (
	"context"
	"fmt"

	"tocsin/sinks/clickhouse"
)

// list prints the dead letters that the filter selects. Without --all, these are the
// ones that await action. A dead letter whose replay is only noted is listed,
// because that replay may never have been produced. A dead letter whose replay
// failed is not listed, because the replay's own row is.
func (l *letters) list(ctx context.Context, sink *clickhouse.Sink) error {
	if !l.all {
		l.filter.Statuses = []clickhouse.Status{clickhouse.StatusOpen, clickhouse.StatusPending}
	}
	limit := l.filter.Limit
	if limit > 0 {
		l.filter.Limit++ // one more, to know that there are more
	}
	found, err := sink.DeadLetters(ctx, l.cluster, l.filter)
	if err != nil {
		return err
	}
	if limit > 0 && len(found) > limit {
		found = found[:limit]
		defer fmt.Fprintf(l.stderr, "tocsin deadletters: more than %d dead letters match; --limit 0 lists all\n", limit)
	}
	switch {
	case l.asJSON:
		return l.printLines(found)
	case len(found) == 0:
		_, err := fmt.Fprintf(l.stderr, "tocsin deadletters: no dead letters match in cluster %s\n", l.cluster)
		return err
	}
	return l.printTable(l.stdout, found)
}
