package dialect

import (
	"slices"
	"strconv"
	"strings"

	"tocsin/rules/event"
)

// Mutant is an expression with one thing altered: what a slip of the pen, or a
// hand that means harm, would leave. A rule's cases must tell it from the
// original.
type Mutant struct {
	What   string // what was altered: "deleted is_manual", ">= written for >"
	Line   int    // of the part that was altered
	Column int
	Text   string // the whole expression
}

// Mutants returns the expression with every comparison turned, every clause
// deleted, every default taken away and every constant altered, one at a time.
// Some may not compile, or mean the same.
func (p *Program) Mutants() []Mutant {
	m := &mutator{p: p, runes: []rune(p.src.Text)}
	p.node.walk(func(n *node) bool {
		m.node(n)
		return true
	})
	return m.all
}

type mutator struct {
	p     *Program
	runes []rune
	all   []Mutant
}

// put adds the expression with a part replaced.
func (m *mutator) put(at span, text, what string) {
	where := m.p.src.at(at.from)
	mutant := Mutant{what, where.line, where.column, string(m.runes[:at.from]) + text + string(m.runes[at.to:])}
	if !slices.ContainsFunc(m.all, func(o Mutant) bool { return o.Text == mutant.Text }) {
		m.all = append(m.all, mutant)
	}
}

func (m *mutator) written(n *node) string { return string(m.runes[n.at.from:n.at.to]) }

// short is a part on one line, for a message.
func (m *mutator) short(n *node) string { return m.p.text(n.at) }

// turned are the comparisons that stand for another.
var turned = map[string][]string{">=": {">", "<"}, ">": {">=", "<="}, "<=": {"<", ">"}, "<": {"<=", ">="}, "==": {"!="}, "!=": {"=="}}

func (m *mutator) node(n *node) {
	switch n.op {
	case opAnd, opOr:
		for i, a := range n.args {
			m.put(n.at, "("+m.written(a)+")", "deleted "+m.short(n.args[1-i]))
		}
		if between, ok := m.operator(n, "and", "or", "&&", "||"); ok {
			m.put(between, choose(n.op == opAnd, "or", "and"), choose(n.op == opAnd, "or written for and", "and written for or"))
		}
	case opNot:
		m.put(n.at, "("+m.written(n.args[0])+")", "deleted not")
	case opCompare:
		if at, ok := m.operator(n, n.text); ok {
			for _, other := range turned[n.text] {
				m.put(at, other, other+" written for "+n.text)
			}
		}
		m.words(n)
	case opDefault:
		m.put(n.at, m.written(n.args[0]), "deleted the default of "+m.short(n.args[0]))
		if d := n.args[1]; d.op == opConst && d.typ.Kind == Bool && d.at.to > d.at.from {
			m.put(d.at, strconv.FormatBool(!d.value.Bool), "default of "+m.short(n.args[0])+" turned")
		}
	case opIn:
		m.list(n)
	case opIf:
		m.put(n.at, "("+m.written(n.args[0])+" ? "+m.written(n.args[2])+" : "+m.written(n.args[1])+")", "sides of ? exchanged")
	case opArith:
		if other := map[string]string{"+": "-", "-": "+"}[n.text]; other != "" && n.typ.Kind != Text && n.typ.Kind == n.args[1].typ.Kind {
			if at, ok := m.operator(n, n.text); ok {
				m.put(at, other, other+" written for "+n.text)
			}
		}
	case opCall:
		m.call(n)
	case opConst:
		if n.literal && n.typ.Kind == Int && n.at.to > n.at.from {
			for _, by := range []int64{1, -1} {
				m.put(n.at, strconv.FormatInt(n.value.Int+by, 10), strconv.FormatInt(n.value.Int+by, 10)+" written for "+m.short(n))
			}
		}
	}
}

// call alters a function where another of the same form means something else.
func (m *mutator) call(n *node) {
	other := map[string]string{"any": "all", "all": "any", "min": "max", "max": "min", "present": "missing", "missing": "present"}[n.text]
	if other != "" && strings.HasPrefix(m.written(n), n.text) {
		m.put(span{n.at.from, n.at.from + len(n.text)}, other, other+" written for "+n.text)
	}
	if n.text == "abs" {
		m.put(n.at, "("+m.written(n.args[0])+")", "deleted abs")
	}
	if n.text == "total" && len(n.args) == 3 {
		m.put(span{n.args[1].at.to, n.args[2].at.to}, "", "deleted "+m.short(n.args[2])+" of a total")
	}
}

// words alters a constant text that is compared.
func (m *mutator) words(n *node) {
	for i, a := range n.args {
		if a.op != opConst || a.typ.Kind != Text || a.text != "" || a.at.to == a.at.from {
			continue
		}
		m.put(a.at, strconv.Quote(otherThan(a.value.Text, n.args[1-i].typ)), "another word for "+m.short(a))
	}
}

// otherThan is a word that a field may hold and that is not the one given.
func otherThan(word string, t Type) string {
	for _, other := range t.Values {
		if other != word {
			return other
		}
	}
	return word + "~"
}

// list deletes each constant of a list, one at a time.
func (m *mutator) list(n *node) {
	list := n.args[len(n.args)-1]
	if n.args[0].typ.Kind != Text || list.op != opConst || list.text != "" || list.at.to == list.at.from || len(list.value.Texts) < 2 {
		return
	}
	for i, word := range list.value.Texts {
		var quoted []string
		for _, w := range slices.Delete(slices.Clone(list.value.Texts), i, i+1) {
			quoted = append(quoted, strconv.Quote(w))
		}
		m.put(list.at, "["+strings.Join(quoted, ", ")+"]", "deleted "+strconv.Quote(word))
	}
}

// operator finds the operator of a node between its two sides.
func (m *mutator) operator(n *node, texts ...string) (at span, ok bool) {
	from, to := n.args[0].at.to, n.args[1].at.from
	if from > to || to > len(m.runes) {
		return at, false
	}
	between := string(m.runes[from:to])
	for _, text := range texts {
		if i := strings.Index(between, text); i >= 0 {
			i = len([]rune(between[:i]))
			return span{from + i, from + i + len(text)}, true
		}
	}
	return at, false
}

// Altered returns texts for a constant near this one, or with a part less, as an
// author could have written it by mistake: a step more, a step less, a word
// fewer.
func (c Const) Altered() []string {
	v := c.Value
	switch v.Type.Kind {
	case Bool:
		return []string{strconv.FormatBool(!v.Bool)}
	case Text:
		return []string{strconv.Quote(v.Text + "~")}
	case Texts:
		var all []string
		for i := range v.Texts {
			var quoted []string
			for _, w := range slices.Delete(slices.Clone(v.Texts), i, i+1) {
				quoted = append(quoted, strconv.Quote(w))
			}
			if len(quoted) > 0 {
				all = append(all, "["+strings.Join(quoted, ",")+"]")
			}
		}
		return all
	}
	var all []string
	for _, steps := range []int64{1, -1} {
		if moved, ok := v.moved(steps); ok {
			all = append(all, moved.constText())
		}
	}
	return all
}

// constText is a quantity as ParseConst reads it.
func (v Value) constText() string {
	switch v.Type.Kind {
	case Money:
		return string(v.Type.Unit) + " " + v.Money.String()
	case Duration:
		return strconv.FormatInt(v.Int/second, 10) + " s"
	case Rate:
		if v.Type.Unit == event.Fraction {
			return percent(v.Rate)
		}
		if text := v.Rate.String(); strings.Contains(text, ".") {
			return text
		}
		return v.Rate.String() + ".0"
	}
	return v.String()
}
