package pipeline

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A fetch that fails shows no batches. That is an error: a worker would take it for a
// range without records, and believe a mark that hides them.
func TestARawFetchThatFailsIsAnError(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 10)
		s := &session{Worker: &Worker{Config: b.config()}, client: b.client()}
		defer s.client.Close()
		var code *kerr.Error
		b.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
			b.cluster.KeepControl()
			if code == nil {
				return nil, nil, false
			}
			response := request.ResponseKind().(*kmsg.FetchResponse)
			asked := request.(*kmsg.FetchRequest).Topics[0]
			partition := kmsg.NewFetchResponseTopicPartition()
			partition.ErrorCode = code.Code
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic, topic.TopicID, topic.Partitions = asked.Topic, asked.TopicID, []kmsg.FetchResponseTopicPartition{partition}
			response.Topics = []kmsg.FetchResponseTopic{topic}
			return response, nil, true
		})
		for _, f := range []struct {
			name  string
			tp    topicPartition
			code  *kerr.Error
			found bool
			want  string // "": found, or not
		}{
			{"the records are there", topicPartition{topic, 0}, nil, true, ""},
			{"no such partition", topicPartition{topic, 7}, nil, false, "wait"},
			{"the leader has moved", topicPartition{topic, 0}, kerr.NotLeaderForPartition, false, "wait"},
			{"a missing right", topicPartition{topic, 0}, kerr.TopicAuthorizationFailed, false, "stop"},
		} {
			code = f.code
			_, found, err := s.recordIn(t.Context(), f.tp, 0, 10)
			var stopped *stopError
			got := ""
			if _, waits := Waiting(err); waits {
				got = "wait"
			} else if errors.As(err, &stopped) {
				got = "stop"
			} else if err != nil {
				got = err.Error()
			}
			if found != f.found || got != f.want {
				t.Errorf("%s: %t, %v; want %t and %q", f.name, found, err, f.found, f.want)
			}
		}
	})
}

// foresees wants Foresee to find this, and a worker to stop with it.
func (b *bench) foresees(want string) {
	b.t.Helper()
	c := b.config()
	c.FirstStart = StartRefused
	stops, err := Foresee(b.t.Context(), c, b.sink)
	switch {
	case err != nil:
		b.t.Errorf("%v", err)
	case want == "" && len(stops) > 0, want != "" && (len(stops) != 1 || !strings.Contains(stops[0].Error(), want)):
		b.t.Errorf("foreseen: %v, want %q", stops, want)
	}
	w := b.start(func(c *Config) { c.FirstStart = StartRefused })
	if want != "" {
		b.stops(w, want)
		return
	}
	time.Sleep(2 * time.Minute)
	b.end(w)
}

// What Foresee finds is what a worker stops at, and it finds nothing else.
func TestForeseeIsTrue(t *testing.T) {
	for _, f := range []struct {
		name   string
		change func(b *bench)
		want   string
	}{
		{"all is well", func(*bench) {}, ""},
		{"no offsets, and rows", func(b *bench) { b.forgetOffsets() }, ""},
		{"no offsets and no rows", func(b *bench) { b.forgetOffsets(); b.sink.empty() }, "choose first_start"},
		{"a mark, and no rows", func(b *bench) { b.sink.empty() }, "no row of the partition is stored"},
		{"a mark set forward", func(b *bench) { b.produce(100, 50); b.commitMark(0, 120, b.markOf(0)) }, "it would hide the records 100 to 119"},
		{"a mark set forward by one record", func(b *bench) { b.produce(100, 50); b.commitMark(0, 101, b.markOf(0)) }, "it would hide the records 100 to 100"},
		{"a mark of another program", func(b *bench) { b.commitPlain(50) }, "carries no mark of Tocsin"},
		{"records expired before they were stored", func(b *bench) { b.produce(100, 50); b.deleteRecords(0, 130) }, "Kafka's first record is now at 130"},
		{"a mark beyond the end", func(b *bench) { b.commitMark(0, 300, b.markOf(0)) }, "Kafka ends at 100"},
		{"a topic made again", func(b *bench) { b.recreate(1); b.produce(0, 20) }, ""},
	} {
		t.Run(f.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 1)
				b.produce(0, 100)
				w := b.start()
				b.settled(100, time.Minute)
				b.end(w)
				f.change(b)
				b.foresees(f.want)
			})
		})
	}
}

// ahead is a store whose rows go on beyond the mark, as those of a worker at work. It
// calls meanwhile before it answers.
type ahead struct {
	*memory
	meanwhile func()
}

func (a ahead) Tail(ctx context.Context, log Log, near int64) (Tail, bool, error) {
	a.meanwhile()
	t, ok, err := a.memory.Tail(ctx, log, near)
	t.First, t.Last = 200, 299
	return t, ok, err
}

// Rows beyond a mark are a contradiction only while the mark stands still: a worker
// stores and commits while Foresee looks.
func TestForeseeWhileWorkersWork(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.produce(0, 300)
		w := b.start()
		b.settled(300, time.Minute)
		b.end(w)
		at := b.markOf(0)
		b.commitMark(0, 100, at)
		foresee := func(meanwhile func()) []error {
			stops, err := Foresee(t.Context(), b.config(), ahead{b.sink, meanwhile})
			if err != nil {
				t.Fatal(err)
			}
			return stops
		}
		if stops := foresee(func() {}); len(stops) != 1 {
			t.Errorf("a mark that stands still behind the rows: %v", stops)
		}
		if stops := foresee(func() { b.commitMark(0, 200, at) }); len(stops) > 0 {
			t.Errorf("a mark that a worker moves: %v", stops)
		}
	})
}

// empty removes every row.
func (m *memory) empty() {
	m.set(func() { m.batches, m.offsets = nil, make(map[Log]map[int64]bool) })
}

// markOf is the group's mark on a partition.
func (b *bench) markOf(partition int32) mark {
	b.t.Helper()
	o := b.group(partition)
	m, err := parseMark(o.Metadata, o.At)
	if err != nil {
		b.t.Fatal(err)
	}
	return m
}

// commitPlain commits an offset without a mark.
func (b *bench) commitPlain(at int64) {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, 0, at, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(b.t.Context(), "tocsin", offsets); err != nil {
		b.t.Fatal(err)
	}
}

// deleteRecords deletes a partition's records before an offset.
func (b *bench) deleteRecords(partition int32, before int64) {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	offsets := make(kadm.Offsets)
	offsets.AddOffset(topic, partition, before, -1)
	_, err := kadm.NewClient(client).DeleteRecords(b.t.Context(), offsets)
	if err != nil {
		b.t.Fatal(err)
	}
}
