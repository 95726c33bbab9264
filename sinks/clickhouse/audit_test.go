package clickhouse

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/event"
	"tocsin/rules/money"
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
	read := 0
	var altered []string
	for j, err := range s.Judged(t.Context(), Part{Cluster: b.Cluster, Topic: b.Topic, Partition: b.Partition}, 0, 1000) {
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
		if row.Failure != nil {
			altered = append(altered, alterFailure(t, j, row)...)
		}
		for i, v := range row.Verdicts {
			changed := row
			for column, alter := range map[string]func(v *rules.Verdict){
				"verdicts.revision": func(v *rules.Verdict) { other := *v.Rule; other.Revision++; v.Rule = &other },
				"verdicts.outcome":  func(v *rules.Verdict) { v.Outcome = (v.Outcome + 1) % 4 },
			} {
				changed.Verdicts = slices.Clone(row.Verdicts)
				alter(&changed.Verdicts[i])
				if d := j.Differences(&changed); !slices.Equal(d, []Difference{{v.Rule.ID, column}}) {
					t.Errorf("offset %d: %s of %s was altered, and it differs in %v", j.Offset, column, v.Rule.ID, d)
				}
				altered = append(altered, column)
			}
			if v.Finding == nil {
				continue
			}
			altered = append(altered, alterFinding(t, j, row, i)...)
		}
	}
	slices.Sort(altered)
	columns := slices.Compact(altered)
	if read != len(b.Rows) || len(columns) != 22 {
		t.Errorf("%d rows read, and altered in %v; want %d and 22 columns", read, columns, len(b.Rows))
	}
}

// alterFinding alters each respect of the finding of one verdict. It returns the
// columns.
func alterFinding(t *testing.T, j *Judged, row pipeline.Row, i int) (columns []string) {
	at := time.UnixMicro(1_700_000_000_000_001)
	for column, alter := range map[string]func(r *rules.Rule, f *rules.Finding){
		"findings.title":               func(r *rules.Rule, _ *rules.Finding) { r.Title += "x" },
		"findings.item":                func(r *rules.Rule, _ *rules.Finding) { r.Item += "x" },
		"findings.candidate_id":        func(_ *rules.Rule, f *rules.Finding) { f.CandidateID += "x" },
		"findings.severity":            func(_ *rules.Rule, f *rules.Finding) { f.Severity = 1 + f.Severity%4 },
		"findings.key":                 func(_ *rules.Rule, f *rules.Finding) { f.Key += "x" },
		"findings.trigger_field":       func(_ *rules.Rule, f *rules.Finding) { f.TriggerField += "x" },
		"findings.trigger":             func(_ *rules.Rule, f *rules.Finding) { f.Trigger = at },
		"findings.due_date":            func(_ *rules.Rule, f *rules.Finding) { f.Deadline.DueDate++ },
		"findings.due_at":              func(_ *rules.Rule, f *rules.Finding) { f.Deadline.DueAt = at },
		"findings.due_at_conservative": func(_ *rules.Rule, f *rules.Finding) { f.Deadline.DueAtConservative = at },
		"findings.deadline_error":      func(_ *rules.Rule, f *rules.Finding) { f.DeadlineError += "x" },
		"findings.value":               func(_ *rules.Rule, f *rules.Finding) { f.Value += "x" },
		"findings.value_number":        func(_ *rules.Rule, f *rules.Finding) { n := money.FromInt(987_654_321); f.Number = &n },
		"findings.value_unit":          func(_ *rules.Rule, f *rules.Finding) { f.Unit += "x" },
		"findings.reason":              func(_ *rules.Rule, f *rules.Finding) { f.Reason += "x" },
	} {
		changed := row
		changed.Verdicts = slices.Clone(row.Verdicts)
		v := &changed.Verdicts[i]
		rule, finding := *v.Rule, *v.Finding
		alter(&rule, &finding)
		v.Rule, v.Finding = &rule, &finding
		if d := j.Differences(&changed); !slices.Equal(d, []Difference{{rule.ID, column}}) {
			t.Errorf("offset %d: %s of %s was altered, and it differs in %v", j.Offset, column, rule.ID, d)
		}
		columns = append(columns, column)
	}
	return columns
}

