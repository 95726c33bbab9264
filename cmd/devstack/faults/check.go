package faults

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// evidence is what a run left in the three servers, and what judges it.
type evidence struct {
	logs
	gone      map[string]bool // ids of the topics that were deleted before all was stored
	forgotten []promise       // of marks that were deleted
	rows      map[partition][]row
	messages  []message
	unraised  int               // alerts that no row raises, as the program itself finds
	limits    map[string]limits // by rules digest
}

// write writes what the servers hold, a line a record, for who looks for the
// cause of a failure: the servers end with the run.
func (e evidence) write(path string) error {
	var b strings.Builder
	for _, p := range slices.SortedFunc(maps.Keys(e.rows), comparePartitions) {
		for _, r := range e.rows[p] {
			fmt.Fprintf(&b, "row %s@%d batch %d-%d rules %.12s %s %v\n", p, r.offset, r.first, r.last, r.digest, r.verdict(), r.findings)
		}
	}
	for _, m := range e.messages {
		fmt.Fprintf(&b, "alert %s of %s rules %.12s\n", m.id, m.at, m.digest)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		return fmt.Errorf("write the evidence: %w", err)
	}
	return nil
}

// shown is how many deviations of a sort are kept word by word.
const shown = 20

// tally counts deviations and keeps the first of them.
type tally struct {
	Count int      `json:"count"`
	First []string `json:"first,omitempty"`
}

func (t *tally) add(format string, args ...any) {
	if t.Count++; len(t.First) < shown {
		t.First = append(t.First, fmt.Sprintf(format, args...))
	}
}

// result is what the checker found. All three are 0 when every record has one
// row and every candidate one message.
type result struct {
	Produced   int   `json:"produced"`
	Stored     int   `json:"stored"`
	Forgone    int   `json:"forgone"` // records that were deleted with their topic before a worker stored them
	Candidates int   `json:"candidates"`
	Unalerted  int   `json:"unalerted"` // candidates whose promise was deleted with their topic
	Unraised   int   `json:"unraised"`  // alerts of a promise that was deleted with its topic or its mark
	Lost       tally `json:"lost"`      // records without a row, candidates without a message
	Doubled    tally `json:"doubled"`   // rows, messages, or batches that overlap
	Wrong      tally `json:"wrong"`     // bytes, verdicts, digests, chains, rows and messages from nowhere
}

// check compares. It uses nothing of the pipeline's: records, their rows and the
// chain are described here once more.
func check(e evidence) result {
	c := checker{evidence: e, candidates: make(map[string][]raised), keys: make(map[string]string), ids: make(map[string]string)}
	for _, p := range slices.SortedFunc(maps.Keys(e.topics), comparePartitions) {
		c.partition(p)
	}
	for p, rows := range e.rows {
		c.Stored += len(rows)
		if _, ok := e.topics[p]; !ok {
			c.Wrong.add("%s has %d rows and no record", p, len(rows))
		}
	}
	c.Candidates = len(c.candidates)
	c.alerts()
	return c.result
}

type checker struct {
	evidence
	result
	candidates map[string][]raised // by candidate id: the rows that raise it
	keys       map[string]string   // rule and matter by candidate id
	ids        map[string]string   // candidate id by rule and matter
}

// raised is a row that raises a candidate, under its digest.
type raised struct {
	at      place
	digest  string
	excused bool // the alert may be missing
}

func comparePartitions(a, b partition) int {
	return cmp.Or(strings.Compare(a.topic, b.topic), strings.Compare(a.id, b.id), int(a.number-b.number))
}

