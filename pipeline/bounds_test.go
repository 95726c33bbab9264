package pipeline

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/rules/event"
)

// wide is a contract event with a text of that many bytes.
func wide(bytes int) []byte {
	return fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"test","type":"ledger.contract.executed","data":{"header_text":"%s","contract":{"contract_id":"C-1"}}}`,
		strings.Repeat("x", bytes))
}

// A cycle ends at max_bytes, whatever max_records allows and however much
// one poll returned: the first poll does not know the size of the records.
func TestACycleIsBoundedInBytes(t *testing.T) {
	for _, c := range []struct {
		name         string
		partitions   int
		small, large int // records of each partition, small ones first
	}{
		{"large records", 1, 0, 400},
		{"large after small ones", 1, 3000, 200},
		{"two partitions", 2, 0, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				const bytes, most = 50_000, 512 << 10
				b := newBench(t, int32(c.partitions))
				var values [][]byte
				for range c.small {
					values = append(values, value(1))
				}
				for range c.large {
					values = append(values, wide(bytes))
				}
				for p := range c.partitions {
					b.send(int32(p), values...)
				}
				fetches, commits := b.requests(kmsg.Fetch), b.requests(kmsg.OffsetCommit)
				w := b.start(func(c *Config) { c.MaxRecords, c.MaxBytes = 5000, most })
				n := c.partitions * len(values)
				b.settled(n, 5*time.Minute)
				b.end(w)
				for p := range c.partitions {
					b.whole(int32(p), int64(len(values)))
				}
				largest := 0
				for _, batch := range b.sink.batches {
					size := 0
					for _, row := range batch.Rows {
						size += len(row.Raw)
					}
					largest = max(largest, size)
				}
				cycles := int(commits.Load())
				t.Logf("%d records in %d batches and at most %d cycles, by %d fetches; the largest batch has %d bytes of records", n, len(b.sink.batches), cycles, fetches.Load(), largest)
				if bound := most + 2*bytes*runtime.GOMAXPROCS(0); largest > bound {
					t.Errorf("a batch of %d bytes, want at most %d", largest, bound)
				}
				if least := 4; n < least*len(b.sink.batches) {
					t.Errorf("%d records in %d batches, want %d in each on average", n, len(b.sink.batches), least)
				}
				if int(fetches.Load()) > cycles/2 {
					t.Errorf("%d fetches in %d cycles: what was fetched is thrown away and fetched again", fetches.Load(), cycles)
				}
			})
		})
	}
}

// The bound holds for all partitions together, however many there are: the first
// record of a partition finds no more room than any other.
func TestManyPartitionsShareTheRoomOfACycle(t *testing.T) {
	const partitions, bytes, most = 40, 50_000, 512 << 10
	engine := newMemory().Current()
	var room atomic.Int64
	room.Store(most)
	taken, left := 0, 0
	for i := range int32(partitions) {
		b := &batch{rules: engine, complete: true, slab: &slab{events: new(spare).lend(nil, 1)}}
		p := &partition{topicPartition: topicPartition{topic, i}, hand: []*batch{b}}
		all := p.fill(b, []*kgo.Record{{Topic: topic, Partition: i, Offset: 7, Value: wide(bytes)}}, &Config{MaxRecords: 10, MaxBytes: most}, &room)
		taken += len(b.Rows)
		if !all && len(b.Rows) == 0 {
			left++
		}
	}
	if taken*bytes > most+bytes || taken == 0 || left != partitions-taken {
		t.Errorf("%d records of %d bytes are taken and %d left, want at most %d bytes", taken, bytes, left, most)
	}
	virtual(t, func(t *testing.T) {
		b := newBench(t, partitions)
		for p := range int32(partitions) {
			b.send(p, wide(bytes), wide(bytes))
		}
		w := b.start(func(c *Config) { c.MaxBytes = most })
		b.settled(2*partitions, 5*time.Minute)
		b.end(w)
		for p := range int32(partitions) {
			b.whole(p, 2)
		}
	})
}

// The spare events take at most max_bytes, however many partitions were
// once busy and wherever in a cycle the longest events came.
func TestSpareEventsAreBounded(t *testing.T) {
	long := fmt.Appendf(nil, `{"specversion":"1.0","id":"1","source":"s","type":"ledger.journal_entry.posted","data":{"lines":[%s{}]}}`, strings.Repeat("{},", 999))
	short := value(1)
	d, s := event.NewDecoder(event.Limits{}), &spare{}
	const most, records = 4 << 20, 200
	for cycle := range records {
		events := s.lend(nil, records)
		for i, e := range events {
			value := short
			if i == cycle {
				value = long
			}
			if failure := d.Decode(e, value, nil); failure != nil {
				t.Fatal(failure)
			}
		}
		s.take(&slab{events: events}, most)
		kept := 0
		for _, k := range s.events {
			kept += k.bytes
		}
		if kept != s.bytes || kept > most {
			t.Fatalf("%d bytes are kept in cycle %d and counted as %d, want at most %d", kept, cycle, s.bytes, most)
		}
	}
	if len(s.events) < records/2 {
		t.Errorf("%d events are kept, want most of the %d that a cycle takes", len(s.events), records)
	}
	if n := len(s.lend(nil, 2*records)); n != 2*records || s.bytes != 0 {
		t.Errorf("%d events are lent and %d bytes left", n, s.bytes)
	}
}

// counted is a slow store that counts the batches it is given at once.
type counted struct {
	*memory
	now, most atomic.Int64
}

func (s *counted) Store(ctx context.Context, b *Batch) error {
	n := s.now.Add(1)
	defer s.now.Add(-1)
	for m := s.most.Load(); n > m && !s.most.CompareAndSwap(m, n); m = s.most.Load() {
	}
	time.Sleep(3 * time.Second)
	return s.memory.Store(ctx, b)
}

// A store gets no more batches at once than are configured, however many partitions
// there are.
func TestStoresAtOnceAreBounded(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const stores = 3
		b := newBench(t, 50)
		store := &counted{memory: b.sink}
		b.produce(0, 2000)
		w := b.startOn(store, func(c *Config) { c.MaxRecords, c.Stores = 2000, stores })
		b.settled(2000, 5*time.Minute)
		b.end(w)
		b.exact(2000)
		if most := store.most.Load(); most != stores {
			t.Errorf("%d batches of 50 partitions were stored at once, want %d", most, stores)
		}
	})
}
