package model

import (
	"fmt"
	"strings"
)

// Rounds is a variant of the protocol in which a worker has two batches of a partition
// in hand: one is being stored, and one is open. The open one grows, and its candidates
// are declared and published meanwhile. It has one partition. As in Pair, a request is
// one step: an insert lands in it, or runs on without its client. Time is one event: a
// long time passes, after which every intent is too old, every insert is over and every
// token is forgotten. Protocol covers what lies within a request, and shorter times.
type Rounds struct {
	// ServerSide is as in Protocol.
	ServerSide bool
	// Reload lets a worker judge each new batch by the rules of either worker.
	// Otherwise a worker judges by its own.
	Reload bool
	// Candidates are the records with a candidate, by whichever rules: bit 0 stands for
	// record 0.
	Candidates uint8
	// Records is how many the partition has, 1 to maxRounds.
	Records int8
	// Losses is as in Protocol. With it, tokens may outlast a long time.
	Losses int8
	// Compared demands too that each row from the committed offset on is of the first
	// promised batch. A worker that compares the mark at which it begins with the rows
	// (compare.go) then needs that promise only.
	Compared bool
	// Without are the removed mechanisms.
	Without Mechanism
}

// maxRounds bounds Rounds.Records.
const maxRounds = 3

func (p *Rounds) has(m Mechanism) bool { return p.Without&m == 0 }

func (p *Rounds) candidate(o int8) bool { return p.Candidates>>o&1 != 0 }

// rounds is the state of a Rounds at one moment.
type rounds struct {
	owner  owner
	live   [2]bool // whether the current membership of each worker is in the group
	mark   double  // of the group
	late   double  // a commit of the owner whose answer no worker awaits; zero: none
	loops  [2]loop
	rows   [maxRounds]row
	tokens uint32 // that ClickHouse remembers
	lost   int8   // inserts whose token was kept and whose rows were not
	orphan batch  // of an insert whose client no longer waits
	// alerts are the rules, plus one, by which the candidate of each record is
	// published; 0: it is not.
	alerts [maxRounds]int8
	stray  message // an alert whose client no longer waits
}

// double is an offset with the promises of the batches behind it. The first begins at
// the offset, the second behind the last record of the first.
type double struct {
	offset, head int8
	promises     [2]intent
}

// loop is one worker.
type loop struct {
	at       step // out, idle (in the group) or stopped
	assigned bool
	known    bool   // it has read the mark
	acked    double // the mark that it read, or that the group acknowledged last
	next     int8   // offset after the last settled record
	head     int8   // the chain before next
	storing  batch  // declared; its range is fixed
	open     batch  // behind storing; its range grows
	replay   bool   // storing is a replay
	age      age    // of the last acknowledged commit
	look     bool   // the rows of storing are looked for before it is inserted
	stored   bool   // storing is
	lost     int8   // 1: the token of storing is known, and its rows are not there; 2: a long time ago
	done     uint8  // the records in hand whose candidates are published, a bit for each
	reply    reply
	sent     double // the commit under way
}

// age says whether a batch may be inserted under the acknowledged commit.
type age int8

const (
	old     age = iota // too old, or none yet
	renewed            // the commit under way makes it young
	young
)

// Search is as for Protocol.
func (p Rounds) Search(limit int) (Result, error) { return search[rounds](&p, limit) }

func (p *Rounds) initial() rounds { return rounds{owner: unowned} }

func (p *Rounds) broken(s *rounds) string {
	for o := range p.Records {
		r, a := s.rows[o], s.alerts[o]
		switch {
		case r.times > 1:
			return fmt.Sprintf("record %d has two rows", o)
		case r.times == 1 && (r.chain != o+1 || o > 0 && s.rows[o-1].times == 0):
			return fmt.Sprintf("the chain is broken at record %d", o)
		case a != 0 && r.times == 1 && a != r.rules+1:
			return fmt.Sprintf("the candidate of record %d is published by rules %d, and its row is judged by rules %d", o, a-1, r.rules)
		case p.Compared && r.times == 1 && o >= s.mark.offset && !s.mark.covers(o, r):
			return fmt.Sprintf("record %d has a row that the first promise of the group does not cover", o)
		case o < s.mark.offset && r.times == 0:
			return fmt.Sprintf("offset %d is committed, and record %d has no row", s.mark.offset, o)
		case o < s.mark.offset && p.candidate(o) && a == 0:
			return fmt.Sprintf("offset %d is committed, and the candidate of record %d is not published", s.mark.offset, o)
		}
		for w := range s.loops {
			if m := &s.loops[w]; m.known && o < m.next && r.times == 0 {
				return fmt.Sprintf("worker %s goes on at record %d, and record %d has no row", name(actor(w)), m.next, o)
			}
		}
	}
	for w := range s.loops {
		if s.loops[w].at == stopped {
			return fmt.Sprintf("worker %s stops: it found in ClickHouse what cannot be", name(actor(w)))
		}
	}
	return ""
}

func (p *Rounds) done(s *rounds) bool {
	// A state with a broken promise ends the search, so the rows and alerts are there.
	return s.mark == double{offset: p.Records, head: p.Records}
}

func (p *Rounds) sentence(a action, before, after *rounds) string {
	does := a.sentence(after.mark.String())
	orphan := before.orphan
	if a.concern < 2 {
		m, was := after.loops[a.concern], before.loops[a.concern]
		if !m.storing.set {
			m.storing = was.storing
		}
		if !m.open.set {
			m.open = was.open
		}
		if m.reply == nothing {
			m.sent = was.sent
		}
		does = strings.ReplaceAll(does, "{storing}", m.storing.String())
		does = strings.ReplaceAll(does, "{open}", m.open.String())
		does = strings.ReplaceAll(does, "{commit}", m.sent.String())
	}
	return strings.ReplaceAll(does, "{rows}", orphan.String())
}

// String returns the offset and the promises.
func (d double) String() string {
	text := fmt.Sprintf("offset %d", d.offset)
	for _, i := range d.promises {
		if i.last != 0 {
			text += fmt.Sprintf(", intent to %d by rules %d", i.last-1, i.rules)
		}
	}
	return text
}

// covers reports whether the row of a record is of the first promised batch.
func (d double) covers(o int8, r row) bool {
	i := d.promises[0]
	return r.first == d.offset && r.last+1 == i.last && o < i.last && r.rules == i.rules
}

// promise returns the promise of a batch that begins at a record; zero if there is none.
func (d double) promise(first int8) intent {
	switch {
	case d.promises[0].last > first && d.offset == first:
		return d.promises[0]
	case d.promises[1].last > first && d.promises[0].last == first:
		return d.promises[1]
	}
	return intent{}
}

// with adds the promises of another mark that reach behind a record.
func (d double) with(from double, behind int8) double {
	for _, i := range from.promises {
		switch {
		case i.last <= behind:
		case d.promises[0].last == 0:
			d.promises[0] = i
		default:
			d.promises[1] = i
		}
	}
	return d
}

// intent returns the promise of the batch.
func (b batch) intent() intent { return intent{b.last + 1, b.rules, b.number} }

// each emits every action that may happen next.
func (p *Rounds) each(s *rounds, visit func(next rounds, what action)) {
	emit := func(next rounds, what action) {
		p.settle(&next)
		p.forget(&next)
		visit(next, what)
	}
	for w := range int8(2) {
		then := func(who actor, does string, change func(n *rounds, m *loop)) {
			next := *s
			change(&next, &next.loops[w])
			emit(next, action{who, w, does})
		}
		p.rebalance(s, w, then)
		p.work(s, w, then)
	}
	p.servers(s, emit)
}
