package dialect

import (
	"math"
	"time"

	"tocsin/rules/money"
)

// compileArith compiles + - * % and the sign. Results that do not fit are
// failed; text is the sub-expression, for the error.
func compileArith(n *node, args []closure, text string) closure {
	overflow := describe("overflow", text)
	a := args[0]
	if n.op == opNegate {
		switch n.typ.Kind {
		case Money:
			return closure{money: one(a.money, overflow, func(x money.Amount) (money.Amount, bool) { return x.Neg(), true })}
		case Rate:
			return closure{rate: one(a.rate, overflow, func(x money.Rate) (money.Rate, bool) { return negRate(x), true })}
		}
		return closure{whole: one(a.whole, overflow, func(x int64) (int64, bool) { return -x, x != math.MinInt64 })}
	}
	b := args[1]
	switch n.typ.Kind {
	case Int:
		if n.text == "%" {
			return closure{whole: two(a.whole, b.whole, describe("remainder of a division by zero", text), remainder)}
		}
		return closure{whole: two(a.whole, b.whole, overflow, wholeOperator(n.text))}
	case Duration:
		if n.args[0].typ.Kind == Instant {
			return closure{whole: two(clocked(n.args[0], a.instant), clocked(n.args[1], b.instant), overflow, between)}
		}
		return closure{whole: two(a.whole, b.whole, overflow, wholeOperator(n.text))}
	case Money:
		meets := func(problem string, f func(x, y money.Amount) (money.Amount, bool)) closure {
			if n.own() {
				return closure{money: twoOwn(n.args, a.money, b.money, problem, f)}
			}
			return closure{money: two(a.money, b.money, problem, f)}
		}
		switch {
		case n.text == "*" && n.args[0].typ.Kind == Rate:
			return closure{money: two(a.rate, b.money, overflow, timesRate)}
		case n.text == "*":
			return closure{money: two(a.whole, b.money, overflow, timesInt)}
		case n.text == "-":
			return meets(overflow, subMoney)
		case n.text == "%":
			return meets(describe("remainder of a division by zero", text), remMoney)
		}
		return meets(overflow, addMoney)
	case Rate:
		if n.text == "-" {
			return closure{rate: two(a.rate, b.rate, overflow, subRate)}
		}
		return closure{rate: two(a.rate, b.rate, overflow, addRate)}
	case Instant:
		sign := int64(1)
		if n.text == "-" {
			sign = -1
		}
		return closure{instant: shifted(n, a.instant, b.whole, sign, overflow)}
	default: // Text; joining allocates
		return closure{text: two(a.text, b.text, overflow, func(x, y string) (string, bool) { return x + y, true })}
	}
}

func wholeOperator(operator string) func(int64, int64) (int64, bool) {
	switch operator {
	case "+":
		return addInt
	case "-":
		return subInt
	}
	return mulInt
}

func remainder(x, y int64) (int64, bool) {
	if y == 0 {
		return 0, false
	}
	return x % y, true
}

// between is x - y in microseconds.
func between(x, y time.Time) (int64, bool) { return subInt(x.UnixMicro(), y.UnixMicro()) }

// shift moves t by sign times micros and keeps its offset.
func shift(t time.Time, sign, micros int64) (time.Time, bool) {
	micros, ok := mulInt(sign, micros)
	if !ok {
		return t, false
	}
	sum, ok := addInt(t.UnixMicro(), micros)
	if !ok || sum/day > maxDays || sum/day < -maxDays {
		return t, false
	}
	return time.UnixMicro(sum).In(t.Location()), true
}

// maxDays keeps instants within the years that dates hold and RFC 3339 writes.
const maxDays = 2_900_000

// one computes f of an operand.
func one[T, R any](a thunk[T], problem string, f func(T) (R, bool)) thunk[R] {
	return func(s *Scope) (R, state) {
		x, st := a(s)
		if st != got {
			var zero R
			return zero, st
		}
		v, ok := f(x)
		if !ok {
			return v, s.fails(problem)
		}
		return v, got
	}
}

// two computes f of two operands.
func two[T, U, R any](a thunk[T], b thunk[U], problem string, f func(T, U) (R, bool)) thunk[R] {
	return func(s *Scope) (R, state) {
		x, sx := a(s)
		y, sy := b(s)
		if sx|sy != got {
			var zero R
			return zero, max(sx, sy)
		}
		v, ok := f(x, y)
		if !ok {
			return v, s.fails(problem)
		}
		return v, got
	}
}

