package model

import "fmt"

// broken returns the promise that a state breaks, or "". Overlapping batches appear
// as a record with two rows, because a batch lands as a whole.
func (p *Protocol) broken(s *state) string {
	for i := range p.Records * maxLogs {
		log, o := i/p.Records, i%p.Records
		r, a := s.clickhouse.rows[log][o], s.jetstream.alerts[log][o]
		committed := log == s.kafka.mark.log && o < s.kafka.offset && s.kafka.forged == 0
		switch {
		case r.times > 1:
			return fmt.Sprintf("record %d has two rows", o)
		case r.times == 1 && r.chain != o+1:
			return fmt.Sprintf("the chain is broken at record %d", o)
		case a.times > 1:
			return fmt.Sprintf("the candidate of record %d is published twice", o)
		case a.times == 1 && r.times == 1 && a.rules != r.rules && !s.kafka.forgotten.covers(log, o, a.rules):
			return fmt.Sprintf("the candidate of record %d is published by rules %d, and its row is judged by rules %d", o, a.rules, r.rules)
		case committed && r.times == 0:
			return fmt.Sprintf("offset %d is committed, and record %d has no row", s.kafka.offset, o)
		case committed && candidate(o, r.rules) && a.times == 0:
			return fmt.Sprintf("offset %d is committed, and the candidate of record %d is not published", s.kafka.offset, o)
		}
	}
	for w := range s.workers {
		m := &s.workers[w]
		for o := range m.next {
			if m.known && (m.began == compared || s.kafka.forged == 0) && s.clickhouse.rows[m.log][o].times == 0 {
				return fmt.Sprintf("worker %s goes on at record %d, and record %d has no row", name(actor(w)), m.next, o)
			}
		}
		if m.at == stopped && s.kafka.forged == 0 {
			return fmt.Sprintf("worker %s stops: it found in ClickHouse what cannot be", name(actor(w)))
		}
	}
	return ""
}

// done reports whether every record of the log that there is now is stored,
// published and committed; or, once the mark was forged, whether a worker has
// refused it.
func (p *Protocol) done(s *state) bool {
	k := &s.kafka
	if k.forged != 0 && (s.workers[0].at == stopped || s.workers[1].at == stopped) {
		return true
	}
	if k.offset != p.Records || k.mark.last != 0 || k.mark.log != k.log {
		return false
	}
	for o := range p.Records {
		r := s.clickhouse.rows[k.log][o]
		a := s.jetstream.alerts[k.log][o]
		if r.times != 1 || candidate(o, r.rules) && a.times == 0 || a.times == 1 && !candidate(o, a.rules) {
			return false
		}
	}
	return true
}
