package dialect

import (
	"cmp"
	"slices"
	"strings"

	"tocsin/rules/calendar"
	"tocsin/rules/money"
)

// outcomes has a bit for each result of a comparison, -1, 0 and 1, for which
// the operator is true.
func outcomes(operator string) uint8 {
	switch operator {
	case "<":
		return 0b001
	case "<=":
		return 0b011
	case "==":
		return 0b010
	case "!=":
		return 0b101
	case ">=":
		return 0b110
	default: // >
		return 0b100
	}
}

// flipped is the operator with its sides exchanged.
func flipped(operator string) string {
	switch operator {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	}
	return operator
}

func compileCompare(n *node, a, b closure) condition {
	left, right := n.args[0], n.args[1]
	if left.op == opConst { // put the constant on the right, for the faster comparison
		left, right, a, b = right, left, b, a
	}
	mask := outcomes(n.text)
	if left != n.args[0] {
		mask = outcomes(flipped(n.text))
	}
	switch left.typ.Kind {
	case Bool:
		return equalBools(n.text == "==", a.tri, b.tri)
	case Text:
		if right.op == opConst {
			return isText(a.text, right.value.Text, n.text == "==")
		}
		return ordered(mask, a.text, b.text, strings.Compare)
	case Int, Duration:
		if right.op == opConst {
			return toConst(mask, a.whole, right.value.Int, cmp.Compare[int64])
		}
		return ordered(mask, a.whole, b.whole, cmp.Compare[int64])
	case Money:
		if right.op == opConst {
			return toConst(mask, a.money, right.value.Money, money.Amount.Cmp)
		}
		if left.own() {
			return orderedOwn(mask, []*node{left, right}, a.money, b.money)
		}
		return ordered(mask, a.money, b.money, money.Amount.Cmp)
	case Rate:
		return ordered(mask, a.rate, b.rate, money.Rate.Cmp)
	case Date:
		return ordered(mask, a.date, b.date, cmp.Compare[calendar.Date])
	default: // Instant
		return orderedInstants(mask, []*node{left, right}, a.instant, b.instant)
	}
}

func ordered[T any](mask uint8, a, b thunk[T], compare func(T, T) int) condition {
	return func(s *Scope) Tri {
		x, sx := a(s)
		y, sy := b(s)
		if sx|sy != got {
			return max(sx, sy).tri()
		}
		return Tri(mask >> (compare(x, y) + 1) & 1)
	}
}

func toConst[T any](mask uint8, a thunk[T], limit T, compare func(T, T) int) condition {
	return func(s *Scope) Tri {
		x, st := a(s)
		if st != got {
			return st.tri()
		}
		return Tri(mask >> (compare(x, limit) + 1) & 1)
	}
}

func isText(a thunk[string], word string, equal bool) condition {
	return func(s *Scope) Tri {
		x, st := a(s)
		if st != got {
			return st.tri()
		}
		return triOf((x == word) == equal)
	}
}

func equalBools(equal bool, a, b condition) condition {
	return func(s *Scope) Tri {
		x, y := a(s), b(s)
		if x > True || y > True {
			return max(stateOf(x), stateOf(y)).tri()
		}
		return triOf((x == y) == equal)
	}
}

// fewWords is the length of a list up to which comparing each word is no slower
// than a map.
const fewWords = 8

func compileIn(n *node, args []closure) condition {
	left, right := n.args[0], n.args[1]
	if left.typ.Kind == Int {
		items := make([]int64, 0, len(n.args)-1)
		for _, a := range n.args[1:] {
			items = append(items, a.value.Int)
		}
		return among(args[0].whole, func(x int64) bool { return slices.Contains(items, x) })
	}
	if right.op != opConst {
		a, list := args[0].text, args[1].texts
		return func(s *Scope) Tri {
			x, sx := a(s)
			words, sy := list(s)
			if sx|sy != got {
				return max(sx, sy).tri()
			}
			return triOf(slices.Contains(words, x))
		}
	}
	words := right.value.Texts
	if len(words) <= fewWords {
		return among(args[0].text, func(x string) bool { return slices.Contains(words, x) })
	}
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return among(args[0].text, func(x string) bool { return set[x] })
}

func among[T any](a thunk[T], found func(T) bool) condition {
	return func(s *Scope) Tri {
		x, st := a(s)
		if st != got {
			return st.tri()
		}
		return triOf(found(x))
	}
}

func compileMatch(n *node, a, b thunk[string]) condition {
	if n.pattern != nil {
		return among(a, n.pattern.MatchString)
	}
	test := map[string]func(string, string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[n.text]
	return func(s *Scope) Tri {
		x, sx := a(s)
		y, sy := b(s)
		if sx|sy != got {
			return max(sx, sy).tri()
		}
		return triOf(test(x, y))
	}
}
