package pipeline

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Batches that fit one by one and not together are all judged, in whatever
// partitions they wait.
func TestBatchesThatDoNotFitTogetherAreFetchedAgain(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const partitions, each, n = 8, 60, 2
		b := newBench(t, partitions)
		for p := range int32(partitions) {
			for range n {
				b.batch(p, wides(each)...) // 240 KiB
			}
		}
		fetches := b.requests(kmsg.Fetch)
		w := b.start(func(c *Config) { c.MaxUnpacked, c.MaxBytes = 400<<10, 128<<10 })
		b.settled(partitions*each*n, 10*time.Minute)
		b.end(w)
		for p := range int32(partitions) {
			b.whole(p, each*n)
		}
		refused := total(w.metrics.noRoom)
		t.Logf("%v times no room, %d fetches", refused, fetches.Load())
		if refused == 0 {
			t.Error("every batch found room at once")
		}
	})
}

// A batch that takes nearly all of the room gets it although the other partitions
// never rest.
func TestALargeBatchGetsRoomBesideBusyPartitions(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		var produced atomic.Int64
		client := b.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
		defer client.Close()
		busy := func() {
			for p := range int32(3) {
				for range 20 {
					client.Produce(context.WithoutCancel(t.Context()), b.records(p, wides(1))[0], func(_ *kgo.Record, err error) {
						if err != nil {
							t.Error(err)
						}
					})
					produced.Add(1)
				}
			}
		}
		busy()
		w := b.start(func(c *Config) { c.MaxUnpacked, c.MaxBytes, c.MaxRecords = 400<<10, 64<<10, 20 })
		b.batch(3, wides(90)...) // 360 KiB
		for deadline := time.Now().Add(time.Minute); len(b.rows(3)) < 90; time.Sleep(200 * time.Millisecond) {
			if busy(); time.Now().After(deadline) {
				t.Fatalf("%d rows of the large batch, %v times no room", len(b.rows(3)), total(w.metrics.noRoom))
			}
		}
		b.settled(90+int(produced.Load()), time.Hour)
		b.end(w)
		b.dead(3, 0, -1, "")
	})
}
