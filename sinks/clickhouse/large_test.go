package clickhouse

import (
	"fmt"
	"testing"
	"time"
)

// TestTheAuditReadsLargeRows reads 550 rows of 1 MB, more than the memory of its
// queries holds at once, behind small rows of the same part: the server foresees the
// size of a row from the rows before it.
func TestTheAuditReadsLargeRows(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	const small, large, each = 30_000, 550, 1_000_000
	insert := func(first, n int, text string) {
		execute(t, conn, fmt.Sprintf(`INSERT INTO events (cluster, topic, partition, offset, kafka_millis, happened_at, batch_first, batch_last, batch_rows, batch_at, header_text, raw, raw_sha256)
			SELECT 'main', 't', 0, %d + number AS at, toUnixTimestamp64Milli(toDateTime64('2026-01-05 00:00:00', 3, 'UTC')), toDateTime64('2026-01-05 00:00:00', 6, 'UTC') + at, %[1]d, %[1]d + %d - 1, %[2]d,
				toDateTime64('2026-01-05 00:00:00', 3, 'UTC'), %[3]s AS text, text, SHA256(text) FROM numbers(%[2]d)`, first, n, text))
	}
	insert(0, small, "toString(number)")
	rows := small
	for ; rows < small+large; rows += 50 {
		insert(rows, 50, fmt.Sprintf("concat(toString(number), repeat('x', %d), repeat('y', 50000))", each))
	}
	execute(t, conn, "OPTIMIZE TABLE events FINAL")
	part := Part{Cluster: "main", Topic: "t"}
	n := 0
	for l, err := range s.Links(t.Context(), part, 0, int64(rows)) {
		if err != nil {
			t.Fatalf("after %d links: %v", n, err)
		}
		if l.Stored != l.Computed {
			t.Fatalf("offset %d differs", l.Offset)
		}
		n++
	}
	judged := 0
	for _, err := range s.Judged(t.Context(), part, 0, int64(rows)) {
		if err != nil {
			t.Fatalf("after %d rows: %v", judged, err)
		}
		judged++
	}
	extents, err := s.Extents(t.Context(), "main", "", time.Time{}, time.Time{})
	if n != rows || judged != rows || err != nil || len(extents) != 1 {
		t.Errorf("%d links, %d rows, %v %v", n, judged, extents, err)
	}
	for _, err := range s.Headers(t.Context(), part, 0, int64(rows)) {
		if err != nil {
			t.Fatal(err)
		}
	}
}
