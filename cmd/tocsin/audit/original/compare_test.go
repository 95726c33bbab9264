package original

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/sinks/clickhouse"
)

// TestUnlikeTimestamp: a row has the milliseconds that Kafka sent, and a record of
// the client has nanoseconds that wrap around before 1677 and after 2262.
func TestUnlikeTimestamp(t *testing.T) {
	for _, ms := range []int64{1_764_000_000_123, -1, 10_413_792_000_000, 1_764_000_000_000_000} {
		rec := &kgo.Record{Offset: 7, Value: []byte("x"), Timestamp: time.Unix(0, ms*1_000_000)}
		row := &clickhouse.Link{Offset: 7, Computed: sha256.Sum256(rec.Value), Said: clickhouse.Said(7, ms, "", nil, nil, false, false)}
		if part := unlike(row, rec); part != "" {
			t.Errorf("%d: another %s", ms, part)
		}
		row.Said = clickhouse.Said(7, ms+1, "", nil, nil, false, false)
		if part := unlike(row, rec); part != "timestamp, key or header" {
			t.Errorf("%d: a row a millisecond later differs in %q", ms, part)
		}
	}
}
