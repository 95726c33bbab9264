package trail

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// Chain follows one partition's hash chain in offset order and reports rows that
// were altered, removed, added or doubled. It keeps a handful of rows in memory.
//
// # How the chain distinguishes a gap from a loss
//
// A row's chain is the digest of the previous row's chain, of its own bytes and of
// its judgement.
// Where the chain continues over a gap of offsets, no row was removed: Kafka gave
// the offsets to transaction markers, or compaction removed the records before a
// worker read them. Where it does not continue, a row was removed.
//
// A row that does not continue the chain is a suspect until the next row decides.
// If the next row continues from before the suspect, the suspect was added. If it
// continues from the suspect, the suspect is genuine, and either its bytes were
// altered or rows before it are missing.
type Chain struct {
	Rows    int64         // every row that Add took
	Doubled int64         // rows beyond the first of their offset
	Gaps    Gaps          // gaps of offsets over which the chain continues
	Broken  bool          // the chain did not recompute somewhere
	Head    pipeline.Hash // chain at the last row that is known to be genuine

	last     int64 // offset of the last row, genuine or not
	any      bool
	group    []clickhouse.Link // rows of the same offset
	times    int               // the number of rows of that offset
	suspects []suspect
	lost     Span // the last range that was reported missing
	anchor   *Anchor

	fromZero bool // the range begins with the partition's first row
	accepted bool // a row was taken as genuine
	report   Report
}

// Anchor is a chain value that is kept outside the rows.
type Anchor struct {
	Offset  int64         // of the first row after it
	Head    pipeline.Hash // the chain before Offset
	checked bool
}

// NewChain begins a chain. before is the offset of the row before the range, whose
// chain is head; nil means that the range begins with the partition's first row. A
// nil anchor leaves the end of the chain unchecked.
func NewChain(head pipeline.Hash, before *int64, a *Anchor, report Report) *Chain {
	t := &Chain{Head: head, fromZero: before == nil, lost: Span{0, -1}, anchor: a, report: report}
	if before != nil {
		t.last, t.any = *before, true
	}
	return t
}

// Gaps keeps the first gaps and counts the others: a compacted topic has as many
// gaps as records.
type Gaps struct {
	Shown   []Span // the first of All, for people
	All     []Span // the first maxGaps
	Count   int64
	Offsets int64
}

const (
	shownGaps = 20
	maxGaps   = 10_000
)

func (g *Gaps) add(first, last int64) {
	g.Count++
	g.Offsets += last - first + 1
	if len(g.All) < maxGaps {
		g.All = append(g.All, Span{first, last})
	}
	if len(g.Shown) < shownGaps {
		g.Shown = append(g.Shown, Span{first, last})
	}
}

// suspect is a row that does not continue the chain.
type suspect struct {
	clickhouse.Link
	before int64 // offset of the row before it; Offset-1 if there is none
}

const (
	maxGroup    = 16   // rows of one offset that are kept
	maxSuspects = 1000 // then the chain is reported broken and continues from the next row
)

// Add takes the next row; rows come in offset order.
func (t *Chain) Add(l clickhouse.Link) {
	if len(t.group) > 0 && t.group[0].Offset != l.Offset {
		t.flush()
	}
	t.Rows++
	t.times++
	if len(t.group) < maxGroup {
		t.group = append(t.group, l)
	}
}

// End ends the range: it decides on the suspects, and compares the chain with the
// anchor.
func (t *Chain) End() {
	t.flush()
	for _, s := range t.suspects {
		switch {
		case s.Offset > s.before+1:
			t.missing(s.before+1, s.Offset-1)
			t.accept(s.Link)
		case t.anchor != nil && t.anchor.Head == link(t.Head, &s.Link):
			t.bad(Altered, s.Offset, s.Offset, "its chain does not match its bytes and judgement; they match the consumer group's commit")
			s.Chain = t.anchor.Head
			t.accept(s.Link)
		default:
			t.genuine(s, true)
		}
	}
	t.suspects = nil
	if a := t.anchor; a != nil && !a.checked {
		a.checked = true
		switch {
		case t.Head == a.Head:
		case !t.any:
			t.bad(Missing, 0, a.Offset-1, "the consumer group committed these offsets, and no row is stored")
		case t.last+1 < a.Offset:
			t.bad(Missing, t.last+1, a.Offset-1, "the consumer group committed a chain that continues after the last row")
		default:
			t.bad(Broken, a.Offset-1, a.Offset-1, "the chain differs from the one that the consumer group committed: it was recomputed")
		}
	}
}

// flush passes one row of an offset on to step: the one that continues the chain,
// or else the first.
func (t *Chain) flush() {
	if len(t.group) == 0 {
		return
	}
	l := t.group[0]
	for _, other := range t.group {
		if Continues(t.Head, &other) {
			l = other
			break
		}
	}
	if t.times > 1 {
		t.Doubled += int64(t.times - 1)
		t.bad(Doubled, l.Offset, l.Offset, fmt.Sprintf("stored %d times", t.times))
	}
	t.group, t.times = t.group[:0], 0
	if l.Stored != l.Computed {
		t.bad(Altered, l.Offset, l.Offset, "raw_sha256 is not the hash of raw")
	}
	if l.Judged != l.Rejudged {
		t.bad(Altered, l.Offset, l.Offset, "judged_sha256 is not the hash of the judgement: rules_digest, calendar_version, max_record_bytes, verdicts.*, findings.* or failure_*")
	}
	if outside(&l) && !Continues(t.Head, &l) {
		// It is no suspect: a copy of the row after it would continue from it, and
		// both would pass as genuine.
		t.bad(Added, l.Offset, l.Offset, "no worker stored it: it lies outside the batch that it names")
		return
	}
	t.step(l)
	t.last, t.any = l.Offset, true
}

