package model

// tick lets time pass for everything at once. An age stops where it no longer
// matters, so the model has no bound on time: any number of ticks may pass
// between any two steps.
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
		m.insert = p.older(m.insert)
	}
	c := &next.clickhouse
	if c.orphan = p.older(c.orphan); c.orphan.phase == ended {
		c.orphan = insert{}
	}
	for i := range c.tokens {
		for j := range c.tokens[i] {
			if t := &c.tokens[i][j]; *t == p.Window {
				*t = 0
			} else if *t > 0 {
				*t++
			}
		}
	}
	emit(next, action{clock, noOne, "passes a tick"})
}

// older is an insert one tick later.
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
