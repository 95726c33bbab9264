package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/rules/event"
)

// batch sends values as one batch.
func (b *bench) batch(partition int32, values ...[]byte) {
	b.t.Helper()
	client := b.client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(time.Second), kgo.ProducerBatchMaxBytes(64<<20),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()))
	defer client.Close()
	if err := client.ProduceSync(b.t.Context(), b.records(partition, values)...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) records(partition int32, values [][]byte) (all []*kgo.Record) {
	for _, v := range values {
		all = append(all, &kgo.Record{Topic: topic, Partition: partition, Value: v})
	}
	return all
}

// small is a worker's room in which events of wides' size do not fit together.
const small = 64 << 10

// wides are n events of 4 KiB.
func wides(n int) (all [][]byte) {
	for range n {
		all = append(all, wide(4<<10))
	}
	return all
}

// rows are the stored rows of a partition by offset; each offset is stored once.
func (b *bench) rows(partition int32) map[int64]Row {
	b.t.Helper()
	b.sink.mu.Lock()
	defer b.sink.mu.Unlock()
	rows := make(map[int64]Row)
	for _, batch := range b.sink.batches {
		for _, row := range batch.Rows {
			if batch.Partition != partition {
				continue
			}
			if _, twice := rows[row.Offset]; twice {
				b.t.Errorf("offset %d is stored twice", row.Offset)
			}
			rows[row.Offset] = row
		}
	}
	b.sink.checkChain(b.t)
	return rows
}

// dead wants the offsets first to last to be dead letters of one batch, and no
// others to be of any.
func (b *bench) dead(partition int32, first, last int64, code unpackable, text ...string) {
	b.t.Helper()
	rows := b.rows(partition)
	for _, offset := range slices.Sorted(maps.Keys(rows)) {
		row := rows[offset]
		if want := first <= offset && offset <= last; row.packed() != want {
			b.t.Errorf("offset %d: %v, want a dead letter of a batch: %v", offset, row.Failure, want)
		}
	}
	for offset := first; offset <= last; offset++ {
		row := rows[offset]
		if row.Failure == nil || row.Failure.Code != string(code) || row.Raw != nil || row.RawHash == (Hash{}) || row.RawHash != rows[first].RawHash {
			b.t.Errorf("offset %d: %+v, %v", offset, row.Failure, row)
			continue
		}
		for _, want := range append(text, fmt.Sprintf("offsets %d to %d are one batch of producer ", first, last)) {
			if !strings.Contains(row.Failure.Detail, want) {
				b.t.Errorf("offset %d: %q, want %q in it", offset, row.Failure.Detail, want)
			}
		}
	}
}

func inLittleRoom(c *Config) { c.MaxUnpacked = small }

// A batch that unpacks to more than a worker may hold becomes a dead letter for
// each of its offsets, wherever in a partition it stands, and the records around it
// are judged.
func TestABatchThatUnpacksToTooMuchBecomesDeadLetters(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after int
		configure     func(*Config)
	}{
		{"between others", 3, 3, func(*Config) {}},
		{"the first of the partition", 0, 2, func(*Config) {}},
		{"the only one", 0, 0, func(*Config) {}},
		{"the first of the partition, server-side", 0, 2, func(c *Config) { c.ServerSide = true }},
		{"in many cycles", 2, 2, func(c *Config) { c.MaxRecords = 7 }},
		{"in many cycles for their bytes", 2, 2, func(c *Config) { c.MaxBytes = 5 << 10 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				const n = 40
				b := newBench(t, 2)
				first := int64(c.before)
				if c.before > 0 {
					b.batch(0, plain(c.before)...)
				}
				b.batch(0, wides(n)...)
				if c.after > 0 {
					b.batch(0, plain(c.after)...)
				}
				b.batch(1, plain(5)...)
				w := b.start(inLittleRoom, c.configure)
				b.settled(c.before+n+c.after+5, 10*time.Minute)
				b.end(w)
				b.dead(0, first, first+n-1, batchTooLarge, "40 records in ", "unpacks to more than worker.max_unpacked_bytes")
				for offset, row := range b.rows(0) {
					if len(row.Raw) == 0 && !row.packed() {
						t.Errorf("offset %d has no value", offset)
					}
				}
				for _, batch := range b.sink.batches {
					if len(batch.Rows) > w.MaxRecords {
						t.Errorf("a batch of %d rows in cycles of %d", len(batch.Rows), w.MaxRecords)
					}
				}
				if n := total(w.metrics.unpackable.WithLabelValues(topic)); n != 1 {
					t.Errorf("%v such batches are counted, want 1", n)
				}
				if o := b.group(0); o.At != int64(c.before+n+c.after) {
					t.Errorf("the group is at %d, want %d", o.At, c.before+n+c.after)
				}
			})
		})
	}
}

