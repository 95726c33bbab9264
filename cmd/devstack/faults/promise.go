package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// promise is what a mark of the group promises: the records of a range, judged under a
// digest.
type promise struct {
	partition
	first, last int64
	digest      string
}

// covers reports whether an alert is of the promise.
func (p promise) covers(m message) bool {
	return p.partition == m.at.partition && p.first <= m.at.offset && m.at.offset <= p.last && p.digest == m.digest
}

// readPromises reads the promises of the group's marks.
func readPromises(ctx context.Context, adm *kadm.Client) (all []promise, err error) {
	committed, err := adm.FetchOffsets(ctx, groupName)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the group's promises: %w", err)
	}
	committed.Each(func(o kadm.OffsetResponse) {
		var mark struct {
			Topic    string
			Promises []struct {
				First, Last int64
				Rules       string
			}
		}
		if o.Err != nil || json.Unmarshal([]byte(o.Metadata), &mark) != nil {
			return
		}
		for _, p := range mark.Promises {
			all = append(all, promise{partition{o.Topic, mark.Topic, o.Partition}, p.First, p.Last, p.Rules})
		}
	})
	return all, nil
}
