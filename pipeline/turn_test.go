package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestTokenNamesTheBatch(t *testing.T) {
	b := Batch{Cluster: "c", Topic: "t", Partition: 3, First: 5, Last: 9}
	if got := b.Token(); got != "c/t/3/5-9" {
		t.Errorf("token %s", got)
	}
}

// A candidate waits for a commit, an insert and a publish, not for the linger.
func TestACandidateDoesNotWaitForTheLinger(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		w := b.start(func(c *Config) { c.Linger = 10 * time.Minute })
		time.Sleep(15 * time.Minute)
		b.send(0, plain(5)...)
		time.Sleep(5 * time.Minute)
		if n := b.sink.stored(); n != 0 {
			t.Errorf("%d records stored within the linger without a candidate", n)
		}
		began := time.Now()
		b.send(0, value(10))
		for b.sink.count() == 0 && time.Since(began) < time.Hour {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the alert came after %s", took)
		}
		b.end(w)
		b.whole(0, 6)
	})
}

func TestALingerBeginsWithTheFirstRecordAndEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		w := b.start(func(c *Config) { c.Linger, c.MaxRecords = time.Minute, 50 })
		time.Sleep(90 * time.Second)
		b.send(0, plain(5)...)
		b.settled(5, 2*time.Minute)
		began := time.Now()
		b.send(0, plain(120)...) // a full cycle does not wait
		b.settled(105, 5*time.Second)
		b.end(w)
		t.Logf("stopped after %s", time.Since(began))
		b.whole(0, 125)
		for _, batch := range b.sink.batches {
			if len(batch.Rows) > 50 {
				t.Errorf("a batch of %d rows, want at most 50", len(batch.Rows))
			}
		}
		// Nothing is left for the next member to replay.
		if m, err := parseMark(b.group(0).Metadata, b.group(0).At); err != nil || len(m.Promises) > 0 || b.group(0).At != 125 {
			t.Errorf("the group holds %d with %+v, %v; want 125 without an intent", b.group(0).At, m, err)
		}
	})
}

// A completion is committed although another partition keeps the cycles busy.
func TestACompletionDoesNotWaitForAnIdleCycle(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 2)
		w := b.start()
		b.send(0, plain(5)...)
		for range 400 {
			b.send(1, value(1))
			time.Sleep(50 * time.Millisecond)
		}
		o := b.group(0)
		if m, err := parseMark(o.Metadata, o.At); err != nil || len(m.Promises) > 0 || o.At != 5 {
			t.Errorf("the group holds %d with %+v, %v; want 5 without an intent", o.At, m, err)
		}
		b.end(w)
	})
}

func TestARowCarriesItsRecord(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		client := b.client()
		defer client.Close()
		at := time.Now().Add(-time.Hour).Truncate(time.Millisecond).UTC()
		records := []*kgo.Record{
			{Topic: topic, Key: []byte("k"), Value: value(1), Timestamp: at, Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}, {Key: "h", Value: nil}}},
			{Topic: topic, Key: []byte("gone"), Timestamp: at.Add(time.Second)},
			{Topic: topic, Value: value(99), Timestamp: at.Add(2 * time.Second)},
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		w := b.start()
		b.settled(3, time.Minute)
		b.end(w)
		b.whole(0, 3)
		type row struct {
			Offset    int64
			Key       string
			Headers   []Header
			At        time.Time
			Tombstone bool
			Code      bool
		}
		var got []row
		for _, batch := range b.sink.batches {
			for _, r := range batch.Rows {
				got = append(got, row{r.Offset, string(r.Key), r.Headers, r.Timestamp, r.Tombstone, r.Failure != nil})
			}
		}
		want := []row{{0, "k", []Header{{"h", []byte("v")}, {"h", nil}}, at, false, false}, {1, "gone", nil, at.Add(time.Second), true, false},
			{2, "", nil, at.Add(2 * time.Second), false, true}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !b.sink.batches[0].At.Equal(at) {
			t.Errorf("the batch is at %s, want %s", b.sink.batches[0].At, at)
		}
	})
}

// One poll can return a partition's records from two leaders, in order.
func TestRunsOfOnePartitionStayInOrder(t *testing.T) {
	memory := newMemory()
	s := &session{rules: memory.Current(), Worker: &Worker{Config: Config{MaxRecords: 10, MaxBytes: 1 << 20}, library: memory, metrics: NewMetrics(prometheus.NewRegistry())},
		partitions: map[topicPartition]*partition{{topic, 0}: {topicPartition: topicPartition{topic, 0}}}}
	s.room.Store(1 << 20)
	var fetches kgo.Fetches
	for o := range int64(6) {
		fetches = append(fetches, kgo.Fetch{Topics: []kgo.FetchTopic{{Topic: topic, Partitions: []kgo.FetchPartition{{Records: []*kgo.Record{{Topic: topic, Offset: o, Value: value(1)}}}}}}})
	}
	if n, err := s.admit(t.Context(), fetches); n != 6 || err != nil || len(s.held) != 1 || s.held[0].open().hit {
		t.Fatalf("%d records, %v, %d partitions", n, err, len(s.held))
	}
	for i, row := range s.held[0].open().Rows {
		if row.Offset != int64(i) {
			t.Errorf("row %d has offset %d", i, row.Offset)
		}
	}
}

