package pipeline

import (
	"math"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules"
	"tocsin/rules/event"
)

// Restore returns the batch that a worker would have stored of consecutive records of
// a log: judged under engine and limits, with the chain that follows head. The batch
// is marked as repaired.
func Restore(log Log, head Hash, engine *rules.Engine, limits event.Limits, records []*kgo.Record) *Batch {
	b := &batch{
		Batch: Batch{Cluster: log.Cluster, Topic: log.Topic, TopicID: log.ID, Partition: log.Partition, Digest: engine.Digest(), Calendar: engine.CalendarVersion(),
			MaxBytes: limits.MaxBytes, Repaired: true},
		rules: engine, limits: limits, head: head, complete: true, slab: &slab{},
	}
	p := &partition{topicPartition: topicPartition{log.Topic, log.Partition}, id: log.ID, hand: []*batch{b}}
	b.slab.events = new(spare).lend(nil, len(records))
	var room atomic.Int64
	room.Store(math.MaxInt64) // the caller bounds the records
	p.fill(b, records, &Config{MaxRecords: math.MaxInt, MaxBytes: math.MaxInt}, &room)
	return &b.Batch
}
