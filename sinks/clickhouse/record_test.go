package clickhouse

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// Whatever removes or refuses rows of a table of record keeps a worker from
// starting, with the statement that undoes it.
func TestTablesOfRecordKeepEveryRow(t *testing.T) {
	for _, f := range []struct{ name, statement, want string }{
		{"rows expire", "ALTER TABLE events MODIFY TTL toDateTime(happened_at) + INTERVAL 10 YEAR", "table events has a TTL"},
		{"a column expires", "ALTER TABLE events MODIFY COLUMN raw String TTL toDateTime(happened_at) + INTERVAL 10 YEAR", "table events has a TTL"},
		{"dispositions expire", "ALTER TABLE dispositions MODIFY TTL toDateTime(at) + INTERVAL 10 YEAR", "table dispositions has a TTL"},
		{"a constraint", "ALTER TABLE events ADD CONSTRAINT small CHECK length(raw) < 10", "table events has a constraint"},
	} {
		t.Run(f.name, func(t *testing.T) {
			c := migrated(t)
			conn := reader(t, c)
			execute(t, conn, f.statement)
			s, err := Open(t.Context(), c)
			if err == nil {
				_ = s.Close()
			}
			if err == nil || !strings.Contains(err.Error(), f.want) {
				t.Errorf("%v, want %q", err, f.want)
			}
		})
	}
}

// A mutation that is under way is seen, by its table, and no longer once it has ended.
func TestAMutationIsSeen(t *testing.T) {
	c := migrated(t)
	s, conn := opened(t, c), reader(t, c)
	if err := s.Store(t.Context(), newRandom(5).batch("t", 0, 10, 0.1)); err != nil {
		t.Fatal(err)
	}
	sees := func(when string, want ...string) {
		t.Helper()
		if is, err := Look(t.Context(), c, time.Now); err != nil || !slices.Equal(is.Mutating, want) {
			t.Errorf("%s: %q, %v; want %q", when, is.Mutating, err, want)
		}
	}
	sees("before")
	execute(t, conn, "SYSTEM STOP MERGES events")
	execute(t, conn, "ALTER TABLE events UPDATE header_text = 'other' WHERE 1 SETTINGS mutations_sync = 0")
	sees("under way", "events")
	execute(t, conn, "SYSTEM START MERGES events")
	execute(t, conn, "ALTER TABLE events UPDATE header_text = 'another' WHERE 1 SETTINGS mutations_sync = 1")
	sees("ended")
}
