package dialect

// Part is a comparison or bare condition that and, or, not and lets join into a
// condition.
type Part struct {
	Text   string // as written
	Line   int
	Column int

	program *Program
	node    *node
}

// Parts returns the parts of a condition and of the lets it uses, in source
// order, each once. An expression that is no condition has none.
func (p *Program) Parts() (all []Part) {
	if p.node.typ.Kind != Bool {
		return nil
	}
	seen := map[*node]bool{}
	var collect func(p *Program, n *node)
	collect = func(p *Program, n *node) {
		switch {
		case seen[n]:
		case n.op == opLet && n.typ.Kind == Bool:
			collect(n.let.Program, n.let.Program.node)
		case n.connective():
			for _, a := range n.args {
				collect(p, a)
			}
		case n.op != opConst:
			at := p.src.at(n.at.from)
			all = append(all, Part{p.text(n.at), at.line, at.column, p, n})
		}
		seen[n] = true
	}
	collect(p, p.node)
	return all
}

// Test evaluates the part, even where the whole condition would not.
func (p Part) Test(s *Scope) Tri { return p.node.closure.tri(s) }
