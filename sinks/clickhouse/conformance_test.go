package clickhouse

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/sinks/sinktest"
)

// TestConformance holds the sink to what every store must do.
func TestConformance(t *testing.T) {
	c := migrated(t)
	conn := reader(t, c)
	sinktest.Store(t, func(t *testing.T) (pipeline.Store, sinktest.ReadRows) {
		return opened(t, c), func(ctx context.Context, topic string, partition int32) ([]sinktest.Row, error) {
			return readRows(ctx, conn, topic, partition)
		}
	})
}

// TestConformanceAfterLoss: a database for each test, because a loss takes every
// part.
func TestConformanceAfterLoss(t *testing.T) {
	sinktest.Lost(t, func(t *testing.T) (pipeline.Store, sinktest.ReadRows, func(*pipeline.Batch)) {
		c := migrated(t)
		conn := reader(t, c)
		read := func(ctx context.Context, topic string, partition int32) ([]sinktest.Row, error) {
			return readRows(ctx, conn, topic, partition)
		}
		return opened(t, c), read, func(*pipeline.Batch) { lose(t, conn, "events") }
	})
}

const rowsOfPartition = "SELECT offset, tombstone, raw, raw_sha256, failure_stage = 'unpack', chain, if(failure_code = '', event_type, ''), failure_code, " +
	"findings.rule, findings.severity, findings.candidate_id, findings.key, findings.reason, verdicts.rule, verdicts.revision, verdicts.outcome " +
	"FROM events WHERE topic = ? AND partition = ? ORDER BY offset"

func readRows(ctx context.Context, conn driver.Conn, topic string, partition int32) (all []sinktest.Row, err error) {
	found, err := conn.Query(ctx, rowsOfPartition, topic, partition)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		var row sinktest.Row
		var raw, hash, chain string
		var packed bool
		var rule, severity, candidate, key, reason, judged, outcome []string
		var revision []uint32
		if err := found.Scan(&row.Offset, &row.Tombstone, &raw, &hash, &packed, &chain, &row.Type, &row.Failure,
			&rule, &severity, &candidate, &key, &reason, &judged, &revision, &outcome); err != nil {
			return nil, err
		}
		if row.RawHash = sha256.Sum256([]byte(raw)); packed {
			copy(row.RawHash[:], hash)
		}
		if copy(row.Chain[:], chain) != len(row.Chain) {
			return nil, fmt.Errorf("a chain of %d bytes", len(chain))
		}
		// The findings are those of the verdicts that are not no_match, in order.
		i := 0
		for at := range judged {
			o := rules.Outcome(slices.IndexFunc(outcomes, func(o rules.Outcome) bool { return o.String() == outcome[at] }))
			if o == rules.NoMatch {
				continue
			}
			if i == len(rule) || rule[i] != judged[at] {
				return nil, fmt.Errorf("offset %d: findings %q do not follow verdicts %q", row.Offset, rule, judged)
			}
			row.Verdicts = append(row.Verdicts, sinktest.Verdict{Rule: rule[i], Revision: int(revision[at]), Outcome: o,
				Severity:  rules.Severity(slices.IndexFunc(severities, func(s rules.Severity) bool { return s.String() == severity[i] }) + 1),
				Candidate: candidate[i], Key: key[i], Reason: reason[i]})
			i++
		}
		all = append(all, row)
	}
	return all, found.Err()
}

var (
	outcomes   = []rules.Outcome{rules.NoMatch, rules.Match, rules.Indeterminate, rules.Error}
	severities = []rules.Severity{rules.S1, rules.S2, rules.S3, rules.S4}
)
