package pipeline

import "time"

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

// lose notes that the store remembers the open batch and does not hold it.
func (s *session) lose(p *partition) {
	p.lost = time.Now()
	s.metrics.lost()
	s.log.Warn("the store remembers an insert and has none of its rows: they are stored again once no insert of them can run any more",
		"code", "rows_lost", "partition", p.String(), "first", p.open.First, "last", p.open.Last, "insert", p.open.Token(), "after", s.quiet())
}

// renumber gives a lost batch its next token, under which it is declared in the
// next cycle.
func (s *session) renumber(p *partition) {
	next := *p.pending
	next.Number++
	p.pending, p.lost = &next, time.Time{}
	s.log.Warn("storing lost rows under the next token", "code", "rows_stored_again", "partition", p.String(), "first", p.open.First, "last", p.open.Last, "number", next.Number)
}

// hold pauses the fetching of a lost batch until quiet has passed.
func (s *session) hold(p *partition) {
	s.client.PauseFetchPartitions(map[string][]int32{p.topic: {p.partition}})
}

// unhold resumes the fetching of the lost batches for which quiet has passed.
func (s *session) unhold() {
	for _, p := range s.partitions {
		if !p.lost.IsZero() && time.Since(p.lost) >= s.quiet() {
			s.client.ResumeFetchPartitions(map[string][]int32{p.topic: {p.partition}})
		}
	}
}
