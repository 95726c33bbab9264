package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"tocsin/cmd/tocsin/audit/original"
	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/sinks/clickhouse"
)

// kafkaTime bounds the comparison with Kafka's records unless --kafka-time is given.
const kafkaTime = 10 * time.Minute

// originals compares rows of a partition with the records that Kafka still holds. It
// ends at the time that is left for it, and the report then names the place.
func (a *audit) originals(ctx context.Context, part *partition, p clickhouse.Part, gaps *trail.Gaps, first, last int64, report trail.Report) error {
	if a.kafka == nil {
		return nil
	}
	held, ok := a.kafka.Log(p.Topic, p.TopicID, p.Partition)
	if !ok {
		return nil // the topic is gone
	}
	open := gaps.All
	if end := a.anchors[p]; end != nil && a.to.IsZero() && end.Offset > last+1 {
		// The commit claims these offsets, and no row is stored there.
		open = append(slices.Clone(open), trail.Span{First: last + 1, Last: end.Offset - 1})
		last = end.Offset - 1
	}
	spans := a.depth.Spans(held, open, first, last)
	if n := gaps.Count - int64(len(gaps.All)); n > 0 && a.depth != original.All {
		a.report.Notes = append(a.report.Notes, fmt.Sprintf("%s/%d has %d gaps that were not compared with Kafka: --kafka all compares every offset", p.Topic, p.Partition, n))
	}
	a.progress.Begin(fmt.Sprintf("%s/%d Kafka", p.Topic, p.Partition), "ranges", int64(len(spans)))
	bounded, cancel := context.WithDeadline(ctx, a.kafkaUntil)
	defer cancel()
	for _, s := range spans {
		n, err := a.kafka.Compare(bounded, a.db.Links(bounded, p, s.First, s.Last), p, s, report)
		part.Compared += n
		if errors.Is(bounded.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			a.report.Unexamined = append(a.report.Unexamined, fmt.Sprintf("%s/%d against Kafka from offset %d on (--kafka-time)", p.Topic, p.Partition, s.First))
			return nil
		}
		if errors.Is(err, kerr.TopicAuthorizationFailed) && a.depth == original.Gaps { // the default, for which no flag asked
			a.report.Unexamined = append(a.report.Unexamined, fmt.Sprintf("gaps of %s/%d against Kafka (grant READ on the topic)", p.Topic, p.Partition))
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w; --kafka none audits without Kafka's records", err)
		}
		a.progress.Done(1)
	}
	return nil
}
