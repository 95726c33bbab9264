package model

import "fmt"

// broken returns the promise that a state breaks, or "". Two stored batches
// that overlap show as a record with two rows, because a batch lands whole.
func (p *Protocol) broken(s *state) string {
	for o := range p.Records {
		r, a := s.clickhouse.rows[o], s.jetstream.alerts[o]
		switch {
		case r.times > 1:
			return fmt.Sprintf("record %d has two rows", o)
		case r.times == 1 && r.chain != o+1:
			return fmt.Sprintf("the chain is broken at record %d", o)
		case a.times > 1:
			return fmt.Sprintf("the candidate of record %d is published twice", o)
		case a.times == 1 && r.times == 0:
			return fmt.Sprintf("the candidate of record %d is published and has no row", o)
		case a.times == 1 && a.rules != r.rules:
			return fmt.Sprintf("the candidate of record %d is published by rules %d, and its row is judged by rules %d", o, a.rules, r.rules)
		case o < s.kafka.offset && r.times == 0:
			return fmt.Sprintf("offset %d is committed, and record %d has no row", s.kafka.offset, o)
		case o < s.kafka.offset && candidate(o, r.rules) && a.times == 0:
			return fmt.Sprintf("offset %d is committed, and the candidate of record %d is not published", s.kafka.offset, o)
		}
	}
	for w := range s.workers {
		if s.workers[w].at == stopped {
			return fmt.Sprintf("worker %s stops: it found in ClickHouse what cannot be", name(actor(w)))
		}
	}
	return ""
}

// done reports whether every record is stored, published and committed.
func (p *Protocol) done(s *state) bool {
	if s.kafka.offset != p.Records || s.kafka.mark.last != 0 {
		return false
	}
	for o := range p.Records {
		r := s.clickhouse.rows[o]
		if r.times != 1 || candidate(o, r.rules) != (s.jetstream.alerts[o].times == 1) {
			return false
		}
	}
	return true
}
