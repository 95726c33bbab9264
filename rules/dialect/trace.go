package dialect

// trace evaluates, with the scope's tracing on, just those parts of a condition
// whose state is the one asked about: in "a and b" with a true and b unknown,
// what b lacks is missing and what an "or" beside it lacked is not.
func (p *Program) trace(s *Scope, n *node, want state) {
	switch {
	case n.typ.Kind != Bool:
		p.value(s, n)
	case n.op == opLet:
		p.trace(s, n.let.Program.node, want)
	case n.op == opAnd || n.op == opOr || n.op == opNot:
		for _, a := range n.args {
			s.tracing = false
			st := stateOf(a.code.tri(s))
			s.tracing = true
			if st == want {
				p.trace(s, a, want)
			}
		}
	default:
		n.code.tri(s)
	}
}
