package pipeline

import (
	"sort"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type (
	kmsgRequest  = kmsg.Request
	kmsgResponse = kmsg.Response
)

// checkChain recomputes every partition's chain from the stored rows.
func (m *memory) checkChain(t *testing.T) {
	t.Helper()
	sort.Slice(m.batches, func(i, j int) bool { return m.batches[i].First < m.batches[j].First })
	heads := make(map[topicPartition]Hash)
	for _, b := range m.batches {
		tp := topicPartition{b.Topic, b.Partition}
		for _, row := range b.Rows {
			if heads[tp], _ = link(heads[tp], &row, nil); heads[tp] != row.Chain {
				t.Fatalf("%s: the chain breaks at offset %d", tp, row.Offset)
			}
		}
	}
}
