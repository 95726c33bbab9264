package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

// recreate deletes the topic and creates it again under its name.
func (b *bench) recreate(partitions int32) {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	adm := kadm.NewClient(client)
	if _, err := adm.DeleteTopic(b.t.Context(), topic); err != nil {
		b.t.Fatal(err)
	}
	if _, err := adm.CreateTopic(b.t.Context(), partitions, 1, nil, topic); err != nil {
		b.t.Fatal(err)
	}
}

// logID is the id of the topic that there is now.
func (b *bench) logID() TopicID {
	b.t.Helper()
	client := b.client()
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	return TopicID(topics[topic].ID)
}

// keeps wants each of the first n offsets of a log stored once, and nothing else
// of it.
func (b *bench) keeps(id TopicID, partition int32, n int) {
	b.t.Helper()
	b.sink.mu.Lock()
	defer b.sink.mu.Unlock()
	times := make(map[int64]int)
	for _, batch := range b.sink.batches {
		if batch.TopicID == id && batch.Partition == partition {
			for _, row := range batch.Rows {
				times[row.Offset]++
			}
		}
	}
	for o := range int64(n) {
		if times[o] != 1 {
			b.t.Errorf("offset %d of log %s/%d is stored %d times, want once", o, id, partition, times[o])
		}
	}
	if len(times) != n {
		b.t.Errorf("%d offsets of log %s/%d are stored, want %d", len(times), id, partition, n)
	}
	b.sink.checkChain(b.t)
}

// A topic that was deleted and created again is a new log beside the old one,
// whatever is left of the old one in the group, and however long either is.
func TestATopicMadeAgainIsANewLog(t *testing.T) {
	for _, old := range []string{"settled", "promised"} {
		for _, when := range []string{"running", "stopped", "stopped, offsets kept", "stopped, offsets gone"} {
			for _, n := range []int{5, 50, 80} { // the old log has 50
				t.Run(fmt.Sprintf("%s, %s, %d", old, when, n), func(t *testing.T) {
					virtual(t, func(t *testing.T) {
						b := newBench(t, 1)
						before := b.logID()
						b.produce(0, 50)
						stored := 50
						if old == "promised" {
							b.promise()
							stored = 0
						}
						w := &worker{}
						switch {
						case when == "running" && old == "promised":
							b.sink.set(func() { b.sink.storeErr = func() error { return errAway } })
							w = b.start()
							time.Sleep(10 * time.Second)
						case old == "settled":
							w = b.start()
							b.settled(50, time.Minute)
						}
						if when != "running" && w.stop != nil {
							b.end(w)
						}
						kept := b.group(0)
						b.recreate(1)
						b.produce(50, n)
						if when == "stopped, offsets kept" { // a coordinator that was away
							m, err := parseMark(kept.Metadata, kept.At)
							if err != nil {
								t.Fatal(err)
							}
							b.commitMark(0, kept.At, m)
						}
						if when == "stopped, offsets gone" {
							b.forgetOffsets()
						}
						if when == "running" && old == "promised" {
							// The worker holds the old log's records in memory. It can
							// keep its promise until the intent expires.
							time.Sleep(10 * time.Second)
							b.sink.set(func() { b.sink.storeErr = nothing })
							stored = 50
						}
						if when != "running" {
							w = b.start(func(c *Config) {
								if stored > 0 || when == "stopped, offsets kept" { // else nothing is known of the topic
									c.FirstStart = StartRefused
								}
							})
						}
						time.Sleep(5 * time.Minute)
						b.end(w)
						after := b.logID()
						if after == before {
							t.Fatal("the topic has the same id")
						}
						b.keeps(before, 0, stored)
						b.keeps(after, 0, n)
						o := b.group(0)
						if m, err := parseMark(o.Metadata, o.At); err != nil || m.Topic != after || o.At != int64(n) {
							t.Errorf("the group is at %d with %s, %v; want %d of topic %s", o.At, o.Metadata, err, n, after)
						}
					})
				})
			}
		}
	}
}

// A partition that was added to a topic of the group begins at its first record,
// whatever first_start is.
func TestAnAddedPartitionBeginsAtItsFirstRecord(t *testing.T) {
	for _, first := range []FirstStart{StartRefused, StartLatest} {
		for _, running := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, running %v", first, running), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					b := newBench(t, 1)
					b.send(0, plain(10)...)
					w := b.start()
					b.settled(10, time.Minute)
					b.end(w)
					if running {
						w = b.start(func(c *Config) { c.FirstStart = first })
						time.Sleep(time.Minute)
					}
					client := b.client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
					defer client.Close()
					if _, err := kadm.NewClient(client).UpdatePartitions(t.Context(), 2, topic); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					b.send(1, plain(7)...)
					if !running {
						w = b.start(func(c *Config) { c.FirstStart = first })
					}
					// The page of deploy states that it begins within a minute.
					b.settled(17, metadataMaxAge+20*time.Second)
					b.send(1, plain(3)...)
					time.Sleep(time.Minute)
					progress := w.health.Status(time.Now(), time.Hour).Progress
					for _, p := range progress {
						if p.TopicID != b.logID() {
							t.Errorf("the status of partition %d has the topic id %q, want %q", p.Partition, p.TopicID, b.logID())
						}
					}
					if len(progress) != 2 {
						t.Errorf("the status has %d partitions, want 2", len(progress))
					}
					b.end(w)
					b.whole(0, 10)
					b.whole(1, 10)
				})
			})
		}
	}
}

