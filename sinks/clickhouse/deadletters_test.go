package clickhouse

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/chserver/chtest"
	"tocsin/pipeline"
	"tocsin/rules/event"
)

// rowAt is a row of a batch of its own. A row without failure is an event.
func rowAt(topic string, offset int64, failure *event.Failure, headers ...pipeline.Header) *pipeline.Batch {
	at := time.UnixMilli(1_790_000_000_123 + offset).UTC()
	raw := fmt.Appendf(nil, "record\x00\xff %d", offset)
	r := pipeline.Row{Offset: offset, Timestamp: at, Key: []byte("key"), Raw: raw, RawHash: sha256.Sum256(raw), Headers: headers, Failure: failure}
	if failure == nil {
		r.Event = event.New(event.LookupType("ledger.contract.executed"))
		r.Event.SetText(event.Ledger.Lookup("event_type"), "ledger.contract.executed")
	}
	return &pipeline.Batch{Cluster: "main", Topic: topic, First: offset, Last: offset, At: at, Rows: []pipeline.Row{r}}
}

var tooLarge = &event.Failure{Stage: "decode", Code: "too_large", Offset: -1, Detail: "the value is longer than the limit"}

func replayed(p Place) pipeline.Header {
	return pipeline.Header{Key: ReplayHeader, Value: []byte(p.In("main"))}
}

