package trail

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// chained returns a sound partition of batches of ten rows; no row has an offset in
// skip.
func chained(n int, skip ...int64) (rows []clickhouse.Link) {
	var head pipeline.Hash
	for o := int64(0); len(rows) < n; o++ {
		if slices.Contains(skip, o) {
			continue
		}
		l := clickhouse.Link{Offset: o, Stored: sha256.Sum256(fmt.Append(nil, o)), Judged: sha256.Sum256(fmt.Append(nil, "judgement of ", o))}
		l.Computed, l.Rejudged = l.Stored, l.Judged
		head = link(head, &l)
		l.Chain = head
		rows = append(rows, l)
	}
	for some := range slices.Chunk(rows, 10) {
		for i := range some {
			some[i].BatchFirst, some[i].BatchLast = some[0].Offset, some[len(some)-1].Offset
		}
	}
	return rows
}

// followed returns the problems that a chain reports on rows, with the group's
// commit after the sound ones.
func followed(sound, rows []clickhouse.Link) (found []string, t *Chain) {
	last := sound[len(sound)-1]
	t = NewChain(pipeline.Hash{}, nil, &Anchor{Offset: last.Offset + 1, Head: last.Chain}, func(kind string, first, last int64, _ string) {
		found = append(found, fmt.Sprintf("%s %d-%d", kind, first, last))
	})
	for _, l := range rows {
		t.Add(l)
	}
	t.End()
	return found, t
}