// A group that begins at the end of a partition never meets the batches before it.
func TestAFirstStartAtTheEndPassesSuchABatch(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.batch(0, wides(40)...)
		w := b.start(inLittleRoom, func(c *Config) { c.FirstStart = StartLatest })
		for deadline := time.Now().Add(time.Minute); !w.health.Status(time.Now(), time.Hour).Ready; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the worker is not ready")
			}
		}
		b.batch(0, plain(3)...)
		b.settled(3, time.Minute)
		b.end(w)
		b.dead(0, 0, -1, "")
	})
}

// An aborted transaction leaves no row, whatever it unpacks to.
func TestAnAbortedBatchThatUnpacksToTooMuchIsNothing(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		client := b.client(kgo.TransactionalID("ledger"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(time.Second),
			kgo.ProducerBatchMaxBytes(64<<20), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
		defer client.Close()
		transaction := func(end kgo.TransactionEndTry, values ...[]byte) {
			t.Helper()
			if err := client.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := client.ProduceSync(t.Context(), b.records(0, values)...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := client.EndTransaction(t.Context(), end); err != nil {
				t.Fatal(err)
			}
		}
		transaction(kgo.TryAbort, wides(40)...)  // 0 to 39, marker 40
		transaction(kgo.TryCommit, plain(2)...)  // 41 and 42, marker 43
		transaction(kgo.TryAbort, wides(20)...)  // 44 to 63, marker 64
		transaction(kgo.TryCommit, wides(30)...) // 65 to 94, marker 95
		transaction(kgo.TryAbort, wides(20)...)  // 96 to 115, marker 116
		b.drain(inLittleRoom)
		b.dead(0, 65, 94, batchTooLarge)
		if got, want := slices.Sorted(maps.Keys(b.rows(0))), append([]int64{41, 42}, span(65, 94)...); !slices.Equal(got, want) {
			t.Errorf("rows of %v, want %v", got, want)
		}
		b.drain(inLittleRoom)
	})
}

// A promised range may have such an aborted batch within it.
func TestAReplayGoesOnBehindAnAbortedBatch(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		client := b.client(kgo.TransactionalID("ledger"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(time.Second),
			kgo.ProducerBatchMaxBytes(64<<20), kgo.ProducerBatchCompression(kgo.ZstdCompression()))
		defer client.Close()
		b.batch(0, plain(2)...) // 0 and 1
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := client.ProduceSync(t.Context(), b.records(0, wides(40))...).FirstErr(); err != nil { // 2 to 41
			t.Fatal(err)
		}
		if err := client.EndTransaction(t.Context(), kgo.TryAbort); err != nil { // 42
			t.Fatal(err)
		}
		b.batch(0, plain(3)...) // 43 to 45
		b.commitMark(0, 0, mark{Promises: []intent{{First: 0, Last: 44, Digest: b.sink.Current().Digest()}}})
		w := b.start(inLittleRoom)
		b.settled(5, time.Minute)
		b.end(w)
		if got := b.sink.batches[0].Token(); !strings.HasSuffix(got, "/0/0-44") || len(b.sink.batches[0].Rows) != 4 {
			t.Errorf("%s with %d rows", got, len(b.sink.batches[0].Rows))
		}
		b.dead(0, 0, -1, "")
	})
}

