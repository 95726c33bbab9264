package clickhouse

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
)

// TestJudgedIsWhatWasStored: no row that was stored and read back differs from
// itself, and every verdict that is altered differs.
func TestJudgedIsWhatWasStored(t *testing.T) {
	s := opened(t, migrated(t))
	r := newRandom(20)
	b := r.batch("t", 100, 400, 0.3)
	if err := s.Store(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	digests, err := s.Derived(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	read, altered := 0, 0
	for j, err := range s.Judged(t.Context(), Part{b.Cluster, b.Topic, b.Partition}, 0, 1000) {
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(b.Rows, func(row pipeline.Row) bool { return row.Offset == j.Offset })
		row := b.Rows[i]
		if j.Derived != digests[i] {
			one := *b
			one.First, one.Rows = j.Offset, b.Rows[i:i+1]
			names, err := s.Unlike(t.Context(), j.Part, &one)
			t.Errorf("offset %d: the event's columns differ from themselves: %v, %v", j.Offset, names, err)
		}
		read++
		if d := j.Differences(&row); d != nil {
			t.Errorf("offset %d differs from itself: %v", j.Offset, d)
		}
		if !slices.Equal(j.Raw, row.Raw) || !j.Timestamp.Equal(row.Timestamp) || j.Digest != b.Digest || len(j.Headers) != len(row.Headers) {
			t.Errorf("offset %d was read back as another record", j.Offset)
		}
		for i, v := range row.Verdicts {
			if v.Finding == nil {
				continue
			}
			other := *v.Finding
			other.Deadline.DueAt = other.Deadline.DueAt.Add(time.Second)
			other.Severity = 1 + other.Severity%4
			row.Verdicts = slices.Clone(row.Verdicts)
			row.Verdicts[i].Finding = &other
			if d := j.Differences(&row); !slices.Contains(d, Difference{v.Rule.ID, "findings.severity"}) {
				t.Errorf("offset %d: the severity of %s was altered, and it differs in %v", j.Offset, v.Rule.ID, d)
			}
			altered++
			break
		}
	}
	if read != len(b.Rows) || altered == 0 {
		t.Errorf("%d rows read, %d altered; want %d and some", read, altered, len(b.Rows))
	}
}

// TestDerivedIsThatOfTheStoredRow: which columns an insert or a question leaves
// out, because no row has a value for them, makes no difference.
func TestDerivedIsThatOfTheStoredRow(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	r := newRandom(22)
	part := Part{"main", "t", 3}
	batches := []*pipeline.Batch{r.batch("t", 0, 40, 0.05), r.batch("t", 40, 1, 0.05), r.batch("t", 41, 2, 0.3), r.batch("t", 43, 1, 0.01)}
	for _, b := range batches {
		b.Cluster, b.Partition = part.Cluster, part.Partition
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	stored := make(map[int64]pipeline.Hash)
	read := func() {
		for j, err := range s.Judged(t.Context(), part, 0, 100) {
			if err != nil {
				t.Fatal(err)
			}
			stored[j.Offset] = j.Derived
		}
	}
	read()
	differ := 0
	each := func(say func(offset int64, names []string)) {
		for _, b := range batches {
			for i := range b.Rows {
				one := *b
				one.Rows, one.First = b.Rows[i:i+1], b.Rows[i].Offset
				digests, err := s.Derived(t.Context(), &one)
				if err != nil {
					t.Fatal(err)
				}
				if digests[0] == stored[one.First] {
					continue
				}
				differ++
				names, err := s.Unlike(t.Context(), part, &one)
				if err != nil {
					t.Fatal(err)
				}
				say(one.First, names[0])
			}
		}
	}
	each(func(offset int64, names []string) { t.Errorf("offset %d differs from itself in %v", offset, names) })

	execute(t, reader(t, c), `ALTER TABLE events UPDATE contract_total_value_group = 17, header_text = 'other' WHERE offset IN (3, 40) SETTINGS mutations_sync = 1`)
	differ = 0
	read()
	each(func(offset int64, names []string) {
		if slices.Sort(names); !slices.Equal(names, []string{"contract_total_value_group", "header_text"}) || offset != 3 && offset != 40 {
			t.Errorf("offset %d differs in %v", offset, names)
		}
	})
	if differ != 2 {
		t.Errorf("%d rows differ, want 2", differ)
	}
}

func TestLinksComeInOrder(t *testing.T) {
	s := opened(t, migrated(t))
	r := newRandom(21)
	part := Part{"main", "t", 3}
	var want []int64
	for _, first := range []int64{0, 50, 3 * span, 3*span + 60, 9 * span} { // beyond one query, and with nothing between
		b := r.batch("t", first, 50, 0.1)
		b.Cluster, b.Partition = part.Cluster, part.Partition
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for _, row := range b.Rows {
			want = append(want, row.Offset)
		}
	}
	var got []int64
	for l, err := range s.Links(t.Context(), part, 0, 10*span) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Offset)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	extents, err := s.Extents(t.Context(), part.Cluster, "", time.Time{}, time.Time{})
	if diff := cmp.Diff([]Extent{{part, uint64(len(want)), 0, want[len(want)-1]}}, extents); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if _, at, ok, err := s.ChainBefore(t.Context(), part, 3*span); at != 99 || !ok || err != nil {
		t.Errorf("the row before is at %d, %v, %v; want 99", at, ok, err)
	}
}
