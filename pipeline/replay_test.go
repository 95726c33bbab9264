package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"tocsin/rules/event"
)

// send produces values to a partition.
func (b *bench) send(partition int32, values ...[]byte) {
	b.t.Helper()
	client := b.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer client.Close()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: v})
	}
	if err := client.ProduceSync(b.t.Context(), records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// plain is n events that no rule finds.
func plain(n int) (values [][]byte) {
	for range n {
		values = append(values, value(1))
	}
	return values
}

// whole wants each of the first n offsets of a partition stored once.
func (b *bench) whole(partition int32, n int64) {
	b.t.Helper()
	b.sink.mu.Lock()
	defer b.sink.mu.Unlock()
	times := make(map[int64]int)
	for _, batch := range b.sink.batches {
		if batch.Partition != partition {
			continue
		}
		for _, row := range batch.Rows {
			times[row.Offset]++
		}
	}
	for o := range n {
		if times[o] != 1 {
			b.t.Errorf("offset %d of partition %d is stored %d times, want once", o, partition, times[o])
		}
	}
	b.sink.checkChain(b.t)
}

// promise leaves what a worker leaves that ends between intent and store.
func (b *bench) promise() {
	b.t.Helper()
	b.sink.set(func() { b.sink.storeErr = func() error { return errAway } })
	w := b.start()
	time.Sleep(time.Minute)
	b.end(w)
	b.sink.set(func() { b.sink.storeErr = nothing })
}

// Records that come while a replay's cycle lingers are fetched beyond the
// promised range, poll after poll, and belong to the next batch, all of them.
func TestRecordsThatComeDuringAReplayAreNotPassedOver(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(5)...)
		b.promise()
		w := b.start(func(c *Config) { c.Linger = 30 * time.Second })
		for range 4 {
			time.Sleep(5 * time.Second)
			b.send(0, plain(3)...)
		}
		time.Sleep(5 * time.Minute)
		b.end(w)
		b.whole(0, 17)
		if first := b.sink.batches[0]; first.First != 0 || first.Last != 4 {
			t.Errorf("the replay is %d-%d, want 0-4", first.First, first.Last)
		}
	})
}

// A replay keeps its name, and so its token, when compaction has taken the
// last record of its range.
func TestAReplayKeepsItsTokenWhenItsLastRecordIsGone(t *testing.T) {
	engine := newMemory().Current()
	p := &partition{topicPartition: topicPartition{topic, 0}, pending: &intent{Last: 4, Digest: engine.Digest()}}
	p.open = &openBatch{Batch: Batch{Cluster: "test", Topic: topic}, rules: engine, overrun: -1}
	var records []*kgo.Record
	for _, o := range []int64{0, 1, 3, 7, 8} {
		records = append(records, &kgo.Record{Topic: topic, Offset: o, Value: value(1)})
	}
	p.slab.events = new(spare).lend(nil, len(records))
	p.judge(records, &Config{Limits: event.Limits{}}, new(atomic.Int64))
	if got, want := p.open.Token(), "test/"+topic+"/0/0-4"; got != want || len(p.open.Rows) != 3 || p.open.overrun != 7 {
		t.Errorf("token %s with %d rows, the rest from %d; want %s with 3, the rest from 7", got, len(p.open.Rows), p.open.overrun, want)
	}
	p.settle()
	if p.next != 5 {
		t.Errorf("the next offset is %d, want 5", p.next)
	}
}

// commitMark sets a group's offset while the group is empty.
func (b *bench) commitMark(partition int32, at int64, m mark) {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	offsets := make(kadm.Offsets)
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1, Metadata: m.metadata()})
	if err := kadm.NewClient(client).CommitAllOffsets(b.t.Context(), "tocsin", offsets); err != nil {
		b.t.Fatal(err)
	}
}

