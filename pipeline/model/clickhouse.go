package model

// clickhouse is the table, the tokens that the server remembers, and an insert
// that runs on although its client is gone.
type clickhouse struct {
	rows [maxRecords]row
	// tokens holds, by first record and by length less one, how many ticks
	// ago the token came, plus one; 0 when it is not known, or no longer.
	tokens [maxRecords][maxBatch]int8
	orphan insert
}

// row is what is stored of one record.
type row struct {
	times       int8 // how often; more than once is one too many, and counted no further
	first, last int8 // of the batch that stored it
	rules       int8
	// chain is the head after this record. A head counts the records that went
	// into it, so it is the offset plus one when none was left out.
	chain int8
}

// insert is a query on the server.
type insert struct {
	phase phase
	age   int8 // ticks since the server began it
	batch batch
}

// phase is how far an insert is.
type phase int8

const (
	absent  phase = iota
	running       // the server has begun, and waits for rows
	whole         // the rows have come: they may land at any time
	landed        // they are in the table, or the token was known
	ended         // by the server, and nothing landed
)

// orphans reports whether an insert could go on without its client: one whose
// rows have not all come cannot.
func (s *state) orphans(i insert) bool {
	return i.phase == whole && s.clickhouse.orphan.phase == absent
}

// table lists what may happen in ClickHouse next.
func (p *Protocol) table(s *state, emit emit) {
	for w := range int8(2) {
		if s.workers[w].insert.phase == whole {
			next := *s
			does := next.clickhouse.land(p, s.workers[w].insert.batch)
			next.workers[w].insert = insert{phase: landed}
			emit(next, action{server, w, does})
		}
	}
	if s.clickhouse.orphan.phase == whole {
		next := *s
		does := next.clickhouse.land(p, s.clickhouse.orphan.batch)
		next.clickhouse.orphan = insert{}
		emit(next, action{server, noOne, does})
	}
}

// land adds the rows of a batch, all at once, unless its token is known, and
// returns what it did. A token that comes again is remembered from the first
// time only.
func (c *clickhouse) land(p *Protocol, b batch) (does string) {
	if p.has(Token) {
		token := &c.tokens[b.first][b.last-b.first]
		if *token != 0 {
			return "knows the token, and drops {rows}"
		}
		*token = 1
	}
	for o := b.first; o <= b.last; o++ {
		c.rows[o] = row{min(c.rows[o].times+1, 2), b.first, b.last, b.rules, b.head + o - b.first + 1}
	}
	return "stores {rows}"
}

// holds looks for a batch: all reports that exactly its rows are there; ok is
// false when its range holds some of them, or others.
func (c *clickhouse) holds(b batch) (all, ok bool) {
	n := int8(0)
	for o := b.first; o <= b.last; o++ {
		switch r := c.rows[o]; {
		case r.times == 0:
		case r.first == b.first && r.last == b.last && r.rules == b.rules:
			n++
		default:
			return false, false
		}
	}
	return n > 0, n == 0 || n == b.last+1-b.first
}

// end is the offset after the last row; 0 when there is none.
func (c *clickhouse) end() int8 {
	for o := int8(maxRecords); o > 0; o-- {
		if c.rows[o-1].times > 0 {
			return o
		}
	}
	return 0
}
