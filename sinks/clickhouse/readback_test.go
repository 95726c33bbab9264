package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/pipeline"
)

func TestReadBack(t *testing.T) {
	s := opened(t, migrated(t))
	r := newRandom(10)
	var third *pipeline.Batch
	for _, first := range []int64{0, 100, 300} { // 200 to 299 were never sent
		b := r.batch("t", first, 100, 0.1)
		b.Partition, third = 3, b
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	other := r.batch("t", 0, 100, 0.1)
	other.Cluster = "other"
	if err := s.Store(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	tail := func(cluster, topic string, partition int32, want int64) {
		t.Helper()
		held, ok, err := s.Tail(t.Context(), pipeline.Log{Cluster: cluster, Topic: topic, Partition: partition}, 0)
		if ok != (want >= 0) || (ok && held.Last != want) || err != nil {
			t.Errorf("tail of %s/%s/%d: %+v, %v, %v; want %d", cluster, topic, partition, held, ok, err, want)
		}
	}
	tail("main", "t", 3, 399)
	tail("main", "t", 4, -1)
	tail("main", "u'; DROP", 3, -1)
	tail("another", "t", 3, -1)
	last := r.batch("t", 400, 2, 0)
	last.Rows[1].Chain[31] = 0
	last.Partition, last.Last = 3, 420 // its last records were compacted away before a replay
	if err := s.Store(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	tail("main", "t", 3, 420)
	held, _, _ := s.Tail(t.Context(), pipeline.Log{Cluster: "main", Topic: "t", Partition: 3}, 401)
	want := pipeline.Tail{First: 400, Last: 420, Digest: last.Digest, MaxBytes: last.MaxBytes, Before: third.Rows[99].Chain, Chain: last.Rows[1].Chain}
	if held != want {
		t.Errorf("the tail is %+v, want %+v", held, want)
	}
}

// A batch is there as a whole, or not at all, or the worker stops.
func TestHolds(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	r := newRandom(10)
	batch := func(first, rows int64) *pipeline.Batch {
		b := r.batch("t", first, int(rows), 0.1)
		b.Partition = 3
		return b
	}
	whole, part, doubled := batch(0, 10), batch(10, 10), batch(20, 10)
	whole.Rows[9].Chain[31] = 0 // as one in 256 is, which toString would cut
	for _, b := range []*pipeline.Batch{whole, part, doubled} {
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	conn := reader(t, c)
	execute(t, conn, `ALTER TABLE events DELETE WHERE offset = 15 SETTINGS mutations_sync = 1`)
	execute(t, conn, `INSERT INTO events (cluster, topic, partition, offset, batch_first, batch_last, batch_rows) VALUES ('main', 't', 3, 25, 20, 29, 10)`)
	// As many rows as the batch had, and one of them is altered in one respect.
	altered := map[*pipeline.Batch]string{batch(50, 10): `11 AS batch_rows`, batch(60, 10): `9 AS batch_rows`, batch(70, 10): `batch_first - 1 AS batch_first`,
		batch(80, 10): `batch_last + 1 AS batch_last`, batch(90, 10): `batch_at - INTERVAL 1 DAY AS batch_at`}
	for b, how := range altered {
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		row := fmt.Sprintf(`offset = %d`, b.First+5)
		execute(t, conn, `INSERT INTO events SELECT * REPLACE ('altered' AS key, `+how+`) FROM events WHERE `+row)
		execute(t, conn, `ALTER TABLE events DELETE WHERE `+row+` AND key != 'altered' SETTINGS mutations_sync = 1`)
	}
	f := func(b *pipeline.Batch, want string) {
		t.Helper()
		stored, held, err := s.Holds(t.Context(), b)
		if held && stored.Chain != b.Rows[len(b.Rows)-1].Chain {
			t.Errorf("%s: the chain is not that of its last row", b.Token())
		}
		got := fmt.Sprint(held)
		if err != nil {
			if _, waiting := pipeline.Waiting(err); waiting {
				t.Errorf("%s: a wait: %v", b.Token(), err)
			}
			got = "stop"
		}
		if got != want {
			t.Errorf("%s: %s, %v; want %s", b.Token(), got, err, want)
		}
	}
	f(whole, "true")
	f(part, "stop")
	f(doubled, "stop")
	for b := range altered {
		f(b, "stop")
	}
	f(batch(30, 10), "false")
	f(batch(0, 9), "stop")  // another batch's rows
	f(batch(5, 10), "stop") // overlaps two
}

// A worker that is stopped after the server has begun its insert cannot finish
// it after the insert's time: the server ends it.
func TestTheServerEndsAnInsertWhoseWorkerStoodStill(t *testing.T) {
	c := migrated(t)
	c.InsertTimeout = time.Second
	s := opened(t, c)
	b := newRandom(10).batch("t", 0, 10, 0.1)
	full := newBlock()
	full.fill(b)
	insert, err := s.conn.PrepareBatch(under(t.Context(), b.Token(), s.insertTimeout, new(receipt)), full.statement())
	if err != nil {
		t.Fatal(err)
	}
	conn := reader(t, c)
	for number(t, conn, `SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND current_database = '`+c.Database+`' AND elapsed > 1.5`) == 0 {
		if number(t, conn, `SELECT count() FROM system.processes WHERE query_kind = 'Insert' AND current_database = '`+c.Database+`'`) == 0 {
			break // ended already
		}
	}
	if err := full.into(insert); err != nil {
		t.Fatal(err)
	}
	if err := classified(t.Context(), insert.Send()); err == nil {
		t.Error("the insert was taken after its time")
	}
	if n := number(t, conn, `SELECT count() FROM events`); n != 0 {
		t.Errorf("%d rows were stored after the insert's time", n)
	}
}

func TestPacks(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	archive := []byte("-- pack.yaml --\nid: 'x' \x00 \\ \n")
	for range 2 {
		if err := s.SavePack(t.Context(), "d1", "sox409", archive); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SavePack(t.Context(), "d2", "sox409", nil); err != nil {
		t.Fatal(err)
	}
	held, err := s.LoadPack(t.Context(), "d1")
	if err != nil || !bytes.Equal(held, archive) {
		t.Errorf("the pack came back as %q, %v", held, err)
	}
	if n := number(t, reader(t, c), `SELECT count() FROM packs`); n != 2 {
		t.Errorf("%d rows for 2 packs", n)
	}
	_, err = s.LoadPack(t.Context(), "d3")
	if _, waiting := pipeline.Waiting(err); !errors.Is(err, ErrNoPack) || waiting {
		t.Errorf("a pack that was never kept: %v", err)
	}
}

func TestCompletenessFindsFaults(t *testing.T) {
	c := migrated(t)
	conn := reader(t, c)
	f := func(topic, rows, want string) { // rows are (offset, batch_first, batch_last, batch_rows)
		t.Helper()
		execute(t, conn, `INSERT INTO events (topic, offset, batch_first, batch_last, batch_rows, batch_at) SELECT '`+topic+`', o, f, l, r, now64(3) FROM
			values('o Int64, f Int64, l Int64, r UInt32', `+rows+`)`)
		got := ask(t, c, `SELECT rows, first_offset, last_offset, batches, lost, doubled, skipped, overlapping FROM completeness WHERE topic = '`+topic+`'`)
		if strings.TrimSpace(got) != strings.ReplaceAll(want, " ", "\t") {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
	}
	f("sound", `(0, 0, 1, 2), (1, 0, 1, 2), (2, 2, 2, 1)`, "3 0 2 2 0 0 0 0")
	f("compacted within a batch", `(0, 0, 5, 2), (5, 0, 5, 2)`, "2 0 5 1 0 0 0 0")
	f("lost", `(0, 0, 2, 3), (1, 0, 2, 3)`, "2 0 2 1 1 0 0 0")
	f("doubled", `(0, 0, 0, 1), (0, 0, 0, 1)`, "2 0 0 1 0 1 0 0")
	f("skipped", `(0, 0, 0, 1), (4, 4, 4, 1)`, "2 0 4 2 0 0 3 0")
	f("overlapping", `(0, 0, 1, 2), (1, 0, 1, 2), (1, 1, 2, 2), (2, 1, 2, 2)`, "4 0 2 2 0 0 0 1")
}

// TestStored: a record is found by where it stood in Kafka, byte for byte.
func TestStored(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	b := newRandom(3).batch("t", 40, 20, 0.5)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Rows {
		row := &b.Rows[i]
		got, found, err := s.Stored(t.Context(), b.Cluster, Named{Place: Place{b.Topic, b.TopicID, b.Partition, row.Offset}})
		if err != nil || !found {
			t.Fatalf("offset %d: found %t, %v", row.Offset, found, err)
		}
		if string(got.Raw) != string(row.Raw) || len(got.Headers) != len(row.Headers) || got.Tombstone != row.Tombstone || got.Digest != b.Digest ||
			got.Timestamp.UnixMilli() != row.Timestamp.UnixMilli() {
			t.Errorf("offset %d is not as it was stored", row.Offset)
		}
		for n, h := range got.Headers {
			if h.Key != row.Headers[n].Key || string(h.Value) != string(row.Headers[n].Value) {
				t.Errorf("offset %d, header %d differs", row.Offset, n)
			}
		}
	}
	if _, found, err := s.Stored(t.Context(), b.Cluster, Named{Place: Place{b.Topic, b.TopicID, b.Partition, b.Last + 1}}); found || err != nil {
		t.Errorf("a record that is not there: found %t, %v", found, err)
	}
}