// compileScale makes a duration of a number of seconds or days.
func compileScale(n *node, a thunk[int64], text string) closure {
	unit := int64(second)
	if n.text == string(unitDays) {
		unit = day
	}
	return closure{whole: one(a, describe("overflow", text), func(x int64) (int64, bool) { return mulInt(x, unit) })}
}

// otherwise is b where a is missing. The names that a lacks are then dropped.
func otherwise[T any](a, b thunk[T]) thunk[T] {
	return func(s *Scope) (T, state) {
		before := len(s.missing)
		x, st := a(s)
		if st != gone {
			return x, st
		}
		s.missing = s.missing[:before]
		return b(s)
	}
}

func compileDefault(k Kind, a, b closure) closure {
	switch k {
	case Bool:
		x, y := a.tri, b.tri
		return closure{tri: func(s *Scope) Tri {
			before := len(s.missing)
			t := x(s)
			if t != Unknown {
				return t
			}
			s.missing = s.missing[:before]
			return y(s)
		}}
	case Text:
		return closure{text: otherwise(a.text, b.text)}
	case Texts:
		return closure{texts: otherwise(a.texts, b.texts)}
	case Int, Duration:
		return closure{whole: otherwise(a.whole, b.whole)}
	case Money:
		return closure{money: otherwise(a.money, b.money)}
	case Rate:
		return closure{rate: otherwise(a.rate, b.rate)}
	case Date:
		return closure{date: otherwise(a.date, b.date)}
	default: // Instant
		return closure{instant: otherwise(a.instant, b.instant)}
	}
}

// either is a where the condition is true, and b where it is false.
func either[T any](test condition, a, b thunk[T]) thunk[T] {
	return func(s *Scope) (T, state) {
		switch t := test(s); t {
		case True:
			return a(s)
		case False:
			return b(s)
		default:
			var zero T
			return zero, stateOf(t)
		}
	}
}

func compileIf(k Kind, test condition, a, b closure) closure {
	switch k {
	case Bool:
		return closure{tri: func(s *Scope) Tri {
			switch t := test(s); t {
			case True:
				return a.tri(s)
			case False:
				return b.tri(s)
			default:
				return t
			}
		}}
	case Text:
		return closure{text: either(test, a.text, b.text)}
	case Texts:
		return closure{texts: either(test, a.texts, b.texts)}
	case Int, Duration:
		return closure{whole: either(test, a.whole, b.whole)}
	case Money:
		return closure{money: either(test, a.money, b.money)}
	case Rate:
		return closure{rate: either(test, a.rate, b.rate)}
	case Date:
		return closure{date: either(test, a.date, b.date)}
	case Instant:
		return closure{instant: either(test, a.instant, b.instant)}
	default: // Lines
		return closure{lines: either(test, a.lines, b.lines)}
	}
}

// buildAbs builds abs.
func buildAbs(n *node, args []closure) closure {
	overflow := describe("overflow", "abs")
	switch n.typ.Kind {
	case Money:
		return closure{money: one(args[0].money, overflow, func(x money.Amount) (money.Amount, bool) { return x.Abs(), true })}
	case Rate:
		return closure{rate: one(args[0].rate, overflow, func(x money.Rate) (money.Rate, bool) { return absRate(x), true })}
	}
	return closure{whole: one(args[0].whole, overflow, absInt)}
}

// buildRatio builds ratio and pct_of.
func buildRatio(n *node, args []closure) closure {
	a, b := asAmount(n.args[0].typ.Kind, args[0]), asAmount(n.args[1].typ.Kind, args[1])
	overflow, zero := describe("overflow", n.text), "a base of "+n.text+" that is not 0"
	evaluate := func(s *Scope) (x, y money.Amount, st state) {
		x, sx := a(s)
		y, sy := b(s)
		return x, y, max(sx, sy)
	}
	if n.args[0].own() {
		evaluate = func(s *Scope) (x, y money.Amount, st state) { return both(s, n.args, a, b) }
	}
	return closure{rate: func(s *Scope) (money.Rate, state) {
		x, y, st := evaluate(s)
		if st != got {
			return money.Rate{}, st
		}
		if y.IsZero() {
			return money.Rate{}, s.lacks(zero)
		}
		q, ok := ratio(x, y)
		if !ok {
			return q, s.fails(overflow)
		}
		return q, got
	}}
}

// asAmount reads a number on a scale that cancels out in a quotient.
func asAmount(k Kind, c closure) thunk[money.Amount] {
	switch k {
	case Money:
		return c.money
	case Rate:
		return one(c.rate, "", func(r money.Rate) (money.Amount, bool) { return raw(r), true })
	}
	return one(c.whole, "", func(n int64) (money.Amount, bool) { return money.FromInt(n), true })
}