func TestChainNamesWhatWasDone(t *testing.T) {
	other := sha256.Sum256([]byte("other"))
	at := func(l clickhouse.Link, offset int64) clickhouse.Link {
		l.Offset = offset
		return l
	}
	f := func(name string, change func([]clickhouse.Link) []clickhouse.Link, want ...string) {
		t.Helper()
		sound := chained(30, 15, 16, 22)
		found, _ := followed(sound, change(slices.Clone(sound)))
		if diff := cmp.Diff(want, found); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	change := func(i int, how func(*clickhouse.Link)) func([]clickhouse.Link) []clickhouse.Link {
		return func(r []clickhouse.Link) []clickhouse.Link { how(&r[i]); return r }
	}
	remove := func(from, to int) func([]clickhouse.Link) []clickhouse.Link {
		return func(r []clickhouse.Link) []clickhouse.Link { return slices.Delete(r, from, to) }
	}
	insert := func(i int, l func(r []clickhouse.Link) clickhouse.Link) func([]clickhouse.Link) []clickhouse.Link {
		return func(r []clickhouse.Link) []clickhouse.Link { return slices.Insert(r, i, l(r)) }
	}
	f("sound", remove(0, 0))
	for _, i := range []int{0, 4, 9, 10, 29} { // first, inside, end and begin of a batch, last
		o := chained(30, 15, 16, 22)[i].Offset
		one := func(kind string) string { return fmt.Sprintf("%s %d-%d", kind, o, o) }
		f(fmt.Sprint("raw of ", i), change(i, func(l *clickhouse.Link) { l.Computed = other }), one(Altered))
		f(fmt.Sprint("raw_sha256 of ", i), change(i, func(l *clickhouse.Link) { l.Stored = other }), one(Altered))
		f(fmt.Sprint("verdicts of ", i), change(i, func(l *clickhouse.Link) { l.Rejudged = other }), one(Altered))
		f(fmt.Sprint("judged_sha256 of ", i), change(i, func(l *clickhouse.Link) { l.Judged = other }), one(Altered))
		f(fmt.Sprint("chain of ", i), change(i, func(l *clickhouse.Link) { l.Chain = other }), one(Altered))
		f(fmt.Sprint("removed ", i), remove(i, i+1), one(Missing))
		f(fmt.Sprint("doubled ", i), insert(i, func(r []clickhouse.Link) clickhouse.Link { return r[i] }), one(Doubled))
		if i > 0 {
			f(fmt.Sprint("raw and raw_sha256 of ", i), change(i, func(l *clickhouse.Link) { l.Stored, l.Computed = other, other }), one(Altered))
			f(fmt.Sprint("verdicts and judged_sha256 of ", i), change(i, func(l *clickhouse.Link) { l.Judged, l.Rejudged = other, other }), one(Altered))
			f(fmt.Sprint("another at the offset of ", i), insert(i, func(r []clickhouse.Link) clickhouse.Link { return at(r[3], o) }), one(Doubled))
		}
	}
	f("a batch removed", remove(10, 20), "missing 10-22") // the gap at 22 looks like a loss
	f("the last batch removed", remove(20, 30), "missing 22-32")
	f("the first batch removed", remove(0, 10), "missing 10-10")
	f("rows removed over two batches", remove(8, 12), "missing 8-11")
	f("two holes in a batch", func(r []clickhouse.Link) []clickhouse.Link { return slices.Delete(slices.Delete(r, 6, 7), 3, 4) }, "missing 3-3", "missing 6-6")
	f("everything removed", func([]clickhouse.Link) []clickhouse.Link { return nil }, "missing 0-32")
	f("added in a gap", insert(15, func(r []clickhouse.Link) clickhouse.Link { return at(r[3], 15) }), "added 15-15")
	f("two added in a gap", func(r []clickhouse.Link) []clickhouse.Link { return slices.Insert(r, 15, at(r[3], 15), at(r[4], 16)) }, "added 15-15", "added 16-16")
	f("added at the end", insert(30, func(r []clickhouse.Link) clickhouse.Link { return at(r[3], 33) }), "added 33-33")
}

func TestChainDistinguishesGapsFromLosses(t *testing.T) {
	sound := chained(30, 15, 16, 22)
	found, tr := followed(sound, sound)
	if diff := cmp.Diff([]Span{{15, 16}, {22, 22}}, tr.Gaps.Shown); diff != "" || tr.Gaps.Offsets != 3 || len(found) > 0 || tr.Broken {
		t.Errorf("%v %s", found, diff)
	}
}

func TestChainFindsAChainComputedAnew(t *testing.T) {
	sound := chained(30)
	forged := slices.Clone(sound)
	forged[7].Stored = sha256.Sum256([]byte("forged"))
	var head pipeline.Hash
	for i := range forged {
		forged[i].Computed = forged[i].Stored
		head = link(head, &forged[i])
		forged[i].Chain = head
	}
	if found, tr := followed(sound, forged); len(found) != 1 || !tr.Broken {
		t.Errorf("found %v", found)
	}
}

func TestChainFromAMiddleRow(t *testing.T) {
	sound := chained(30)
	var found []string
	before := sound[9]
	tr := NewChain(before.Chain, &before.Offset, nil, func(kind string, first, last int64, _ string) {
		found = append(found, fmt.Sprintf("%s %d-%d", kind, first, last))
	})
	for _, l := range sound[11:] {
		tr.Add(l)
	}
	tr.End()
	if diff := cmp.Diff([]string{"missing 10-10"}, found); diff != "" {
		t.Error(diff)
	}
}

// TestChainFindsEveryChange: a sound partition with any gaps passes, and a chain
// finds any few changes to it.
func TestChainFindsEveryChange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sound := chained(rapid.IntRange(1, 60).Draw(t, "rows"), rapid.SliceOf(rapid.Int64Range(0, 70)).Draw(t, "gaps")...)
		if found, _ := followed(sound, sound); len(found) > 0 {
			t.Fatalf("sound, yet: %v", found)
		}
		rows := slices.Clone(sound)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			if len(rows) == 0 {
				break
			}
			i := rapid.IntRange(0, len(rows)-1).Draw(t, "row")
			other := sha256.Sum256([]byte{byte(rapid.IntRange(0, 255).Draw(t, "other"))})
			switch rapid.IntRange(0, 7).Draw(t, "change") {
			case 0:
				rows[i].Computed = other
			case 1:
				rows[i].Stored, rows[i].Computed = other, other
			case 2:
				rows[i].Chain = other
			case 3:
				rows = slices.Delete(rows, i, min(len(rows), i+rapid.IntRange(1, 20).Draw(t, "many")))
			case 4:
				rows = slices.Insert(rows, i, rows[i])
			case 5:
				rows[i].Rejudged = other
			case 6:
				rows[i].Judged, rows[i].Rejudged = other, other
			case 7:
				copied := rows[i]
				copied.Offset = rows[len(rows)-1].Offset + rapid.Int64Range(0, 5).Draw(t, "further")
				rows = append(rows, copied)
			}
		}
		if slices.EqualFunc(rows, sound, func(x, y clickhouse.Link) bool {
			return x.Offset == y.Offset && x.Stored == y.Stored && x.Computed == y.Computed && x.Judged == y.Judged && x.Rejudged == y.Rejudged && x.Chain == y.Chain
		}) {
			return
		}
		if found, _ := followed(sound, rows); len(found) == 0 {
			t.Fatal("rows were changed and nothing was found")
		}
	})
}

// The audit's seed is the loop's, although each computes it by itself.
func TestSeedsAgreeWithTheLoop(t *testing.T) {
	for _, id := range []pipeline.TopicID{{}, {1}, {15: 255}} {
		for _, p := range []int32{0, 7, 1 << 30} {
			if Seed(id.String(), p) != pipeline.Seed(id, p) {
				t.Errorf("the seeds of %q/%d differ", id, p)
			}
		}
	}
}