// TestStatusFollowsFromRowsAndNotes: what became of a dead letter, from every
// kind of row and note, and that nothing makes a second line of it.
func TestStatusFollowsFromRowsAndNotes(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	next := int64(0)
	f := func(name string, want Status, as string, steps ...string) {
		t.Helper()
		at := Place{Topic: "t", Offset: next}
		next += 100
		store := func(b *pipeline.Batch) {
			t.Helper()
			if err := s.Store(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		store(rowAt("t", at.Offset, tooLarge))
		for i, step := range steps {
			later := at.Offset + int64(i) + 1
			var err error
			switch step {
			case "replay", "refused", "discard":
				err = s.Note(t.Context(), "main", Disposition{Place: at, Action: Action(step), Attempt: 1, Reason: "r", Actor: "a"})
			case "event":
				store(rowAt("t", later, nil, replayed(at)))
			case "failure":
				store(rowAt("t", later, tooLarge, pipeline.Header{Key: "other"}, replayed(at)))
			case "another's":
				store(rowAt("t", later, nil, replayed(Place{Topic: "t", Offset: at.Offset + 50})))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if as != "" {
			as = fmt.Sprintf("t/0/%d", at.Offset+int64(slices.Index(steps, as))+1)
		}
		d, err := s.DeadLetter(t.Context(), "main", at)
		if err != nil || d.Status != want || d.ReplayedAs != as {
			t.Errorf("%s: %s as %q, %v; want %s as %q", name, d.Status, d.ReplayedAs, err, want, as)
		}
	}
	f("untouched", StatusOpen, "")
	f("another dead letter's replay", StatusOpen, "", "another's")
	f("noted", StatusPending, "", "replay")
	f("refused by the broker", StatusOpen, "", "replay", "refused")
	f("refused, then noted again", StatusPending, "", "replay", "refused", "replay")
	f("replayed", StatusReplayed, "event", "replay", "event")
	f("replayed by hand, never noted", StatusReplayed, "event", "event")
	f("failed again", StatusFailedAgain, "failure", "replay", "failure")
	f("failed, then not", StatusReplayed, "event", "replay", "failure", "replay", "event")
	f("sound, then failed", StatusReplayed, "event", "replay", "event", "replay", "failure")
	f("discarded", StatusDiscarded, "", "discard")
	f("discarded twice", StatusDiscarded, "", "discard", "discard")
	f("failed again and discarded", StatusDiscarded, "failure", "replay", "failure", "discard")
	f("discarded and replayed", StatusReplayed, "event", "discard", "replay", "event")

	all, err := s.DeadLetters(t.Context(), "main", LetterFilter{})
	if err != nil {
		t.Fatal(err)
	}
	if rows := number(t, reader(t, c), `SELECT count() FROM events WHERE failure_stage != ''`); len(all) != int(rows) {
		t.Errorf("the view has %d lines for %d dead letters", len(all), rows)
	}
	if other, err := s.DeadLetters(t.Context(), "other", LetterFilter{}); len(other) != 0 || err != nil {
		t.Errorf("another cluster has %d, %v", len(other), err)
	}
}

func TestDeadLettersByFilter(t *testing.T) {
	s := opened(t, migrated(t))
	syntax := &event.Failure{Stage: "envelope", Code: "missing_attribute", Offset: 7, Field: "id", Detail: "the attribute is required"}
	for _, b := range []*pipeline.Batch{rowAt("t", 1, tooLarge), rowAt("t", 2, syntax), rowAt("t", 3, nil), rowAt("u", 4, syntax), rowAt("u", 5, tooLarge)} {
		b.Partition = int32(b.First % 2)
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	at := func(offset int64) time.Time { return rowAt("t", offset, nil).At }
	partition, offset := int32(1), int64(5)
	f := func(name, want string, filter LetterFilter) {
		t.Helper()
		all, err := s.DeadLetters(t.Context(), "main", filter)
		var got []string
		for _, d := range all {
			got = append(got, d.Place.String())
		}
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("%s: %v, %v; want %s", name, got, err, want)
		}
	}
	f("all", "t/0/2 t/1/1 u/0/4 u/1/5", LetterFilter{})
	f("topic", "t/0/2 t/1/1", LetterFilter{Topic: "t"})
	f("no such topic", "", LetterFilter{Topic: "x' OR 1 OR '"})
	f("partition", "u/1/5", LetterFilter{Topic: "u", Partition: &partition})
	f("offset", "u/1/5", LetterFilter{Offset: &offset})
	f("stage", "t/0/2 u/0/4", LetterFilter{Stage: "envelope"})
	f("code", "t/1/1 u/1/5", LetterFilter{Code: "too_large"})
	f("from, to the millisecond", "t/0/2 u/0/4 u/1/5", LetterFilter{From: at(2)})
	f("to, to the millisecond", "t/1/1", LetterFilter{To: at(2)})
	f("both", "t/0/2", LetterFilter{From: at(2), To: at(4)})
	f("status", "t/0/2 t/1/1 u/0/4 u/1/5", LetterFilter{Statuses: []Status{StatusPending, StatusOpen}})
	f("another status", "", LetterFilter{Statuses: []Status{StatusPending}})
	f("limit", "t/0/2 t/1/1", LetterFilter{Limit: 2})

	want := DeadLetter{Place: Place{Topic: "t", Offset: 2}, At: at(2), Failure: *syntax, Size: 10, SHA256: sha256.Sum256([]byte("record\x00\xff 2")), Status: StatusOpen}
	d, err := s.DeadLetter(t.Context(), "main", want.Place)
	want.Stored = d.Stored
	if diff := cmp.Diff(want, d); diff != "" || err != nil || d.Stored.IsZero() {
		t.Errorf("%v %s", err, diff)
	}
	for place, holds := range map[Place]string{{Topic: "t", Partition: 1, Offset: 3}: "event, or a tombstone", {Topic: "t", Offset: 99}: "no row of that place"} {
		if _, err := s.DeadLetter(t.Context(), "main", place); !errors.Is(err, ErrNoDeadLetter) || !strings.Contains(err.Error(), holds) {
			t.Errorf("%s: %v, want one with %q", place, err, holds)
		}
	}
}

func TestRecordComesBackToTheByte(t *testing.T) {
	c := migrated(t)
	s := opened(t, c)
	sent := rowAt("t", 1, tooLarge, pipeline.Header{Key: "ce_id", Value: []byte("\x00\xff")}, pipeline.Header{Key: "ce_id", Value: []byte{}})
	if err := s.Store(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	r, err := s.Record(t.Context(), "main", Place{Topic: "t", Offset: 1})
	row := sent.Rows[0]
	if diff := cmp.Diff(Record{Key: row.Key, Headers: row.Headers, Raw: row.Raw}, r); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	execute(t, reader(t, c), `ALTER TABLE events UPDATE raw = 'altered' WHERE 1 SETTINGS mutations_sync = 1`)
	if _, err := s.Record(t.Context(), "main", Place{Topic: "t", Offset: 1}); err == nil || !strings.Contains(err.Error(), "altered") {
		t.Errorf("an altered row: %v", err)
	}
}

func TestReplaysInOrder(t *testing.T) {
	s := opened(t, migrated(t))
	at := Place{Topic: "t", Offset: 1}
	for _, b := range []*pipeline.Batch{rowAt("t", 1, tooLarge), rowAt("t", 3, nil, replayed(at)), rowAt("t", 2, tooLarge, replayed(at)), rowAt("t", 4, nil)} {
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.Replays(t.Context(), "main", at)
	want := []Replay{{Place{Topic: "t", Offset: 2}, rowAt("t", 2, nil).At, tooLarge}, {Place{Topic: "t", Offset: 3}, rowAt("t", 3, nil).At, nil}}
	if diff := cmp.Diff(want, all); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

// TestOneOfManyClaims: of operators that replay at once, one produces.
func TestOneOfManyClaims(t *testing.T) {
	s := opened(t, migrated(t))
	at := Place{Topic: "t", Offset: 1}
	var wg sync.WaitGroup
	errs := make(chan error, 10)
	for i := range cap(errs) {
		wg.Go(func() {
			errs <- s.Claim(t.Context(), "main", Disposition{Place: at, Action: Replaying, Attempt: 1, SHA256: sha256.Sum256([]byte{byte(i)}), Reason: "repaired", Actor: fmt.Sprint(i)})
		})
	}
	wg.Wait()
	close(errs)
	won := 0
	for err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrTaken):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d claims succeeded, want 1", won)
	}
	if err := s.Claim(t.Context(), "main", Disposition{Place: at, Action: Replaying, Attempt: 2}); err != nil {
		t.Errorf("the next attempt: %v", err)
	}
	all, err := s.Dispositions(t.Context(), "main", at)
	if err != nil || len(all) != 2 || all[0].Attempt != 1 || all[1].Attempt != 2 || all[0].Reason != "repaired" || all[0].SHA256 == (pipeline.Hash{}) {
		t.Errorf("noted: %+v, %v", all, err)
	}
}

// TestWhoMayOnlyReadLooksAndNotesNothing: list and show need SELECT alone.
func TestWhoMayOnlyReadLooksAndNotesNothing(t *testing.T) {
	c := migrated(t)
	if err := opened(t, c).Store(t.Context(), rowAt("t", 1, tooLarge)); err != nil {
		t.Fatal(err)
	}
	c.User, c.Password = chserver.AnalystUser, chtest.Server(t).AnalystPassword
	s := opened(t, c)
	if d, err := s.DeadLetter(t.Context(), "main", Place{Topic: "t", Offset: 1}); err != nil || d.Status != StatusOpen {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.Record(t.Context(), "main", Place{Topic: "t", Offset: 1}); err != nil {
		t.Error(err)
	}
	err := s.Claim(t.Context(), "main", Disposition{Place: Place{Topic: "t", Offset: 1}, Action: Replaying, Attempt: 1})
	if what, ok := pipeline.Waiting(err); !ok || !strings.Contains(what, "the right INSERT ON") {
		t.Errorf("a reader notes a replay: %v", err)
	}
}