// partition walks the records and the rows of a partition side by side. Of a log that
// was deleted before all was stored, the last rows may be missing: those of whole
// batches, because batches are stored whole and in order.
func (c *checker) partition(p partition) {
	records, rows, head := c.topics[p], c.rows[p], c.seeds[p]
	c.Produced += len(records)
	whole := true // no row is lost since head
	for len(records) > 0 || len(rows) > 0 {
		switch {
		case len(rows) == 0 && c.gone[p.id]:
			c.Produced -= len(records)
			c.Forgone += len(records)
			records = nil
			continue
		case len(rows) == 0 || len(records) > 0 && records[0].offset < rows[0].offset:
			c.Lost.add("%s@%d has no row", p, records[0].offset)
			records, whole = records[1:], false
			continue
		case len(records) == 0 || rows[0].offset < records[0].offset:
			c.Wrong.add("%s@%d is a row (of the batch %d-%d) without a record", p, rows[0].offset, rows[0].first, rows[0].last)
			rows = rows[1:]
			continue
		}
		same := 1
		for same < len(rows) && rows[same].offset == rows[0].offset {
			c.Doubled.add("%s@%d is stored in the batch %d-%d and again in the batch %d-%d", p, rows[0].offset, rows[0].first, rows[0].last, rows[same].first, rows[same].last)
			same++
		}
		for _, r := range rows[:same] {
			c.row(p, records[0], r)
		}
		next := link(head, records[0].framed, rows[0].judged)
		if !whole {
			next, whole = rows[0].chain, true
		} else if next != rows[0].chain {
			c.Wrong.add("%s@%d breaks the chain", p, rows[0].offset)
		}
		head = next
		records, rows = records[1:], rows[same:]
	}
	c.batches(p)
}

// row compares one row with its record.
func (c *checker) row(p partition, rec record, r row) {
	at := fmt.Sprintf("%s@%d", p, r.offset)
	bytes, noted := rec.hash, r.hash
	if rec.truth.packed() {
		bytes, noted = sha256.Sum256(nil), rec.hash // the row has no bytes, and the hash of the batch
	}
	if r.hash != bytes {
		c.Wrong.add("%s is stored with other bytes", at)
	}
	if r.noted != noted {
		c.Wrong.add("%s has a hash that is not its bytes'", at)
	}
	l, known := c.limits[r.digest]
	if !known {
		c.Wrong.add("%s is judged by rules that were never deployed: %s", at, r.digest)
		return
	}
	rule, want := rec.truth.verdict(l)
	if got := r.verdict(); got != want {
		c.Wrong.add("%s is %s under limits %v, want %s", at, got, l, want)
		return
	}
	raises := want == match || want == indeterminate
	if n := len(r.findings); raises != (n == 1) || n > 1 {
		c.Wrong.add("%s is %s and has %d findings", at, want, n)
		return
	}
	if !raises {
		return
	}
	f := r.findings[0]
	if f.rule != rule || f.matter != rec.truth.matter || f.id == "" {
		c.Wrong.add("%s is a candidate of %s about %q, want %s about %q", at, f.rule, f.matter, rule, rec.truth.matter)
		return
	}
	// One matter has one id, and an id one matter; what could not be judged is
	// a matter of its own. How the id is made is not repeated here.
	key := f.rule + " " + want + " " + f.matter
	if id, ok := c.ids[key]; ok && id != f.id {
		c.Wrong.add("%s gives the matter %s the id %s, elsewhere it is %s", at, f.matter, f.id, id)
	}
	if k, ok := c.keys[f.id]; ok && k != key {
		c.Wrong.add("%s gives the id %s to a second matter, %s", at, f.id, f.matter)
	}
	c.ids[key], c.keys[f.id] = f.id, key
	// The alerts of a batch that was stored last may have been lost with the promise
	// to send them. tocsin reconcile sends them; the checker has looked before.
	rows := c.rows[p]
	excused := c.gone[p.id] && r.last == rows[len(rows)-1].last
	c.candidates[f.id] = append(c.candidates[f.id], raised{place{p, r.offset}, r.digest, excused})
}