func TestFirstStartLatestBeginsWithTheNextRecord(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(5)...)
		w := b.start(func(c *Config) { c.FirstStart = StartLatest })
		time.Sleep(time.Minute)
		b.send(0, plain(3)...)
		b.settled(3, time.Minute)
		b.end(w)
		if first := b.sink.batches[0].First; first != 5 || b.sink.stored() != 3 {
			t.Errorf("%d records are stored from %d, want 3 from 5", b.sink.stored(), first)
		}
	})
}

func TestACommittedOffsetThatIsOutOfRangeStopsTheWorker(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(10)...)
		b.commitMark(0, 2, mark{})
		client := b.client()
		defer client.Close()
		offsets := make(kadm.Offsets)
		offsets.Add(kadm.Offset{Topic: topic, Partition: 0, At: 6})
		if _, err := kadm.NewClient(client).DeleteRecords(t.Context(), offsets); err != nil {
			t.Fatal(err)
		}
		w := b.start()
		select {
		case err := <-w.done:
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

func TestCommitResult(t *testing.T) {
	all := []commitment{{topicPartition: topicPartition{topic, 0}}, {topicPartition: topicPartition{topic, 1}}}
	answer := func(codes ...int16) *kmsg.OffsetCommitResponse {
		r := kmsg.OffsetCommitResponseTopic{Topic: topic}
		for p, code := range codes {
			r.Partitions = append(r.Partitions, kmsg.OffsetCommitResponseTopicPartition{Partition: int32(p), ErrorCode: code})
		}
		return &kmsg.OffsetCommitResponse{Topics: []kmsg.OffsetCommitResponseTopic{r}}
	}
	f := func(resp *kmsg.OffsetCommitResponse, err error, want string) {
		t.Helper()
		got := commitResult(all, resp, err)
		if (got == nil) != (want == "") || (got != nil && got.Error() != want) {
			t.Errorf("%v, want %s", got, want)
		}
	}
	f(answer(0, 0), nil, "")
	f(answer(0, kerr.IllegalGeneration.Code), nil, "commit refused for 1 partitions, "+topic+"/1: "+kerr.IllegalGeneration.Error())
	f(answer(0), nil, "the outcome of a commit is unknown: the answer leaves "+topic+"/1 out")
	f(nil, context.DeadlineExceeded, "the outcome of a commit is unknown: context deadline exceeded")
	if _, ok := commitResult(all, nil, kerr.UnknownMemberID).(*commitError); !ok {
		t.Error("a commit refused as a whole is no commitError")
	}
}

// slow is a slow store that fails the test when two members store a partition at
// once.
type slow struct {
	*memory
	t    *testing.T
	mu   sync.Mutex
	busy map[int32]bool
}

func (s *slow) Store(ctx context.Context, b *Batch) error {
	s.mu.Lock()
	if s.busy[b.Partition] {
		s.t.Errorf("partition %d is stored by two members at once", b.Partition)
	}
	s.busy[b.Partition] = true
	s.mu.Unlock()
	time.Sleep(3 * time.Second)
	s.mu.Lock()
	s.busy[b.Partition] = false
	s.mu.Unlock()
	return s.memory.Store(ctx, b)
}

// A rebalance waits for the cycle: a partition does not change hands while its
// batch is being stored.
func TestAPartitionDoesNotChangeHandsWithinACycle(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 4)
		store := &slow{memory: b.sink, t: t, busy: make(map[int32]bool)}
		begin := func() *worker { return b.startOn(store, func(c *Config) { c.RebalanceGrace = 15 * time.Second }) }
		first := begin()
		n := 0
		for range 6 {
			b.produce(n, 200)
			n += 200
			time.Sleep(1500 * time.Millisecond)
			second := begin()
			b.produce(n, 200)
			n += 200
			time.Sleep(20 * time.Second)
			b.end(second)
		}
		b.settled(n, 5*time.Minute)
		b.end(first)
		b.exact(n)
	})
}

// refusing is a store that refuses partition 0 for good. The worker is told to stop
// before the insert of partition 1 ends.
type refusing struct {
	*memory
	stop func()
}

func (s *refusing) Store(ctx context.Context, b *Batch) error {
	if b.Partition == 0 {
		return errors.New("no such table")
	}
	<-ctx.Done()
	s.stop()
	return ctx.Err()
}

// A worker that is told to stop still reports the error that would have stopped it.
func TestAnErrorOfADeliveryIsReportedAlthoughTheWorkerStops(t *testing.T) {
	virtual(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		memory := newMemory()
		s := &session{Worker: &Worker{Config: Config{StepTimeout: time.Minute, BackoffMin: 1, BackoffMax: 1}, store: &refusing{memory, stop}, publisher: memory,
			metrics: NewMetrics(prometheus.NewRegistry()), health: NewHealth(time.Now()), log: slog.New(slog.DiscardHandler)}}
		s.ends = make(chan func() error, 2)
		wake := context.CancelFunc(func() {})
		s.wake.Store(&wake)
		for n := range int32(2) {
			b := &batch{Batch: Batch{Topic: topic, Partition: n, Rows: []Row{{}}}, complete: true, sealed: true, declared: 1, published: 1, slab: &slab{}}
			s.held = append(s.held, &partition{topicPartition: topicPartition{topic, n}, promised: []intent{b.intent()}, hand: []*batch{b}})
		}
		s.launch(ctx)
		err := errors.Join(s.collect(nil), s.collect(nil))
		if err == nil || !strings.Contains(err.Error(), "no such table") || ctx.Err() == nil {
			t.Errorf("the error is %v, want that of partition 0, after the end of the context (%v)", err, ctx.Err())
		}
	})
}