// alterFailure alters each field of a dead letter's failure, one at a time. It
// returns the columns.
func alterFailure(t *testing.T, j *Judged, row pipeline.Row) (columns []string) {
	for column, alter := range map[string]func(f *event.Failure){
		"failure_stage":  func(f *event.Failure) { f.Stage = "unpack" },
		"failure_code":   func(f *event.Failure) { f.Code += "x" },
		"failure_field":  func(f *event.Failure) { f.Field = "x" + f.Field },
		"failure_offset": func(f *event.Failure) { f.Offset++ },
		"failure_detail": func(f *event.Failure) { f.Detail = "x" + f.Detail },
	} {
		other := *row.Failure
		alter(&other)
		changed := row
		changed.Failure = &other
		if d := j.Differences(&changed); !slices.Equal(d, []Difference{{"", column}}) {
			t.Errorf("offset %d: %s was altered, and it differs in %v", j.Offset, column, d)
		}
		columns = append(columns, column)
	}
	return columns
}

// TestDerivedIsThatOfTheStoredRow: which columns an insert or a question leaves
// out, because no row has a value for them, makes no difference.
func TestDerivedIsThatOfTheStoredRow(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	r := newRandom(22)
	part := Part{Cluster: "main", Topic: "t", Partition: 3}
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

	execute(t, reader(t, c), `ALTER TABLE events UPDATE rest = mapUpdate(rest, map('contract_total_value_group', '17')), header_text = 'other' WHERE offset IN (3, 40) SETTINGS mutations_sync = 1`)
	differ = 0
	read()
	each(func(offset int64, names []string) {
		if slices.Sort(names); !slices.Equal(names, []string{"contract_total_value_group", "header_text", "rest"}) || offset != 3 && offset != 40 {
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
	part := Part{Cluster: "main", Topic: "t", Partition: 3}
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
	found := 0
	for l, err := range s.Links(t.Context(), part, 49, 49) {
		if found++; err != nil || l.Offset != 49 {
			t.Fatalf("the last row of a range: %d, %v", l.Offset, err)
		}
	}
	if found != 1 {
		t.Errorf("a range of one row has %d", found)
	}
	var got []int64
	for l, err := range s.Links(t.Context(), part, 0, 10*span) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Offset)
		// The audit computes the hash by itself, from the columns.
		if l.Judged == (pipeline.Hash{}) || l.Judged != l.Rejudged {
			t.Errorf("offset %d: the judgement has the hash %x, and the audit computes %x", l.Offset, l.Judged, l.Rejudged)
		}
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

// TestExtentsOfATime: batches of ten rows, the first rows of which are a day
// apart, and one row that is dated wrongly.
func TestExtentsOfATime(t *testing.T) {
	s := opened(t, migrated(t))
	r := newRandom(23)
	part := Part{Cluster: "main", Topic: "t", Partition: 3}
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	for n := 1; n <= 5; n++ {
		b := r.batch("t", int64(n)*10, 10, 0.1)
		b.Cluster, b.Partition, b.At = part.Cluster, part.Partition, day(n)
		for i := range b.Rows {
			b.Rows[i].Timestamp = day(n).Add(time.Duration(i) * time.Minute)
		}
		if n == 3 {
			b.Rows[4].Timestamp = day(20)
		}
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []struct {
		name        string
		from, to    time.Time
		rows        uint64
		first, last int64
	}{
		{"all", time.Time{}, time.Time{}, 50, 10, 59},
		{"from a day", day(2), time.Time{}, 40, 20, 59},
		{"to a day", time.Time{}, day(4), 29, 10, 39},
		{"a day, and the row that is dated wrongly", day(4), day(5), 10, 30, 49},
		{"before everything", time.Time{}, day(1), 0, 10, 9},
		{"after everything", day(21), time.Time{}, 0, 60, 59},
		{"the middle of a batch", day(2).Add(5 * time.Minute), day(2).Add(6 * time.Minute), 1, 20, 29},
		{"between two batches", day(1).Add(time.Hour), day(2), 0, 20, 19},
	} {
		got, err := s.Extents(t.Context(), part.Cluster, "", f.from, f.to)
		if diff := cmp.Diff([]Extent{{part, f.rows, f.first, f.last}}, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", f.name, err, diff)
		}
	}
}

func TestHeadersOfWhatWasStored(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	r := newRandom(24)
	digest := fmt.Sprintf("%x", sha256.Sum256([]byte("x")))
	part := Part{Cluster: "main", Topic: "t", Partition: 3}
	for n := range int64(3) {
		b := r.batch("t", n*10, 10, 0.1)
		b.Cluster, b.Partition, b.At, b.Digest = part.Cluster, part.Partition, b.Rows[0].Timestamp, digest
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	headers := func() (all []Header) {
		for h, err := range s.Headers(t.Context(), part, 0, 100) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, h)
		}
		return all
	}
	all := headers()
	for i, h := range all {
		if first := int64(i) * 10; h.First != first || h.Last != first+9 || h.Rows != 10 || h.Held != 10 || h.Lowest != first || h.Highest != first+9 || !h.Dated() {
			t.Errorf("header %d is %+v", i, h)
		}
	}
	if len(all) != 3 {
		t.Fatalf("%d headers, want 3", len(all))
	}
	if err := s.SavePack(t.Context(), digest, "p", []byte("x")); err != nil {
		t.Fatal(err)
	}
	conn := reader(t, c)
	execute(t, conn, `ALTER TABLE events UPDATE rules_digest = 'gone', kafka_millis = kafka_millis + 1000 WHERE offset IN (10, 12) SETTINGS mutations_sync = 1`)
	if all = headers(); len(all) != 4 || all[1].Rules != "gone" || all[1].Held != 2 || all[1].Lowest != 10 || all[1].Highest != 12 || all[1].Dated() {
		t.Errorf("two rows of a batch were altered: %+v", all)
	}
	for u, err := range s.Unkept(t.Context(), part, 0, 100) {
		if diff := cmp.Diff(Unkept{"gone", 2, 10, 12}, u); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
}

func TestMattersByTheTimeOfStoring(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	conn := reader(t, c)
	// m1 is raised first by the row that Kafka dates later; m2 long ago and again.
	execute(t, conn, `INSERT INTO events (cluster, topic, partition, offset, kafka_millis, stored_at, findings.rule, findings.candidate_id) VALUES
		('main', 't', 0, 5, 1767312000000, '2026-01-01 10:00:00', ['R-1'], ['m1']), ('main', 't', 1, 6, 1767225600000, '2026-01-01 11:00:00', ['R-1'], ['m1']),
		('main', 't', 0, 1, 1735689600000, '2025-01-01 00:00:00', ['R-2'], ['m2']), ('main', 't', 0, 7, 1767225600000, '2026-01-01 12:00:00', ['R-2', 'R-3'], ['m2', 'm3']),
		('other', 't', 0, 7, 1767225600000, '2026-01-01 12:00:00', ['R-2'], ['m4'])`)
	at := func(hour int) time.Time { return time.Date(2026, 1, 1, hour, 0, 0, 0, time.UTC) }
	f := func(name string, from, to time.Time, only []string, want ...string) {
		t.Helper()
		var got []string
		for m, err := range s.Matters(t.Context(), "main", from, to, only...) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%s %s %d/%d %s", m.ID, m.Rule, m.Partition, m.Offset, m.Stored.Format("2006-01-02 15")))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	m1, m2, again, m3 := "m1 R-1 0/5 2026-01-01 10", "m2 R-2 0/1 2025-01-01 00", "m2 R-2 0/7 2026-01-01 12", "m3 R-3 0/7 2026-01-01 12"
	f("all", time.Time{}, time.Time{}, nil, m2, m1, m3)
	f("since", at(0), time.Time{}, nil, m1, again, m3)
	f("until", time.Time{}, at(11), nil, m2, m1)
	f("some", time.Time{}, time.Time{}, []string{"m2", "m9"}, m2)
	f("none", at(13), time.Time{}, nil)

	raised, err := s.Raised(t.Context(), []string{"m1", "m4", "m9"})
	if diff := cmp.Diff(map[string]bool{"m1": true, "m4": true}, raised); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}
