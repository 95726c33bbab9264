package pipeline

import (
	"slices"
	"time"
)

// A store may remember the token of an insert and have none of its rows:
// ClickHouse writes the token to its deduplication log before it renames the
// part, and a kill or a full disk may come between. Under that token the rows
// can never be stored. The worker stores them under the next token, once every
// insert under the first has ended: an insert that still runs may store the rows
// after all.
//
//	store: ErrLost ──▶ wait quiet() ──▶ look ──▶ declare the next number ──▶ look ──▶ store
//
// The number of the token is in the mark, so every later owner of the partition
// goes on with it. Package pipeline/model shows that each of these steps is
// needed.

// quiet is how long a batch waits between the discovery of its loss and its next
// token. The group has acknowledged this member's intent, so no other member
// declares the batch meanwhile. An insert of a member that declared it before begins
// within IntentTTL of that declaration, and ends within StepTimeout of its begin.
func (w *Worker) quiet() time.Duration { return w.IntentTTL + w.StepTimeout }

// lose notes that the store remembers the first batch in hand and does not hold it,
// and gives the partition up.
func (s *session) lose(p *partition) {
	b := p.hand[0]
	p.lost = time.Now()
	s.metrics.lost()
	s.log.Warn("the store remembers an insert and has none of its rows: they are stored again once no insert of them can run any more",
		"code", "rows_lost", "partition", p.String(), "first", b.First, "last", b.Last, "insert", b.Token(), "after", s.quiet())
	s.giveUp(p)
}

// renumber gives a lost batch its next token, under which it is declared when it is
// replayed.
func (s *session) renumber(p *partition) {
	p.promised = slices.Clone(p.promised) // a status page may show the old ones
	p.promised[0].Number++
	p.lost = time.Time{}
	s.log.Warn("storing lost rows under the next token", "code", "rows_stored_again", "partition", p.String(), "first", p.promised[0].First, "last", p.promised[0].Last, "number", p.promised[0].Number)
}

// hold pauses the fetching of a lost batch until quiet has passed.
func (s *session) hold(p *partition) { s.client.PauseFetchPartitions(p.alone()) }

// unhold resumes the fetching of the lost batches for which quiet has passed.
func (s *session) unhold() {
	for _, p := range s.partitions {
		if !p.lost.IsZero() && time.Since(p.lost) >= s.quiet() {
			s.client.ResumeFetchPartitions(p.alone())
		}
	}
}