// A mark that contradicts the rows is refused with the records that it would hide.
func TestAMarkThatContradictsTheRowsIsRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		at   int64
		mark func(m mark) mark
		more bool // records come
		want string
	}{
		{"ahead", 25, func(m mark) mark { return m }, true, "it would hide the records 20 to 24"},
		{"ahead, and nothing comes", 30, func(m mark) mark { return m }, false, "kafka-console-consumer --topic ledger.events --partition 0 --offset 20 --max-messages 10"},
		{"ahead with a promise", 25, func(m mark) mark {
			m.Promises = []intent{{First: 25, Last: 29, Digest: newMemory().Current().Digest()}}
			return m
		}, true, "it would hide the records 20 to 24"},
		{"behind", 10, func(m mark) mark { return m }, true, "it would store the records 10 to 19 again"},
		{"another chain", 20, func(m mark) mark { m.Head[0]++; return m }, true, "another chain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 1)
				b.send(0, plain(20)...)
				w := b.start()
				b.settled(20, time.Minute)
				b.end(w)
				b.send(0, plain(10)...)
				o := b.group(0)
				m, err := parseMark(o.Metadata, o.At)
				if err != nil {
					t.Fatal(err)
				}
				b.commitMark(0, c.at, c.mark(m))
				if c.more {
					b.send(0, plain(5)...)
				}
				b.stops(b.start(), c.want)
				b.whole(0, 20)
				// The way on that the message names.
				n := int64(30)
				if c.more {
					n += 5
				}
				b.forgetOffsets()
				w = b.start(func(c *Config) { c.FirstStart = StartRefused })
				b.settled(int(n), 10*time.Minute)
				b.end(w)
				b.whole(0, n)
			})
		})
	}
}

// The rows of the database are another's, or were removed.
func TestAMarkWithoutRowsIsRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(20)...)
		w := b.start()
		b.settled(20, time.Minute)
		b.end(w)
		b.sink = newMemory()
		b.stops(b.start(), "no row of the partition is stored")
		// Where the rows are gone for good, what Kafka still has is a first start.
		b.forgetOffsets()
		b.stops(b.start(func(c *Config) { c.FirstStart = StartRefused }), "choose first_start: earliest or latest")
		w = b.start(func(c *Config) { c.FirstStart = StartEarliest })
		b.settled(20, time.Minute)
		b.end(w)
		b.whole(0, 20)
	})
}

// While the store is away a mark cannot be compared. The worker begins all the
// same, and refuses a forged mark before its first insert.
func TestAMarkIsComparedOnceTheStoreIsThere(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(20)...)
		w := b.start()
		b.settled(20, time.Minute)
		b.end(w)
		b.send(0, plain(10)...)
		o := b.group(0)
		m, err := parseMark(o.Metadata, o.At)
		if err != nil {
			t.Fatal(err)
		}
		b.commitMark(0, 25, m)
		b.sink.set(func() { b.sink.storeErr, b.sink.tailErr = func() error { return errAway }, errAway })
		w = b.start()
		time.Sleep(time.Minute)
		if s := w.health.Status(time.Now(), time.Hour); s.Partitions != 1 || s.Ready {
			t.Errorf("%d partitions, ready %v; want 1, and not ready", s.Partitions, s.Ready)
		}
		b.sink.set(func() { b.sink.storeErr, b.sink.tailErr = nothing, nil })
		b.stops(w, "it would hide the records 20 to 24")
	})
}

// A replay whose records are others than the stored ones stops the worker.
func TestAReplayOfOtherRecordsStops(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(5)...)
		b.sink.afterErr = func() error { return errAway } // stored, and the answer is lost
		w := b.start()
		time.Sleep(time.Minute)
		b.end(w)
		b.sink.set(func() {
			b.sink.afterErr = nothing
			b.sink.batches[0].Rows[4].Chain[0]++
		})
		b.stops(b.start(), "were altered")
		if n := b.sink.count(); n != 0 {
			t.Errorf("%d alerts of altered rows are published", n)
		}
		// Once the rows are restored, the worker finishes the batch.
		b.sink.set(func() { b.sink.batches[0].Rows[4].Chain[0]-- })
		w = b.start()
		time.Sleep(time.Minute)
		b.end(w)
		b.whole(0, 5)
		if o := b.group(0); o.At != 5 {
			t.Errorf("the group is at %d after the rows are restored, want 5", o.At)
		}
	})
}

