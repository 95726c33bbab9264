package dialect

import (
	"slices"
	"strings"

	"tocsin/rules/diag"
)

// Canon is a text that conditions of equal form share: lets and params are replaced
// by their values, and the sides of and and or are sorted.
func (p *Program) Canon() string { return p.node.canon() }

func (n *node) canon() string {
	switch n.op {
	case opConst:
		return n.value.Type.String() + " " + n.value.String()
	case opField:
		if n.origin == fromLine {
			return "." + n.field.Name
		}
		return n.name
	case opObserved:
		return observedName
	case opItem:
		return "#"
	case opLet:
		return n.let.Program.node.canon()
	case opGuard:
		return n.args[0].canon()
	}
	parts := make([]string, len(n.args))
	for i, a := range n.args {
		parts[i] = a.canon()
	}
	text := n.text
	switch n.op {
	case opAnd, opOr:
		slices.Sort(parts)
		text = choose(n.op == opAnd, "and", "or")
	case opCompare:
		if parts[1] < parts[0] {
			parts[0], parts[1], text = parts[1], parts[0], flipped(text)
		}
	}
	if n.pattern != nil {
		text += " " + n.pattern.String()
	}
	return text + "(" + strings.Join(parts, ", ") + ")"
}

// Mistake is a diagnostic about the whole expression.
func (p *Program) Mistake(code, message, hint string) *diag.Diagnostic {
	return p.src.mistake(code, span{0, len([]rune(strings.TrimRight(p.src.Text, " \n\t")))}, message, hint)
}
