package main

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// trail follows one partition's hash chain in offset order and says what was
// done to the rows. It keeps a handful of them, however many there are. What
// rows say of their batches is audit_batches.go's.
//
// # How the chain tells a gap from a loss
//
// A row's chain is the digest of the previous row's and of its own bytes. When
// the chain goes on over a gap of offsets, no record ever stood in it: Kafka
// gave the offsets to transaction markers, or compaction took the records
// before they came. When it does not, a row was there and was taken away.
//
// A row that does not go on from the one before is a suspect until the next
// row shows what it is: if that one goes on from before the suspect, the
// suspect was added; if it goes on from the suspect, the suspect is genuine and
// either its bytes were altered or rows before it are missing.
type trail struct {
	head     pipeline.Hash // chain at the last row that is known to be genuine
	last     int64         // offset of the last row, genuine or not
	any      bool
	group    []clickhouse.Link // rows of the same offset
	times    int               // how many there are of it
	suspects []suspect
	lost     span // the last range that was reported missing
	anchor   *anchor

	fromZero bool // the range begins with the partition's first row
	accepted bool // some row was taken as genuine

	rows, doubled int64
	gaps          gapList
	broken        bool // the chain did not recompute somewhere
	report        func(kind string, first, last int64, says string)
}

// newTrail begins a trail. Unless before is nil it is the row before the range,
// whose chain is head; else the range begins with the partition's first row.
// anchor may be nil.
func newTrail(head pipeline.Hash, before *int64, a *anchor, report func(kind string, first, last int64, says string)) *trail {
	t := &trail{head: head, fromZero: before == nil, lost: span{0, -1}, anchor: a, report: report}
	if before != nil {
		t.last, t.any = *before, true
	}
	return t
}

// span is a range of offsets.
type span struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}

// gapList keeps the first gaps and counts the others: a compacted topic has as
// many gaps as records.
type gapList struct {
	Shown   []span
	Count   int64
	Offsets int64
}

const shownGaps = 20

func (g *gapList) add(first, last int64) {
	g.Count++
	g.Offsets += last - first + 1
	if len(g.Shown) < shownGaps {
		g.Shown = append(g.Shown, span{first, last})
	}
}

// suspect is a row that does not go on from the one before.
type suspect struct {
	clickhouse.Link
	before int64 // offset of the row before it; its own less one when there is none
}

const (
	maxGroup    = 16   // rows of one offset that are looked at
	maxSuspects = 1000 // before the chain is given up and taken up again
)

// add takes the next row; rows come in offset order.
func (t *trail) add(l clickhouse.Link) {
	if len(t.group) > 0 && t.group[0].Offset != l.Offset {
		t.flush()
	}
	t.rows++
	t.times++
	if len(t.group) < maxGroup {
		t.group = append(t.group, l)
	}
}

// end takes the end of the range.
func (t *trail) end() {
	t.flush()
	for _, s := range t.suspects {
		switch {
		case s.Offset > s.before+1:
			t.missing(s.before+1, s.Offset-1)
			t.accept(s.Link)
		case t.anchor != nil && t.anchor.head == link(t.head, s.Said, s.Stored):
			t.bad(kindAltered, s.Offset, s.Offset, "its chain is not that of its bytes, which are those that the consumer group committed")
			s.Chain = t.anchor.head
			t.accept(s.Link)
		default:
			t.genuine(s, true)
		}
	}
	t.suspects = nil
	if a := t.anchor; a != nil && !a.checked {
		a.checked = true
		switch {
		case t.head == a.head:
		case !t.any:
			t.bad(kindMissing, 0, a.offset-1, "the consumer group committed them and no row is here")
		case t.last+1 < a.offset:
			t.bad(kindMissing, t.last+1, a.offset-1, "the consumer group committed a chain that goes on after the last row")
		default:
			t.bad(kindBroken, a.offset-1, a.offset-1, "the chain is not the one that the consumer group committed: it was computed anew")
		}
	}
}

// flush looks at the rows of one offset: the genuine one goes on.
func (t *trail) flush() {
	if len(t.group) == 0 {
		return
	}
	l := t.group[0]
	for _, other := range t.group {
		if goesOn(t.head, &other) {
			l = other
			break
		}
	}
	if t.times > 1 {
		t.doubled += int64(t.times - 1)
		t.bad(kindDoubled, l.Offset, l.Offset, fmt.Sprintf("stored %d times", t.times))
	}
	t.group, t.times = t.group[:0], 0
	if l.Stored != l.Computed {
		t.bad(kindAltered, l.Offset, l.Offset, "raw and raw_sha256 do not belong together")
	}
	if outside(&l) && !goesOn(t.head, &l) {
		// No suspect: a copy of a row, which would go on from a copy of the row before.
		t.bad(kindAdded, l.Offset, l.Offset, "no worker stored it: it stands outside the batch that it names")
		return
	}
	t.step(l)
	t.last, t.any = l.Offset, true
}

