package dialect

import (
	"tocsin/rules/event"
	"tocsin/rules/money"
)

// list reads the list that a predicate goes over.
type list struct {
	lines thunk[[]event.Record]
	texts thunk[[]string]
}

// load returns the members, one of both, and their number.
func (l list) load(s *Scope) (lines []event.Record, texts []string, n int, st state) {
	if l.lines != nil {
		lines, st = l.lines(s)
		return lines, nil, len(lines), st
	}
	texts, st = l.texts(s)
	return nil, texts, len(texts), st
}

// at makes member i the one that .field and # read.
func (s *Scope) at(lines []event.Record, texts []string, i int) {
	if lines != nil {
		s.line = &lines[i]
		return
	}
	s.item = texts[i]
}

// buildAny builds any and all.
func buildAny(n *node, args []closure) closure {
	over, test, decided := list{args[0].lines, args[0].texts}, args[1].tri, triOf(n.text == "any")
	combine := or
	if n.text == "all" {
		combine = and
	}
	return closure{tri: func(s *Scope) Tri {
		lines, texts, count, st := over.load(s)
		if st != got {
			return st.tri()
		}
		result := not(decided)
		for i := range count {
			s.at(lines, texts, i)
			if result = combine(result, test(s)); result == decided {
				return result
			}
		}
		return result
	}}
}

func buildCount(_ *node, args []closure) closure {
	over, test := list{args[0].lines, args[0].texts}, args[1].tri
	return closure{whole: func(s *Scope) (int64, state) {
		lines, texts, count, worst := over.load(s)
		if worst != got {
			return 0, worst
		}
		n := int64(0)
		for i := range count {
			s.at(lines, texts, i)
			t := test(s)
			worst = max(worst, stateOf(t))
			if t == True {
				n++
			}
		}
		return n, worst
	}}
}

func buildTotal(n *node, args []closure) closure {
	test := func(*Scope) Tri { return True }
	if len(args) == 3 {
		test = args[2].tri
	}
	overflow := describe("overflow", n.text)
	if n.own() {
		return closure{money: totalOwn(n, args[0].lines, args[1].money, test, overflow)}
	}
	if n.typ.Kind == Money {
		return closure{money: total(args[0].lines, args[1].money, test, addMoney, money.Amount{}, overflow)}
	}
	return closure{whole: total(args[0].lines, args[1].whole, test, addInt, 0, overflow)}
}

func total[T any](list thunk[[]event.Record], value thunk[T], test condition, add func(T, T) (T, bool), zero T, overflow string) thunk[T] {
	return func(s *Scope) (T, state) {
		lines, worst := list(s)
		if worst != got {
			return zero, worst
		}
		sum := zero
		for i := range lines {
			s.line = &lines[i]
			t := test(s)
			if t == False {
				continue
			}
			v, st := value(s)
			worst = max(worst, stateOf(t), st)
			if worst != got {
				continue
			}
			var ok bool
			if sum, ok = add(sum, v); !ok {
				return sum, s.fails(overflow)
			}
		}
		return sum, worst
	}
}
