package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// recordIn returns the offset of the first record of a partition from offset first
// up to end, which is excluded. It finds none where the offsets belong to markers of
// transactions, to records of aborted ones, or to records that compaction or
// retention has removed. The loop never passed these offsets to the store.
func (s *session) recordIn(ctx context.Context, tp topicPartition, first, end int64) (at int64, found bool, err error) {
	starts, err := kadm.NewClient(s.client).ListStartOffsets(ctx, tp.topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return 0, false, fmt.Errorf("read the first offset of %s/%d: %w", tp.topic, tp.partition, err)
	}
	start, _ := starts.Lookup(tp.topic, tp.partition)
	for at = max(first, start.Offset); at < end; {
		b, next, err := s.batchAt(ctx, tp, at)
		if err != nil {
			return 0, false, fmt.Errorf("read %s/%d from offset %d: %w", tp.topic, tp.partition, first, err)
		}
		if b == nil || next >= end {
			break
		}
		if at, found, err = s.firstIn(b, next, end); found || err != nil {
			return at, found, err
		}
		at = b.last() + 1
	}
	return 0, false, nil
}

// firstIn returns the offset of the first record of a batch from offset first up to
// end, which is excluded. Only a compaction leaves gaps in a batch. The batch is
// unpacked if it has any; one that cannot be unpacked counts as having none.
func (s *session) firstIn(b *rawBatch, first, end int64) (at int64, found bool, err error) {
	if b.NumRecords == b.LastOffsetDelta+1 {
		return first, true, nil
	}
	fetched, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{Offset: first}, &kmsg.FetchResponseTopicPartition{RecordBatches: b.bytes}, s.unpacker, nil)
	var refused unpackable
	switch {
	case errors.As(fetched.Err, &refused):
		return first, true, nil
	case fetched.Err != nil:
		return 0, false, fetched.Err
	case len(fetched.Records) == 0 || fetched.Records[0].Offset >= end:
		return 0, false, nil
	}
	return fetched.Records[0].Offset, true, nil
}
