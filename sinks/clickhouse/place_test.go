package clickhouse

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/pipeline"
)

// The ids that Kafka gave a topic when it was created, and when it was created again.
var (
	oldID = pipeline.TopicID{1}
	newID = pipeline.TopicID{2}
)

func TestPlacesAreReadAsWritten(t *testing.T) {
	for text, want := range map[string]Named{
		"ledger.events/1/7": {Place{"ledger.events", pipeline.TopicID{}, 1, 7}, false},
		"t/" + oldID.String() + "/2147483647/9223372036854775807": {Place{"t", oldID, 1<<31 - 1, 1<<63 - 1}, true},
		"t//0/7": {Place{Topic: "t", Offset: 7}, true},
	} {
		got, err := ParsePlace(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "t", "t/0", "/0/7", "t/0/-1", "t/-1/7", "t/2147483648/7", "t/x/0/7", "t/AQ/0/7", "t/" + oldID.String() + "/0", "main/t/" + oldID.String() + "/0/7"} {
		if n, err := ParsePlace(text); err == nil || !strings.Contains(err.Error(), "topic/ID/partition/offset") {
			t.Errorf("%q: %+v, %v", text, n, err)
		}
	}
	if got, want := (Place{"t", oldID, 0, 7}).In("main"), "main/t/"+oldID.String()+"/0/7"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestTopicMadeAgainHasOtherDeadLetters: two logs of one name have a dead letter at
// one offset. What is done about one leaves the other as it is.
func TestTopicMadeAgainHasOtherDeadLetters(t *testing.T) {
	s := opened(t, migrated(t))
	store := func(id pipeline.TopicID, raw string, b *pipeline.Batch) {
		t.Helper()
		row := &b.Rows[0]
		b.TopicID, row.Raw, row.RawHash = id, []byte(raw), sha256.Sum256([]byte(raw))
		if err := s.Store(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	old, young := Place{"t", oldID, 0, 7}, Place{"t", newID, 0, 7}
	store(oldID, "old", rowAt("t", 7, tooLarge))
	store(newID, "new", rowAt("t", 7, tooLarge))
	store(oldID, "old 8", rowAt("t", 8, tooLarge))
	store(newID, "new 8", rowAt("t", 8, nil))
	store(newID, "new 9", rowAt("t", 9, tooLarge))
	statuses := func(what string, want ...string) {
		t.Helper()
		all, err := s.DeadLetters(t.Context(), "main", LetterFilter{})
		var got []string
		for _, d := range all {
			text := strings.Replace(strings.Replace(d.Place.String(), oldID.String(), "OLD", 1), newID.String(), "NEW", 1) + " " + string(d.Status)
			if d.ReplayedAs != "" {
				text += " as " + strings.Replace(d.ReplayedAs, newID.String(), "NEW", 1)
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", what, err, diff)
		}
	}
	statuses("untouched", "t/OLD/0/7 open", "t/OLD/0/8 open", "t/NEW/0/7 open", "t/NEW/0/9 open")

	// Notes, and their tokens.
	for _, p := range []Place{old, young} {
		if err := s.Claim(t.Context(), "main", Disposition{Place: p, Action: Replaying, Attempt: 1, Actor: p.ID.String()}); err != nil {
			t.Errorf("the first claim of %s: %v", p, err)
		}
	}
	if err := s.Note(t.Context(), "main", Disposition{Place: young, Action: Refused, Attempt: 1}, Disposition{Place: young, Action: Discarding}); err != nil {
		t.Fatal(err)
	}
	statuses("one noted, one set aside", "t/OLD/0/7 pending", "t/OLD/0/8 open", "t/NEW/0/7 discarded", "t/NEW/0/9 open")
	if notes, err := s.Dispositions(t.Context(), "main", old); err != nil || len(notes) != 1 || notes[0].Actor != oldID.String() || notes[0].Place != old {
		t.Errorf("noted about %s: %+v, %v", old, notes, err)
	}

	// The replay of a record of the old log is a record of the new one.
	store(newID, "old, repaired", rowAt("t", 10, nil, replayed(old)))
	statuses("replayed", "t/OLD/0/7 replayed as t/NEW/0/10", "t/OLD/0/8 open", "t/NEW/0/7 discarded", "t/NEW/0/9 open")
	if all, err := s.Replays(t.Context(), "main", old); err != nil || len(all) != 1 || all[0].Place != (Place{"t", newID, 0, 10}) {
		t.Errorf("replays of %s: %+v, %v", old, all, err)
	}
	if all, err := s.Replays(t.Context(), "main", young); err != nil || len(all) != 0 {
		t.Errorf("replays of %s: %+v, %v", young, all, err)
	}

	// Bytes.
	for p, want := range map[Place]string{old: "old", young: "new"} {
		if d, err := s.DeadLetter(t.Context(), "main", p); err != nil || d.Place != p || d.SHA256 != sha256.Sum256([]byte(want)) {
			t.Errorf("%s: %+v, %v", p, d, err)
		}
		if r, err := s.Record(t.Context(), "main", p); err != nil || string(r.Raw) != want {
			t.Errorf("%s: the record %q, %v; want %q", p, r.Raw, err, want)
		}
		if r, found, err := s.Stored(t.Context(), "main", Named{p, true}); err != nil || !found || string(r.Raw) != want {
			t.Errorf("%s: stored %q, %t, %v; want %q", p, r.Raw, found, err, want)
		}
	}
	if all, err := s.DeadLetters(t.Context(), "main", LetterFilter{Topic: "t", ID: &newID}); err != nil || len(all) != 2 || all[0].Place != young {
		t.Errorf("the dead letters of the new log: %+v, %v", all, err)
	}
	if d, err := s.DeadLetter(t.Context(), "main", Place{"t", newID, 0, 8}); !errors.Is(err, ErrNoDeadLetter) || !strings.Contains(err.Error(), "event, or a tombstone") {
		t.Errorf("an event at a dead letter's offset of the old log: %+v, %v", d, err)
	}

	// What a person names without the id.
	short := func(offset int64) Named { return Named{Place: Place{Topic: "t", Offset: offset}} }
	for offset, want := range map[int64]Place{8: {"t", oldID, 0, 8}, 9: {"t", newID, 0, 9}} {
		if d, err := s.Find(t.Context(), "main", short(offset)); err != nil || d.Place != want {
			t.Errorf("t/0/%d is %s, %v; want %s", offset, d.Place, err, want)
		}
	}
	_, several := s.Find(t.Context(), "main", short(7))
	_, _, stored := s.Stored(t.Context(), "main", short(8))
	for err, names := range map[error][]string{several: {old.String(), young.String()}, stored: {"t/" + oldID.String() + "/0/8", "t/" + newID.String() + "/0/8"}} {
		if !errors.Is(err, ErrSeveral) || slices.ContainsFunc(names, func(name string) bool { return !strings.Contains(err.Error(), name+" of 2026-") }) {
			t.Errorf("%v; want %v", err, names)
		}
	}
	if r, found, err := s.Stored(t.Context(), "main", short(9)); err != nil || !found || string(r.Raw) != "new 9" {
		t.Errorf("t/0/9 is stored as %q, %t, %v", r.Raw, found, err)
	}
}
