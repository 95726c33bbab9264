package dialect

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser/lexer"
)

// extent is the part of the text that a node was parsed from. expr's nodes know
// only the token that makes them: the operator of a sum, the name of a call.
func (p *parsing) extent(n ast.Node) span {
	return p.balanced(p.tokensOf(n))
}

// tokensOf is extent without the brackets that enclose the operands.
func (p *parsing) tokensOf(n ast.Node) span {
	if n == nil {
		return span{}
	}
	at := span{n.Location().From, n.Location().To}
	switch n := n.(type) {
	case *ast.UnaryNode:
		return at.join(p.tokensOf(n.Node))
	case *ast.BinaryNode:
		if chain, ok := n.Left.(*ast.BinaryNode); ok && n.Operator == "&&" && chained(chain, n.Right) {
			// The right side begins with the left side's end.
			return p.tokensOf(chain).join(p.tokensOf(n.Right.(*ast.BinaryNode).Right))
		}
		return p.tokensOf(n.Left).join(p.tokensOf(n.Right))
	case *ast.MemberNode:
		return p.tokensOf(n.Node).join(at).join(p.tokensOf(n.Property))
	case *ast.ChainNode:
		return p.tokensOf(n.Node)
	case *ast.PredicateNode:
		return p.tokensOf(n.Node)
	case *ast.ConditionalNode:
		return p.tokensOf(n.Cond).join(p.tokensOf(n.Exp1)).join(p.tokensOf(n.Exp2))
	case *ast.IdentifierNode:
		if end, ok := p.totals[at.from]; ok {
			return span{at.from, end}
		}
	case *ast.ArrayNode:
		return p.bracketed(at, at.from)
	case *ast.BuiltinNode:
		return p.call(at, n.Arguments)
	case *ast.CallNode:
		return p.call(p.tokensOf(n.Callee), n.Arguments)
	}
	return at
}

// chained reports whether right compares what left's comparison ends with, as
// in 1 < n < 5, which expr parses into (1 < n) && (n < 5) with one n.
func chained(left *ast.BinaryNode, right ast.Node) bool {
	r, ok := right.(*ast.BinaryNode)
	if !ok {
		return false
	}
	if left.Operator == "&&" {
		last, ok := left.Right.(*ast.BinaryNode)
		return ok && last.Right == r.Left
	}
	return left.Right == r.Left
}

// call extends the name of a call to its closing bracket, and before a pipe to
// the first argument.
func (p *parsing) call(name span, arguments []ast.Node) span {
	i, ok := p.index[name.from]
	if !ok {
		return name
	}
	for ; i < len(p.tokens) && p.tokens[i].From < name.to; i++ {
		continue
	}
	all := name
	if len(arguments) > 0 {
		if first := p.tokensOf(arguments[0]); first.from < name.from {
			all = all.join(first)
		}
	}
	if i < len(p.tokens) && p.tokens[i].Is(lexer.Bracket, "(") {
		return p.bracketed(all, p.tokens[i].From)
	}
	return all
}

// bracketed extends s to the bracket that closes the one at an offset.
func (p *parsing) bracketed(s span, open int) span {
	if end, ok := p.closed[open]; ok {
		s.to = max(s.to, end+1)
	}
	return s
}

// balanced extends s to the brackets that enclose only its ends: the operands
// of (a + b) * c begin with a.
func (p *parsing) balanced(s span) span {
	for again := true; again; {
		again = false
		for _, t := range p.tokens {
			if t.From < s.from || t.From >= s.to || t.Kind != lexer.Bracket {
				continue
			}
			if end, ok := p.closed[t.From]; ok && end >= s.to {
				s.to, again = end+1, true
			}
			if open, ok := p.opened[t.From]; ok && open < s.from {
				s.from, again = open, true
			}
		}
	}
	return s
}
