package dialect

// Boundary is a comparison of quantities in a rule, at which its tests must
// have a case, and on each side of which they must have another. Comparisons of
// single records inside any, all, count and total are not boundaries.
type Boundary struct {
	Text     string // the comparison as written
	Operator string // with the limit on the right: < <= > >= (== and != make no boundary)
	Line     int    // of the comparison in its file
	Column   int
	Type     Type // of value and limit

	program      *Program
	value, limit *node
}

// Boundaries returns the comparisons of quantities in the expression and its
// lets, in source order.
func (p *Program) Boundaries() []Boundary { return p.bounds }

// collectBoundaries finds the boundaries.
func (p *Program) collectBoundaries() {
	p.node.walk(func(n *node) bool {
		switch {
		case n.op == opLet:
			for _, b := range n.let.Program.bounds {
				p.addBoundary(b)
			}
		case n.op == opCall && n.function.overList():
			return false
		case n.op == opCompare && n.text != "==" && n.text != "!=":
			value, limit := n.sides()
			at := p.src.at(n.at.from)
			b := Boundary{Text: p.text(n.at), Operator: n.text, Line: at.line, Column: at.column, Type: value.typ,
				program: p, value: value, limit: limit}
			if value != n.args[0] {
				b.Operator = flipped(n.text)
			}
			p.addBoundary(b)
		}
		return true
	})
}

func (p *Program) addBoundary(b Boundary) {
	for _, o := range p.bounds {
		if o.value == b.value && o.limit == b.limit {
			return
		}
	}
	p.bounds = append(p.bounds, b)
}

// Sides evaluates both sides.
func (b Boundary) Sides(s *Scope) (value, limit Value) {
	return b.program.value(s, b.value), b.program.value(s, b.limit)
}
