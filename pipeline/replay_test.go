package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
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

// plain is n events that match no rule.
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

// promise leaves the state that a worker leaves when it ends between intent and
// store.
func (b *bench) promise() {
	b.t.Helper()
	b.sink.set(func() { b.sink.storeErr = func() error { return errAway } })
	w := b.start()
	time.Sleep(time.Minute)
	b.end(w)
	b.sink.set(func() { b.sink.storeErr = nothing })
}

// Records that come while a replay's cycle lingers are fetched beyond the
// promised range, poll after poll. All of them belong to the next batch.
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

// A replay keeps its range, and so its token, when compaction has removed the
// last record of the range.
func TestAReplayKeepsItsTokenWhenItsLastRecordIsGone(t *testing.T) {
	engine := newMemory().Current()
	made := &batch{Batch: Batch{Cluster: "test", Topic: topic}, rules: engine, replay: true, slab: &slab{}}
	p := &partition{topicPartition: topicPartition{topic, 0}, promised: []intent{{Last: 4, Digest: engine.Digest()}}, hand: []*batch{made}}
	var records []*kgo.Record
	for _, o := range []int64{0, 1, 3, 7, 8} {
		records = append(records, &kgo.Record{Topic: topic, Offset: o, Value: value(1)})
	}
	made.slab.events = new(spare).lend(nil, len(records))
	all := p.fill(made, records, &Config{}, new(atomic.Int64))
	if got, want := made.Token(), "test/"+topic+"/0/0-4"; got != want || len(made.Rows) != 3 || all || p.wanted() != 5 {
		t.Errorf("token %s with %d rows, all taken: %t, the rest from %d; want %s with 3, the rest from 5", got, len(made.Rows), all, p.wanted(), want)
	}
	p.settle()
	if p.next != 5 {
		t.Errorf("the next offset is %d, want 5", p.next)
	}
}

// commitMark sets a group's offset while the group is empty. A mark without topic
// or head is one of the topic that there is now, before its first record.
func (b *bench) commitMark(partition int32, at int64, m mark) {
	b.t.Helper()
	if m.Topic == (TopicID{}) {
		m.Topic = b.logID()
	}
	if m.Head == (Hash{}) {
		m.Head = Seed(m.Topic, partition)
	}
	client := b.client()
	defer client.Close()
	offsets := make(kadm.Offsets)
	offsets.Add(kadm.Offset{Topic: topic, Partition: partition, At: at, LeaderEpoch: -1, Metadata: m.metadata()})
	if err := kadm.NewClient(client).CommitAllOffsets(b.t.Context(), "tocsin", offsets); err != nil {
		b.t.Fatal(err)
	}
}

// A replay whose records do not arrive is not stored in part. It holds up
// neither the other partitions nor the loop.
func TestAReplayThatCannotBeCompletedHoldsUpNothingElse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.send(0, plain(5)...)
		b.commitMark(0, 0, mark{Promises: []intent{{First: 0, Last: 9, Digest: b.sink.Current().Digest()}}})
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
		if s := b.sink.tokens["test/"+topic+"/"+b.logID().String()+"/0/0-9"]; s != 1 {
			t.Errorf("the promised range is stored %d times under its token, want once", s)
		}
	})
}

// While a replay lacks records, the records of the other partitions stay in
// Kafka, so the cycle stays within its bound. Afterwards they are fetched as
// before.
func TestAReplayThatIsAwaitedDoesNotGrowTheCycle(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		b.send(0, plain(5)...)
		b.send(1, plain(5)...)
		b.commitMark(0, 0, mark{Promises: []intent{{First: 0, Last: 9, Digest: b.sink.Current().Digest()}}})
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
		b.commitMark(0, 2, mark{Promises: []intent{{First: 2, Last: 9, Digest: b.sink.Current().Digest()}}})
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

// Not every context.Canceled comes from the loop itself.
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

// A promise holds only for the record it begins with.
func TestABatchThatBeginsElsewhereThanPromisedIsRefused(t *testing.T) {
	memory := newMemory()
	s := &session{rules: memory.Current(), Worker: &Worker{library: memory}}
	p := &partition{topicPartition: topicPartition{topic, 0}, promised: []intent{{First: 2, Last: 9, Digest: memory.Current().Digest()}}, next: 2}
	var stopped *stopError
	for _, offset := range []int64{1, 3} {
		if _, err := s.open(t.Context(), p, offset); !errors.As(err, &stopped) {
			t.Errorf("a replay from %d of a promise from 2: %v", offset, err)
		}
	}
	if _, err := s.open(t.Context(), p, 2); err != nil {
		t.Error(err)
	}
}

// compacted is a store whose chain of a batch no longer follows from Kafka's
// records.
type compacted struct{ *memory }

func (s *compacted) Holds(ctx context.Context, b *Batch) (Held, bool, error) {
	_, held, err := s.memory.Holds(ctx, b)
	return Held{len(b.Rows) + 1, Hash{7}}, held, err
}

// A stored batch keeps its stored chain when compaction has since removed
// records of its range. The next batch continues that chain.
func TestTheChainContinuesFromWhatIsStored(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(5)...)
		b.sink.afterErr = func() error { return errAway } // stored, and the answer is lost
		w := b.start()
		b.settled(5, time.Minute)
		b.end(w)
		b.sink.set(func() { b.sink.afterErr = nothing })
		b.send(0, plain(3)...)
		w = b.startOn(&compacted{b.sink})
		b.settled(8, time.Minute)
		b.end(w)
		next := b.sink.batches[1]
		want, _ := link(Hash{7}, &next.Rows[0], nil)
		if next.First != 5 || next.Rows[0].Chain != want {
			t.Errorf("the chain at offset %d is %x, want %x, which follows the stored chain", next.First, next.Rows[0].Chain, want)
		}
	})
}