// verdict is what a row holds about its record, in the words of verdict.go.
func (r row) verdict() string {
	switch {
	case r.tombstone:
		return tombstone
	case r.stage == "unpack":
		return r.code
	case r.stage != "":
		return deadLetter
	case len(r.outcomes) != 1:
		return fmt.Sprintf("judged by %d rules", len(r.outcomes))
	}
	return r.outcomes[0]
}

// batches checks that a batch is whole, judged by one digest, and overlaps no
// other.
func (c *checker) batches(p partition) {
	type batch struct {
		first, last int64
		size, rows  int
		digest      string
	}
	var all []*batch
	at := make(map[[2]int64]*batch)
	for _, r := range c.rows[p] {
		b, ok := at[[2]int64{r.first, r.last}]
		if !ok {
			b = &batch{r.first, r.last, r.size, 0, r.digest}
			at[[2]int64{r.first, r.last}] = b
			all = append(all, b)
		}
		b.rows++
		if r.digest != b.digest {
			c.Wrong.add("%s: the batch %d-%d is judged by two packs", p, b.first, b.last)
		}
		if r.offset < r.first || r.offset > r.last || r.size != b.size {
			c.Wrong.add("%s@%d does not fit its batch %d-%d", p, r.offset, r.first, r.last)
		}
	}
	for i, b := range all {
		switch {
		case b.rows < b.size:
			c.Lost.add("%s: the batch %d-%d has %d rows of %d", p, b.first, b.last, b.rows, b.size)
		case b.rows > b.size:
			c.Doubled.add("%s: the batch %d-%d has %d rows of %d", p, b.first, b.last, b.rows, b.size)
		}
		if i > 0 && b.first <= all[i-1].last {
			c.Doubled.add("%s: the batches %d-%d and %d-%d overlap", p, all[i-1].first, all[i-1].last, b.first, b.last)
		}
	}
}

// alerts compares the candidates of the rows with the messages.
func (c *checker) alerts() {
	sent := make(map[string]int)
	for _, m := range c.messages {
		sent[m.id]++
		rows, ok := c.candidates[m.id]
		switch {
		case m.body != m.id:
			c.Wrong.add("candidate %s is alerted in a message about %s", m.id, m.body)
		case slices.ContainsFunc(rows, func(r raised) bool { return r.at == m.at && r.digest == m.digest }):
		case c.promised(m):
			c.Unraised++
		case !ok:
			c.Wrong.add("candidate %s is alerted for %s and no row raises it", m.id, m.at)
		default:
			c.Wrong.add("candidate %s is alerted for %s under rules %.12s, which that row does not raise", m.id, m.at, m.digest)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.candidates)) {
		switch n := sent[id]; {
		case n == 0 && !slices.ContainsFunc(c.candidates[id], func(r raised) bool { return !r.excused }):
			c.Unalerted++
		case n == 0:
			c.Lost.add("candidate %s of %s is not alerted", id, c.candidates[id][0].at)
		case n > 1:
			c.Doubled.add("candidate %s of %s is alerted %d times", id, c.candidates[id][0].at, n)
		}
	}
}

// promised reports whether an alert was promised and its promise was deleted, with the
// topic or with the mark. Alerts wait for no row: that of the record is missing with the
// topic, or judged by other rules. The rules of the alert must raise the record.
func (c *checker) promised(m message) bool {
	at, found := slices.BinarySearchFunc(c.topics[m.at.partition], m.at.offset, func(r record, offset int64) int { return cmp.Compare(r.offset, offset) })
	l, known := c.limits[m.digest]
	if !found || !known {
		return false
	}
	_, outcome := c.topics[m.at.partition][at].truth.verdict(l)
	rows := c.rows[m.at.partition]
	unstored := c.gone[m.at.id] && (len(rows) == 0 || rows[len(rows)-1].offset < m.at.offset)
	return (outcome == match || outcome == indeterminate) && (unstored || slices.ContainsFunc(c.forgotten, func(p promise) bool { return p.covers(m) }))
}