func span(first, last int64) (all []int64) {
	for ; first <= last; first++ {
		all = append(all, first)
	}
	return all
}

// A batch whose bytes are not what its codec writes stops no worker either.
func TestABatchThatCannotBeUnpackedBecomesDeadLetters(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.batch(0, plain(2)...)
		b.raw(0, 3, []byte("this is no zstd"))
		b.batch(0, plain(2)...)
		w := b.start()
		b.settled(7, time.Minute)
		b.end(w)
		b.dead(0, 2, 4, batchUnreadable, "3 records in 76 bytes", "its bytes cannot be unpacked")
	})
}

// raw sends a batch of n records whose zstd is data.
func (b *bench) raw(partition int32, n int, data []byte) {
	b.t.Helper()
	batch := kmsg.RecordBatch{Magic: 2, Attributes: 4, LastOffsetDelta: int32(n - 1), FirstTimestamp: time.Now().UnixMilli(), MaxTimestamp: time.Now().UnixMilli(),
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(n), Records: data}
	batch.Length = int32(len(batch.AppendTo(nil)) - 12)
	batch.CRC = int32(crc32.Checksum(batch.AppendTo(nil)[21:], castagnoli))
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, batch.AppendTo(nil)
	pt := kmsg.NewProduceRequestTopic()
	pt.Topic, pt.TopicID, pt.Partitions = topic, b.logID(), []kmsg.ProduceRequestTopicPartition{p}
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.Topics = -1, []kmsg.ProduceRequestTopic{pt}
	client := b.client(kgo.MetadataMinAge(10 * time.Millisecond))
	defer client.Close()
	metadata, err := kadm.NewClient(client).Metadata(b.t.Context(), topic)
	if err != nil {
		b.t.Fatal(err)
	}
	response, err := request.RequestWith(b.t.Context(), client.Broker(int(metadata.Topics[topic].Partitions[partition].Leader)))
	if err != nil || response.Topics[0].Partitions[0].ErrorCode != 0 {
		b.t.Fatal(err, response)
	}
}

// A worker dies between the store of such dead letters and the commit. The next
// makes the same rows under the same token, even when it could unpack the batch.
func TestAReplayOfDeadLettersMakesTheSame(t *testing.T) {
	for _, c := range []struct {
		name   string
		stored bool
		next   func(*Config)
	}{
		{"stored", true, func(c *Config) { inLittleRoom(c); c.MaxRecords = 15 }},
		{"not stored", false, func(c *Config) { inLittleRoom(c); c.MaxRecords = 7 }},
		{"stored, with more room", true, func(*Config) {}},
		{"not stored, with more room", false, func(*Config) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				b := newBench(t, 1)
				b.batch(0, plain(3)...)
				b.batch(0, wides(40)...)
				b.batch(0, plain(3)...)
				var tried []Batch
				b.sink.set(func() {
					away := func() error {
						if last := b.sink.trying.Rows; len(last) > 0 && last[0].packed() {
							kept := b.sink.trying
							kept.Rows = slices.Clone(kept.Rows)
							if tried = append(tried, kept); len(tried) > 0 {
								return errAway
							}
						}
						return nil
					}
					if c.stored {
						b.sink.afterErr = away
					} else {
						b.sink.storeErr = away
					}
				})
				w := b.start(inLittleRoom, func(c *Config) { c.MaxRecords = 10 })
				for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
					done := false
					b.sink.set(func() { done = len(tried) > 0 })
					if done {
						break
					}
					if time.Now().After(deadline) {
						t.Fatal("no dead letter is tried")
					}
				}
				w.stop()
				<-w.done
				b.sink.set(func() { b.sink.storeErr, b.sink.afterErr = nothing, nothing })
				m, err := parseMark(b.group(0).Metadata, b.group(0).At)
				if err != nil || len(m.Promises) == 0 || m.Promises[0].Refused != batchTooLarge || m.Promises[0].Last != 12 || b.group(0).At != 3 {
					t.Fatalf("the mark is %+v at %d, %v", m.Promises, b.group(0).At, err)
				}
				w = b.start(c.next)
				b.settled(46, 5*time.Minute)
				b.end(w)
				rows := b.rows(0)
				for i, want := range tried[0].Rows {
					if got := rows[3+int64(i)]; got.Chain != want.Chain || got.RawHash != want.RawHash || *got.Failure != *want.Failure || !got.Timestamp.Equal(want.Timestamp) {
						t.Errorf("row %d is %+v, and was first tried as %+v", i, got, want)
					}
				}
				if b.sink.tokens[tried[0].Token()] == 0 {
					t.Errorf("token %s is not there", tried[0].Token())
				}
			})
		})
	}
}