// step takes the one row of an offset.
func (t *trail) step(l clickhouse.Link) {
	before := l.Offset - 1
	if t.any {
		before = t.last
	}
	switch n := len(t.suspects); {
	case goesOn(t.head, &l):
		for _, s := range t.suspects {
			t.added(s)
		}
		if n > 0 {
			before = t.suspects[0].before
		}
	case n == 0:
		t.suspects = append(t.suspects, suspect{l, before})
		return
	case goesOn(t.suspects[n-1].Chain, &l):
		for i, s := range t.suspects {
			t.genuine(s, i == n-1)
		}
	case n == 1 && goesOn(link(t.head, t.suspects[0].Said, t.suspects[0].Stored), &l):
		s := t.suspects[0]
		t.bad(kindAltered, s.Offset, s.Offset, "its chain is not that of its bytes, key, headers and timestamp; the rows before and after are whole")
		t.accept(s.Link)
	case n < maxSuspects:
		t.suspects = append(t.suspects, suspect{l, before})
		return
	default:
		t.bad(kindBroken, t.suspects[0].Offset, l.Offset, "none of these rows goes on from one before")
		for _, s := range t.suspects {
			t.accept(s.Link)
		}
	}
	t.suspects = t.suspects[:0]
	if before+1 < l.Offset {
		t.gaps.add(before+1, l.Offset-1)
	}
	t.accept(l)
}

// genuine takes a suspect from which the next row goes on (joined), or one of
// several before it.
func (t *trail) genuine(s suspect, joined bool) {
	first := t.fromZero && !t.accepted
	switch {
	case s.Offset > s.before+1:
		t.missing(s.before+1, s.Offset-1)
	case first && s.BatchFirst < s.Offset:
		t.missing(s.BatchFirst, s.Offset-1)
	case s.Stored != s.Computed: // told already
	case first:
		t.bad(kindMissing, s.Offset, s.Offset, "it is the first row and does not begin the chain: the rows before it are not here, or it was altered; where a retention period took them, audit with --from")
	case !joined:
		t.bad(kindBroken, s.Offset, s.Offset, "it does not go on from the row before, nor the next from it")
	default:
		t.bad(kindAltered, s.Offset, s.Offset, "the chain breaks here: its bytes, key, headers or timestamp were altered, or those of the row before with its hash and its chain")
	}
	t.accept(s.Link)
}

// added reports a row that the chain does not know.
func (t *trail) added(s suspect) {
	t.bad(kindAdded, s.Offset, s.Offset, "no worker stored it: the chain goes on without it")
}

// missing reports rows that were there.
func (t *trail) missing(first, last int64) {
	t.lost = span{first, last}
	t.bad(kindMissing, first, last, "the chain shows that records stood there")
}

func (t *trail) bad(kind string, first, last int64, says string) {
	t.broken = t.broken || kind != kindDoubled
	t.report(kind, first, last, says)
}

// accept takes a row as genuine: it heads the chain.
func (t *trail) accept(l clickhouse.Link) {
	if a := t.anchor; a != nil && !a.checked && l.Offset >= a.offset {
		a.checked = true
		if known := t.lost.First < a.offset && t.lost.Last >= a.offset-1; t.head != a.head && !known {
			t.bad(kindBroken, a.offset, a.offset, "the chain before it is not the one that the consumer group committed: it was computed anew, or rows before it were taken away")
		}
	}
	t.head, t.accepted = l.Chain, true
}

// outside says that a row stands outside the batch that it names.
func outside(l *clickhouse.Link) bool { return l.Offset < l.BatchFirst || l.Offset > l.BatchLast }

// goesOn says that a row follows where the chain was head: by its stored hash,
// or by that of its bytes where the stored one was altered.
func goesOn(head pipeline.Hash, l *clickhouse.Link) bool {
	return link(head, l.Said, l.Stored) == l.Chain || l.Stored != l.Computed && link(head, l.Said, l.Computed) == l.Chain
}

// link is the chain's next value: SHA-256 over the previous one, what the record
// says besides its value, and the hash of that. It is written a second time
// here, and not taken from package pipeline, so that the audit does not check
// the loop by the loop.
func link(head pipeline.Hash, said []byte, raw pipeline.Hash) pipeline.Hash {
	return sha256.Sum256(slices.Concat(head[:], said, raw[:]))
}