// A replay whose records do not come holds up neither the other partitions nor
// the worker's life, and is not stored in part.
func TestAReplayThatCannotBeCompletedHoldsUpNothingElse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.send(0, plain(5)...)
		b.commitMark(0, 0, mark{Intent: &intent{Last: 9, Digest: b.sink.Current().Digest()}})
		w := b.start()
		time.Sleep(time.Minute)
		b.send(1, plain(5)...)
		time.Sleep(time.Minute)
		b.whole(1, 5)
		if n := b.sink.stored(); n != 5 {
			t.Errorf("%d records stored, want the 5 of partition 1 alone", n)
		}
		if s := w.health.Status(time.Now(), time.Minute); !s.Live {
			t.Error("the worker is not live")
		}
		b.send(0, plain(7)...) // the range becomes whole
		time.Sleep(time.Minute)
		b.end(w)
		b.whole(0, 12)
		if s := b.sink.tokens["test/"+topic+"/0/0-9"]; s != 1 {
			t.Errorf("the promised range is stored %d times under its token, want once", s)
		}
	})
}

// While a replay is awaited the other partitions' records stay in Kafka: the
// cycle stays within its bound. Afterwards they are fetched as before.
func TestAReplayThatIsAwaitedDoesNotGrowTheCycle(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.send(0, plain(5)...)
		b.send(1, plain(5)...)
		b.commitMark(0, 0, mark{Intent: &intent{Last: 9, Digest: b.sink.Current().Digest()}})
		w := b.start(func(c *Config) { c.MaxRecords = 50 })
		time.Sleep(time.Second) // the replay is awaited
		for range 8 {
			b.send(1, plain(50)...)
		}
		time.Sleep(time.Second)
		b.send(0, plain(5)...)
		time.Sleep(time.Minute)
		b.end(w)
		b.whole(0, 10)
		b.whole(1, 405)
		for _, batch := range b.sink.batches {
			if len(batch.Rows) > 55 {
				t.Errorf("a batch of %d rows, want at most 55", len(batch.Rows))
			}
		}
	})
}

func TestAPromisedRangeWhoseBeginIsGoneStopsTheWorker(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(10)...)
		b.commitMark(0, 2, mark{Intent: &intent{Last: 9, Digest: b.sink.Current().Digest()}})
		client := b.client()
		defer client.Close()
		offsets := make(kadm.Offsets)
		offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 4})
		if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		w := b.start()
		select {
		case err := <-w.done:
			if err == nil {
				t.Error("the worker ended without an error")
			}
			t.Log(err)
		case <-time.After(10 * time.Minute):
			t.Error("the worker passes over records that are gone")
			w.stop()
		}
		if n := b.sink.stored(); n != 0 {
			t.Errorf("%d records were stored", n)
		}
	})
}

// Cancelled is not always what the loop itself has cancelled.
func TestAnErrorThatWrapsCanceledStopsTheWorker(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.sink.storeErr = func() error { return fmt.Errorf("the sink is closed: %w", context.Canceled) }
		b.send(0, plain(5)...)
		w := b.start()
		select {
		case err := <-w.done:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the worker ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the worker goes on")
			w.stop()
		}
	})
}

// A promise is only good for the record it begins with.
func TestABatchThatBeginsElsewhereThanPromisedIsRefused(t *testing.T) {
	memory := newMemory()
	s := &session{rules: memory.Current(), Worker: &Worker{library: memory}}
	p := &partition{topicPartition: topicPartition{topic, 0}, pending: &intent{Last: 9, Digest: memory.Current().Digest()}, next: 2}
	var stopped *stopError
	for _, offset := range []int64{1, 3} {
		if err := s.open(t.Context(), p, &kgo.Record{Offset: offset}); !errors.As(err, &stopped) {
			t.Errorf("a replay from %d of a promise from 2: %v", offset, err)
		}
	}
	if err := s.open(t.Context(), p, &kgo.Record{Offset: 2}); err != nil {
		t.Error(err)
	}
}
