package model

// clickhouse is the table, the remembered tokens, and an insert that runs on
// although its client is gone.
type clickhouse struct {
	rows [maxLogs][maxRecords]row
	// tokens holds, by log, by first record, by length less one and by number, the
	// age of each token in ticks, plus one; 0 when the token is unknown or forgotten.
	tokens [maxLogs][maxRecords][maxBatch][maxNumber]int8
	orphan insert
	lost   int8 // inserts whose token was kept and whose rows were not
}

// row is what is stored of one record.
type row struct {
	times       int8 // number of rows; counted up to 2, which is one too many
	first, last int8 // of the batch that stored it
	rules       int8
	// chain is the head after this record. The model's head is the number of
	// records in it: the offset plus one, unless one was left out.
	chain int8
}

// insert is a query on the server.
type insert struct {
	phase  phase
	repeat bool // it landed as the repeat of another
	age    int8 // ticks since its begin on the server
	batch  batch
}

// phase is how far an insert is.
type phase int8

const (
	absent  phase = iota
	running       // begun on the server, which waits for rows
	whole         // all rows have arrived and may land at any time
	landed        // the rows are in the table, or the token was known
	ended         // ended by the server, or by its death, without rows
)

// orphans reports whether an insert can run on without its client. It cannot
// before all its rows have arrived.
func (s *state) orphans(i insert) bool {
	return i.phase == whole && s.clickhouse.orphan.phase == absent
}

// table lists what may happen in ClickHouse next.
func (p *Protocol) table(s *state, emit emit) {
	for w := range int8(2) {
		if s.workers[w].insert.phase == whole {
			next := *s
			repeat := next.clickhouse.land(p, s.workers[w].insert.batch)
			next.workers[w].insert = insert{phase: landed, repeat: repeat}
			emit(next, action{server, w, lands(repeat)})
			if next := *s; next.clickhouse.lose(p, s.workers[w].insert.batch) {
				next.workers[w].insert = insert{phase: ended}
				emit(next, action{server, w, loses})
			}
		}
	}
	if s.clickhouse.orphan.phase == whole {
		next := *s
		repeat := next.clickhouse.land(p, s.clickhouse.orphan.batch)
		next.clickhouse.orphan = insert{}
		emit(next, action{server, noOne, lands(repeat)})
		if next := *s; next.clickhouse.lose(p, s.clickhouse.orphan.batch) {
			next.clickhouse.orphan = insert{}
			emit(next, action{server, noOne, loses})
		}
	}
}

const loses = "keeps the token, and loses {rows}"

// token returns the age of a batch's token.
func (c *clickhouse) token(b batch) *int8 {
	return &c.tokens[b.log][b.first][b.last-b.first][b.number]
}

// row returns what a look finds of a record.
func (c *clickhouse) row(p *Protocol, log, o int8) row {
	if r := c.rows[log][o]; r.times > 0 || log == 0 || p.has(RowLog) {
		return r
	}
	return c.rows[log-1][o]
}

// lose keeps the token of a batch and none of its rows: the server writes the
// token first, and then dies or finds its disk full.
func (c *clickhouse) lose(p *Protocol, b batch) bool {
	token := c.token(b)
	if c.lost >= p.Losses || !p.has(Token) || *token != 0 {
		return false
	}
	*token = 1
	c.lost++
	return true
}

// land adds all rows of a batch at once and returns false, or returns true when
// its token is known. The age of a token counts from its first insert.
func (c *clickhouse) land(p *Protocol, b batch) (repeat bool) {
	if p.has(Token) {
		token := c.token(b)
		if *token != 0 {
			return true
		}
		*token = 1
	}
	for o := b.first; o <= b.last; o++ {
		r := &c.rows[b.log][o]
		*r = row{min(r.times+1, 2), b.first, b.last, b.rules, b.head + o - b.first + 1}
	}
	return false
}

func lands(repeat bool) string {
	if repeat {
		return "knows the token, and drops {rows}"
	}
	return "stores {rows}"
}

// holds looks for a batch. all reports that exactly its rows are stored. ok is
// false when its range has only some of them, or rows of another batch.
func (c *clickhouse) holds(p *Protocol, b batch) (all, ok bool) {
	n := int8(0)
	for o := b.first; o <= b.last; o++ {
		switch r := c.row(p, b.log, o); {
		case r.times == 0:
		case r.first == b.first && r.last == b.last && r.rules == b.rules:
			n++
		default:
			return false, false
		}
	}
	return n > 0, n == 0 || n == b.last+1-b.first
}

// end is the offset after the last row of a log; 0 when there is none.
func (c *clickhouse) end(p *Protocol, log int8) int8 {
	for o := int8(maxRecords); o > 0; o-- {
		if c.row(p, log, o-1).times > 0 {
			return o
		}
	}
	return 0
}