// slowJudging is a tracer that makes judging a poll of so many records take so
// long.
type slowJudging struct {
	noop.Tracer
	records int64
	takes   time.Duration
}

// Start implements trace.Tracer.
func (s slowJudging) Start(ctx context.Context, name string, opts ...trace.SpanStartOption) (context.Context, trace.Span) {
	about := trace.NewSpanStartConfig(opts...)
	if name == "judge" && slices.Contains(about.Attributes(), semconv.MessagingBatchMessageCount(int(s.records))) {
		time.Sleep(s.takes)
	}
	return trace.ContextWithSpan(ctx, recording{}), recording{}
}

// recording is a span that counts as recorded, so that it has children.
type recording struct{ noop.Span }

func (recording) IsRecording() bool { return true }

// A poll that brought records of a replay extends the wait for the rest, however
// long the judging took. The worker stays ready.
func TestAReplayThatAdvancesIsNotGivenUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(5)...)
		b.commitMark(0, 0, mark{Promises: []intent{{First: 0, Last: 9, Digest: b.sink.Current().Digest()}}})
		w := b.start(func(c *Config) {
			c.Tracer = slowJudging{records: 3, takes: c.StepTimeout + time.Second}
		})
		time.Sleep(time.Second) // the first five are judged, and the rest is awaited
		b.send(0, plain(3)...)
		time.Sleep(15 * time.Second) // they are judged, and more than a step has passed since the wait began
		if s := w.health.Status(time.Now(), time.Hour); !s.Ready {
			t.Errorf("the worker waits for %q, want it to be ready", s.WaitingFor)
		}
		b.send(0, plain(2)...)
		b.settled(10, 5*time.Second)
		b.end(w)
		b.whole(0, 10)
	})
}

// A mark's leader epoch is never of a record far before its offset. The offsets between
// may belong to a later epoch: a broker then answers that records were lost, and no
// worker can begin at such a mark. Here an aborted transaction of epoch 2 lies before the
// batch, and one of epoch 3 at the end of a replay.
func TestAMarkBehindAGapHasTheEpochOfTheRecordAfterIt(t *testing.T) {
	engine := newMemory().Current()
	record := func(offset int64, epoch int32) *kgo.Record {
		return &kgo.Record{Topic: topic, Offset: offset, LeaderEpoch: epoch, Value: value(1)}
	}
	var room atomic.Int64
	room.Store(1 << 20)
	c := &Config{MaxRecords: 100, MaxBytes: 1 << 20}
	b := &batch{Batch: Batch{Cluster: "test", Topic: topic}, rules: engine, complete: true, due: true, slab: &slab{events: new(spare).lend(nil, 2)}}
	p := &partition{topicPartition: topicPartition{topic, 0}, next: 57, hand: []*batch{b}}
	p.fill(b, []*kgo.Record{record(68, 2), record(69, 2)}, c, &room)
	made := p.commitment()
	if made.offset != 68 || made.epoch != 2 {
		t.Errorf("the promise is committed at offset %d and epoch %d, want 68 and 2", made.offset, made.epoch)
	}
	p.acknowledged(made, time.Now(), time.Minute)
	if again := p.commitment(); again.offset != 68 || again.epoch != 2 {
		t.Errorf("it is committed again at offset %d and epoch %d, want 68 and 2", again.offset, again.epoch)
	}

	b = &batch{Batch: Batch{Cluster: "test", Topic: topic}, rules: engine, replay: true, slab: &slab{events: new(spare).lend(nil, 2)}}
	p = &partition{topicPartition: topicPartition{topic, 0}, next: 70, promised: []intent{{First: 70, Last: 79, Digest: engine.Digest()}}, hand: []*batch{b}}
	p.fill(b, []*kgo.Record{record(70, 2), record(80, 3)}, c, &room)
	p.settle()
	if made := p.commitment(); made.offset != 80 || made.epoch != 3 {
		t.Errorf("the end of the replay is committed at offset %d and epoch %d, want 80 and 3", made.offset, made.epoch)
	}

	// Of a second promise none of whose records has come yet, no epoch is known.
	p.promised = []intent{{First: 85, Last: 89, Digest: engine.Digest()}}
	if made := p.commitment(); made.offset != 85 || made.epoch != -1 {
		t.Errorf("a promise without a record is committed at offset %d and epoch %d, want 85 and -1", made.offset, made.epoch)
	}
}
