package clickhouse

import (
	"fmt"
	"testing"
	"time"
)

// TestTheAuditReadsLargeRows reads 550 rows of 1 MB, more than the memory of its
// queries holds at once.
func TestTheAuditReadsLargeRows(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	const rows, each = 550, 1_000_000
	for first := 0; first < rows; first += 50 {
		execute(t, conn, fmt.Sprintf(`INSERT INTO events (cluster, topic, partition, offset, kafka_millis, happened_at, batch_first, batch_last, batch_rows, batch_at, raw, raw_sha256)
			SELECT 'main', 't', 0, %d + number, toUnixTimestamp64Milli(toDateTime64('2026-01-05 00:00:00', 3, 'UTC')), toDateTime64('2026-01-05 00:00:00', 6, 'UTC'), %[1]d, %[1]d + 49, 50,
				toDateTime64('2026-01-05 00:00:00', 3, 'UTC'), concat(toString(number), repeat('x', %d), repeat('y', 50000)) AS text, SHA256(text) FROM numbers(50)`, first, each))
	}
	execute(t, conn, "OPTIMIZE TABLE events FINAL")
	part := Part{Cluster: "main", Topic: "t"}
	n := 0
	for l, err := range s.Links(t.Context(), part, 0, rows) {
		if err != nil {
			t.Fatalf("after %d links: %v", n, err)
		}
		if l.Stored != l.Computed {
			t.Fatalf("offset %d differs", l.Offset)
		}
		n++
	}
	judged := 0
	for _, err := range s.Judged(t.Context(), part, 0, rows) {
		if err != nil {
			t.Fatalf("after %d rows: %v", judged, err)
		}
		judged++
	}
	extents, err := s.Extents(t.Context(), "main", "", time.Time{}, time.Time{})
	if n != rows || judged != rows || err != nil || len(extents) != 1 {
		t.Errorf("%d links, %d rows, %v %v", n, judged, extents, err)
	}
	for _, err := range s.Headers(t.Context(), part, 0, rows) {
		if err != nil {
			t.Fatal(err)
		}
	}
}
