package dialect

// trace evaluates, with the scope's tracing on, only the parts of a condition whose
// state is want. In "a and b" with a true and b unknown it collects the fields that
// b lacks, and not those that a decided without.
func (p *Program) trace(s *Scope, n *node, want state) {
	switch {
	case n.typ.Kind != Bool:
		p.value(s, n)
	case n.op == opLet:
		p.trace(s, n.let.Program.node, want)
	case n.op == opAnd || n.op == opOr || n.op == opNot:
		for _, a := range n.args {
			s.tracing = false
			st := stateOf(a.closure.tri(s))
			s.tracing = true
			if st == want {
				p.trace(s, a, want)
			}
		}
	default:
		n.closure.tri(s)
	}
}
