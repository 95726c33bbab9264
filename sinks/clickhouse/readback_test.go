package clickhouse

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
)

func TestReadBack(t *testing.T) {
	s := opened(t, migrated(t))
	r := newRandom(10)
	for _, first := range []int64{0, 100, 300} { // 200 to 299 were never sent
		b := r.batch("t", first, 100, 0.1)
		b.Partition = 3
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	other := r.batch("t", 0, 100, 0.1)
	other.Cluster = "other"
	if err := s.Store(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	marks, err := s.Watermarks(t.Context(), "main")
	if diff := cmp.Diff([]Watermark{{"t", 3, 399}}, marks); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	f := func(cluster, topic string, partition int32, first, last int64, want uint64) {
		t.Helper()
		if n, err := s.Rows(t.Context(), cluster, topic, partition, first, last); n != want || err != nil {
			t.Errorf("%s/%s/%d %d to %d: %d rows, %v; want %d", cluster, topic, partition, first, last, n, err, want)
		}
	}
	f("main", "t", 3, 0, 199, 200)
	f("main", "t", 3, 150, 349, 100)
	f("main", "t", 3, 200, 299, 0)
	f("main", "t", 3, 399, 399, 1)
	f("main", "t", 4, 0, 399, 0)
	f("other", "t", 3, 0, 399, map[bool]uint64{true: 100}[other.Partition == 3])
	f("main", "u'; DROP", 3, 0, 399, 0)
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
	if _, waiting := pipeline.Waiting(err); !errors.Is(err, errNoPack) || waiting {
		t.Errorf("a pack that nobody kept: %v", err)
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

// TestRecord: a record is found by where it stood in Kafka, byte for byte.
func TestRecord(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	b := newRandom(3).batch("t", 40, 20, 0.5)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Rows {
		row := &b.Rows[i]
		got, found, err := s.Record(t.Context(), b.Cluster, b.Topic, b.Partition, row.Offset)
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
	if _, found, err := s.Record(t.Context(), b.Cluster, b.Topic, b.Partition, b.Last+1); found || err != nil {
		t.Errorf("a record that is not there: found %t, %v", found, err)
	}
}