func TestTopicIDs(t *testing.T) {
	id := TopicID{1, 2, 255}
	if got, err := ParseTopicID(id.String()); got != id || err != nil || len(id.String()) != 22 {
		t.Errorf("%s: %v, %v", id, got, err)
	}
	if got, err := ParseTopicID(""); got != (TopicID{}) || err != nil {
		t.Errorf("empty: %v, %v", got, err)
	}
	for _, bad := range []string{"x", strings.Repeat("A", 23), "!!!!!!!!!!!!!!!!!!!!!!"} {
		if _, err := ParseTopicID(bad); err == nil {
			t.Errorf("%q is taken for an id", bad)
		}
	}
	b := Batch{Cluster: "c", Topic: "t", TopicID: id, Partition: 3, First: 4, Last: 5, Number: 1}
	if got, want := b.Token(), "c/t/"+id.String()+"/3/4-5/2"; got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	if Seed(id, 0) == Seed(id, 1) || Seed(id, 0) == Seed(TopicID{1}, 0) || Seed(TopicID{}, 1) != (Hash{}) {
		t.Error("two logs share a seed")
	}
}

// A batch may begin behind offsets that hold no record: markers of transactions and
// records of aborted ones. Its mark hides nothing.
func TestAMarkBehindAnAbortedTransactionIsNoContradiction(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.send(0, plain(20)...)
		w := b.start()
		b.settled(20, time.Minute)
		b.end(w)
		client := b.client(kgo.TransactionalID("ledger"))
		defer client.Close()
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := client.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
			t.Fatal(err)
		}
		b.send(0, plain(5)...)
		b.sink.set(func() { b.sink.storeErr = func() error { return errAway } })
		w = b.start()
		time.Sleep(time.Minute)
		b.end(w)
		o := b.group(0)
		if m, err := parseMark(o.Metadata, o.At); err != nil || len(m.Promises) == 0 || o.At != 22 {
			t.Fatalf("the group is at %d with %s, %v; want a promise at 22", o.At, o.Metadata, err)
		}
		b.sink.set(func() { b.sink.storeErr = nothing })
		w = b.start()
		b.settled(25, 10*time.Minute)
		b.end(w)
	})
}

// One broker has not yet heard that the topic was made again, and still reports the old
// id. The mark of the new log is not overwritten by one of the old, and no worker
// stops.
func TestABrokerThatLagsIsNotBelieved(t *testing.T) {
	for _, c := range []struct {
		name     string
		versions *kversion.Versions
	}{
		{"offsets by name", kversion.V4_0_0()},
		{"offsets by id", kversion.Stable()}, // the mark of an unknown id is left out
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBenchOf(t, 2, 1)
				before := b.logID()
				b.produce(0, 50)
				w := b.start()
				b.settled(50, time.Minute)
				b.end(w)
				b.recreate(1)
				b.produce(50, 50)
				w = b.start()
				b.settled(100, time.Minute)
				b.end(w)
				kept := b.group(0)
				forget := b.lag(before)
				w = b.start(func(config *Config) {
					config.Kafka = []kgo.Opt{kgo.SeedBrokers(b.cluster.ListenAddrs()[0]), kgo.Dialer(b.net.DialContext), kgo.MaxVersions(c.versions)}
				})
				time.Sleep(time.Minute)
				if now := b.group(0); now.At != kept.At || now.Metadata != kept.Metadata {
					t.Errorf("the group is at %d with %s; want the mark of the new log, %d with %s", now.At, now.Metadata, kept.At, kept.Metadata)
				}
				forget()
				b.produce(100, 50)
				b.settled(150, 5*time.Minute)
				b.end(w)
				b.keeps(before, 0, 50)
				b.keeps(b.logID(), 0, 100)
			})
		})
	}
}

// lag makes broker 0 report an old id of the topic, until forget is called.
func (b *bench) lag(old TopicID) (forget func()) {
	b.t.Helper()
	addresses := b.cluster.ListenAddrs()
	var over atomic.Bool
	b.cluster.ControlKey(int16(kmsg.Metadata), func(req kmsg.Request) (kmsg.Response, error, bool) {
		asked := req.(*kmsg.MetadataRequest)
		if over.Load() {
			return nil, nil, false
		}
		b.cluster.KeepControl()
		if b.cluster.CurrentNode() != 0 {
			return nil, nil, false
		}
		answer := asked.ResponseKind().(*kmsg.MetadataResponse)
		for node, address := range addresses {
			host, port, _ := strings.Cut(address, ":")
			number, err := strconv.Atoi(port)
			if err != nil {
				b.t.Error(err)
			}
			broker := kmsg.NewMetadataResponseBroker()
			broker.NodeID, broker.Host, broker.Port = int32(node), host, int32(number)
			answer.Brokers = append(answer.Brokers, broker)
		}
		about, partition := kmsg.NewMetadataResponseTopic(), kmsg.NewMetadataResponseTopicPartition()
		about.Topic, about.TopicID = kmsg.StringPtr(topic), old
		partition.Leader, partition.Replicas, partition.ISR = 1, []int32{1}, []int32{1}
		about.Partitions = append(about.Partitions, partition)
		answer.Topics = append(answer.Topics, about)
		return answer, nil, true
	})
	return func() { over.Store(true) }
}