// The rows are all that is left of a group's offsets.
func TestDeadLettersOfABatchAreReplayedWithoutOffsets(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.batch(0, wides(40)...)
		w := b.start(inLittleRoom, func(c *Config) { c.MaxRecords = 15 })
		b.settled(40, 5*time.Minute)
		b.end(w)
		b.forgetOffsets()
		b.batch(0, plain(2)...)
		w = b.start(func(c *Config) { c.FirstStart = StartRefused })
		b.settled(42, 5*time.Minute)
		b.end(w)
		b.dead(0, 0, 39, batchTooLarge)
	})
}

// Records that were promised as events stay so. A worker that cannot unpack them any
// more stops with the remedy.
func TestLessRoomThanPromisedStopsTheWorker(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		b.batch(0, wides(40)...)
		b.commitMark(0, 0, mark{Promises: []intent{{First: 0, Last: 19, Digest: b.sink.Current().Digest()}}})
		b.stops(b.start(inLittleRoom), "the records 0 to 19 were promised and may be stored, and their batch cannot be unpacked any more [batch_too_large]: it begins at offset 0. "+
			"Raise worker.max_unpacked_bytes to what it was")
		w := b.start()
		b.settled(40, time.Minute)
		b.end(w)
		b.whole(0, 40)
	})
}

// A mark is what any member of the group may write.
func TestAMarkCannotInventACode(t *testing.T) {
	for _, code := range []unpackable{"", batchTooLarge, batchUnreadable} {
		m := mark{Promises: []intent{{First: 1, Last: 5, Digest: "d", Refused: code}}}
		if got, err := parseMark(m.metadata(), 1); err != nil || got.Promises[0].Refused != code {
			t.Errorf("%q: %+v, %v", code, got.Promises, err)
		}
	}
	if _, err := parseMark(mark{Promises: []intent{{First: 1, Last: 5, Digest: "d", Refused: "anything"}}}.metadata(), 1); !errors.Is(err, errForeign) {
		t.Errorf("another code: %v", err)
	}
}

// No other row has the chain of a dead letter whose batch was not unpacked.
func TestTheChainTellsAPackedRecord(t *testing.T) {
	row := Row{Offset: 1, RawHash: Hash{1}}
	packed := row
	packed.Failure = failureOf(batchTooLarge)
	plain, _ := link(Hash{}, &row, nil)
	got, framed := link(Hash{}, &packed, nil)
	if got == plain || !bytes.Equal(framed[len(framed)-72:len(framed)-64], []byte{0, 0, 0, 0, 0, 0, 0, 2}) {
		t.Errorf("the chain is framed as %x", framed)
	}
}

func failureOf(code unpackable) *event.Failure {
	return &event.Failure{Stage: StageUnpack, Code: string(code), Offset: -1}
}

func total(c prometheus.Counter) float64 {
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		panic(err)
	}
	return m.Counter.GetValue()
}

// A batch that is too large for its records alone is unpacked before the worker
// knows it, by the client and once more.
func TestABatchOfTooManyRecordsBecomesDeadLetters(t *testing.T) {
	virtual(t, func(t *testing.T) {
		b := newBench(t, 1)
		values := make([][]byte, 400) // 3 KB in the batch, 80 KB in memory
		b.batch(0, values...)
		b.batch(0, plain(2)...)
		w := b.start(func(c *Config) { c.MaxUnpacked = 60_000 })
		b.settled(402, time.Minute)
		b.end(w)
		b.dead(0, 0, 399, batchTooLarge)
	})
}
