package model

// tick advances time for everything at once. An age stops growing where it no
// longer matters, so time is unbounded: any number of ticks may pass between any
// two steps.
func (p *Protocol) tick(s *state, emit emit) {
	next := *s
	for w := range next.workers {
		m := &next.workers[w]
		switch {
		case m.timed:
			m.age = min(m.age+1, p.TTL)
		case m.at == watching:
			m.age = min(m.age+1, p.Still)
		}
		if m.lost {
			m.quiet = min(m.quiet+1, p.Quiet)
		}
		m.insert = p.older(m.insert)
	}
	c := &next.clickhouse
	if c.orphan = p.older(c.orphan); c.orphan.phase == ended {
		c.orphan = insert{}
	}
	for l := range c.tokens {
		for i := range c.tokens[l] {
			for j := range c.tokens[l][i] {
				for n := range c.tokens[l][i][j] {
					if t := &c.tokens[l][i][j][n]; *t == p.Window {
						*t = 0
					} else if *t > 0 && p.Window != never {
						*t++
					}
				}
			}
		}
	}
	emit(next, action{clock, noOne, "passes a tick"})
}

// older returns an insert one tick later.
func (p *Protocol) older(i insert) insert {
	switch {
	case i.phase != running && i.phase != whole || !p.has(Bound):
		return i
	case i.age+1 >= p.Insert:
		return insert{phase: ended}
	}
	i.age++
	return i
}