// step takes the one row of an offset.
func (t *Chain) step(l clickhouse.Link) {
	before := l.Offset - 1
	if t.any {
		before = t.last
	}
	switch n := len(t.suspects); {
	case Continues(t.Head, &l):
		for _, s := range t.suspects {
			t.added(s)
		}
		if n > 0 {
			before = t.suspects[0].before
		}
	case n == 0:
		t.suspects = append(t.suspects, suspect{l, before})
		return
	case Continues(t.suspects[n-1].Chain, &l):
		for i, s := range t.suspects {
			t.genuine(s, i == n-1)
		}
	case n == 1 && Continues(link(t.Head, &t.suspects[0].Link), &l):
		s := t.suspects[0]
		t.bad(Altered, s.Offset, s.Offset, "its chain does not match its bytes, key, headers, timestamp and judgement; the rows before and after are intact")
		t.accept(s.Link)
	case n < maxSuspects:
		t.suspects = append(t.suspects, suspect{l, before})
		return
	default:
		t.bad(Broken, t.suspects[0].Offset, l.Offset, "none of these rows continues the chain of a row before it")
		for _, s := range t.suspects {
			t.accept(s.Link)
		}
	}
	t.suspects = t.suspects[:0]
	if before+1 < l.Offset {
		t.Gaps.add(before+1, l.Offset-1)
	}
	t.accept(l)
}

// genuine takes a suspect as genuine and reports why it does not continue the
// chain. joined: the next row continues from it.
func (t *Chain) genuine(s suspect, joined bool) {
	first := t.fromZero && !t.accepted
	switch {
	case s.Offset > s.before+1:
		t.missing(s.before+1, s.Offset-1)
	case first && s.BatchFirst < s.Offset:
		t.missing(s.BatchFirst, s.Offset-1)
	case s.Stored != s.Computed, s.Judged != s.Rejudged: // reported already
	case first:
		t.bad(Missing, s.Offset, s.Offset, "it is the first row and does not begin the chain: rows before it were removed, or it was altered; if a retention period removed them, audit with --from")
	case !joined:
		t.bad(Broken, s.Offset, s.Offset, "it does not continue the chain of the row before, and the next row does not continue its chain")
	default:
		t.bad(Altered, s.Offset, s.Offset, "the chain breaks here: its bytes, key, headers, timestamp or judgement were altered, or the row before was altered together with its hashes and chain")
	}
	t.accept(s.Link)
}

// added reports a row that is no part of the chain.
func (t *Chain) added(s suspect) {
	t.bad(Added, s.Offset, s.Offset, "no worker stored it: the chain continues without it")
}

// missing reports rows that were removed.
func (t *Chain) missing(first, last int64) {
	t.lost = Span{first, last}
	t.bad(Missing, first, last, "the chain shows that rows were removed there")
}

func (t *Chain) bad(kind string, first, last int64, message string) {
	t.Broken = t.Broken || kind != Doubled
	t.report(kind, first, last, message)
}

// accept takes a row as genuine and makes it the head of the chain.
func (t *Chain) accept(l clickhouse.Link) {
	if a := t.anchor; a != nil && !a.checked && l.Offset >= a.Offset {
		a.checked = true
		if known := t.lost.First < a.Offset && t.lost.Last >= a.Offset-1; t.Head != a.Head && !known {
			t.bad(Broken, a.Offset, a.Offset, "the chain before it differs from the one that the consumer group committed: it was recomputed, or rows before it were removed")
		}
	}
	t.Head, t.accepted = l.Chain, true
}

// outside reports whether a row lies outside the batch that it names.
func outside(l *clickhouse.Link) bool { return l.Offset < l.BatchFirst || l.Offset > l.BatchLast }

// Continues reports whether a row continues the chain from head: by its stored
// hashes or, where one was altered, by the hash of what the row holds.
func Continues(head pipeline.Hash, l *clickhouse.Link) bool {
	held := *l
	for _, held.Stored = range []pipeline.Hash{l.Stored, l.Computed} {
		for _, held.Judged = range []pipeline.Hash{l.Judged, l.Rejudged} {
			if link(head, &held) == l.Chain {
				return true
			}
		}
	}
	return false
}

// link returns the chain's next value: SHA-256 over the previous one, the record's
// bytes other than its value, the hash of its value and the hash of its judgement. It
// is defined here a second time, and not taken from package pipeline, so that the
// audit does not check the loop with the loop's own code.
func link(head pipeline.Hash, l *clickhouse.Link) pipeline.Hash {
	return sha256.Sum256(slices.Concat(head[:], l.Said, l.Stored[:], l.Judged[:]))
}

// Seed is the head of the chain before the first row of a log: the SHA-256 of
// "tocsin log ", the topic id's 16 bytes and the partition in 4 bytes, big-endian;
// zeros without a topic id. It is written a second time here, as is the chain's
// rule. An id that cannot be read gives the seed of none.
func Seed(topicID string, partition int32) pipeline.Hash {
	id, err := base64.RawURLEncoding.DecodeString(topicID)
	if err != nil || len(id) != 16 {
		return pipeline.Hash{}
	}
	return sha256.Sum256(binary.BigEndian.AppendUint32(slices.Concat([]byte("tocsin log "), id), uint32(partition)))
}
