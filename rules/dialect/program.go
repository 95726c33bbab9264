package dialect

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"tocsin/rules/diag"
	"tocsin/rules/event"
)

// Program is a compiled expression. It is immutable and safe for concurrent
// use; a Scope is not.
type Program struct {
	src  Source
	env  *Env
	node *node
	cost int

	names  []string       // fields that it and its lets read, in source order
	uses   []string       // params and lets that it names, in source order
	fields []*event.Field // fields of the event that it and its lets read
	lists  bool           // it or a let of it goes over a list
	steps  []step
	bounds []Boundary
}

// Compile checks an expression and compiles it. want is the type it must have:
// Bool for a condition, Text for a key, Moment for the start of a deadline, Any
// for every type. Compile reports all mistakes, and returns a nil Program after
// one. The Program is nil without a mistake where a let or param that it uses has
// mistakes of its own, reported before. It keeps env: add lets and params, and
// change nothing else.
func Compile(src Source, env *Env, want Kind) (*Program, diag.List) {
	p, mistake := lex(&src)
	if mistake != nil {
		return nil, diag.List{mistake}
	}
	tree, mistake := p.parse(span{0, len(p.runes)}, false)
	if mistake != nil {
		return nil, diag.List{mistake}
	}
	c := &checker{parsing: p, src: &src, env: env, done: map[ast.Node]*node{}}
	root := c.check(tree)
	if root != nil && !root.typ.Kind.satisfies(want) {
		c.result(root, want)
	}
	if len(c.diags) > 0 {
		c.diags.Sort()
		return nil, c.diags
	}
	if root == nil {
		return nil, nil
	}
	cost := root.cost(map[*node]int{})
	if cost > maxCost {
		c.report(CodeTooLarge, span{0, len(p.runes)}, "use fewer lets inside lets, and fewer conditions over lists", "the expression is too costly")
		return nil, c.diags
	}
	root.compile(p.written)
	program := &Program{src: src, env: env, node: root, cost: cost, uses: c.uses}
	program.survey()
	return program, nil
}

// result reports an expression of another type than wanted.
func (c *checker) result(root *node, want Kind) {
	hint := "write " + want.String()
	switch {
	case want == Bool:
		hint = "compare it with something, or ask present(x)"
	case want == Text && (root.typ.Kind == Int || root.typ.Kind == Date):
		hint = "make a text of it: text(x)"
	case want == Any:
		hint = "ask any, all, count, total or len about it"
	}
	c.report(CodeResult, root.at, hint, "%s is wanted here, the expression is %s", want, root.typ)
}

// text is a part of the source, on one line.
func (p *Program) text(part span) string { return p.src.written(part) }

// survey collects what the program reads and what an explanation shows.
func (p *Program) survey() {
	lets := map[string]bool{}
	add := func(list *[]string, name string) {
		if name != "" && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	p.node.walk(func(n *node) bool {
		switch n.op {
		case opField:
			add(&p.names, n.name)
			if n.origin == fromEvent && !slices.Contains(p.fields, n.field) {
				p.fields = append(p.fields, n.field)
			}
		case opObserved:
			add(&p.names, observedName)
		case opLet:
			if lets[n.text] {
				break
			}
			lets[n.text] = true
			inner := n.let.Program
			for _, name := range inner.names {
				add(&p.names, name)
			}
			for _, f := range inner.fields {
				if !slices.Contains(p.fields, f) {
					p.fields = append(p.fields, f)
				}
			}
			p.lists = p.lists || inner.lists
		case opCall:
			p.lists = p.lists || n.function.overList()
		}
		return true
	})
	p.collectSteps()
	p.collectBoundaries()
}

// Text returns the expression on one line.
func (p *Program) Text() string { return p.text(span{0, len([]rune(p.src.Text))}) }

// Type returns the type of the expression.
func (p *Program) Type() Type { return p.node.typ }

// Reads returns the names of the fields that the expression and its lets read,
// in source order: event fields, "materiality." fields, "lines.account" for a
// field of a list's records, and "observed".
func (p *Program) Reads() []string { return p.names }

// Fields returns the fields of the event that the expression and its lets read.
func (p *Program) Fields() []*event.Field { return p.fields }

// Uses returns the params and lets that the expression names.
func (p *Program) Uses() []string { return p.uses }

// Cost returns the number of operations of the worst case, for lists of 100
// members.
func (p *Program) Cost() int { return p.cost }

// Test evaluates a condition. It does not allocate, except for + of texts and
// lower and text.
func (p *Program) Test(s *Scope) Tri {
	if p.node.closure.tri == nil {
		return Failed
	}
	return p.node.closure.tri(s)
}

// Eval evaluates an expression of any type.
func (p *Program) Eval(s *Scope) Value { return p.value(s, p.node) }

// value evaluates a part of the program.
func (p *Program) value(s *Scope, n *node) (v Value) {
	t, c := n.typ, n.closure
	var st state
	switch t.Kind {
	case Bool:
		b := c.tri(s)
		v.Bool, st = b == True, stateOf(b)
	case Text:
		v.Text, st = c.text(s)
	case Texts:
		v.Texts, st = c.texts(s)
	case Int, Duration:
		v.Int, st = c.whole(s)
	case Money:
		v.Money, st = c.money(s)
		if v.Currency = s.code; !n.own() || s.code == "" || s.code == unnamed {
			v.Currency = p.currency(s, t.Unit)
		}
	case Rate:
		v.Rate, st = c.rate(s)
	case Date:
		v.Date, st = c.date(s)
	case Instant:
		v.Instant, st = c.instant(s)
	}
	if st != got {
		v = Value{}
	}
	v.Type = t
	v.mark(st)
	return v
}

// currency is the code of a currency, or "" where the event does not name it.
func (p *Program) currency(s *Scope, u event.Unit) string {
	if !role(u) {
		return string(u)
	}
	if f := currencyField(p.env.Event, u); f != nil && s.Event.Has(f) {
		return s.Event.Text(f)
	}
	if u == event.Group {
		return p.env.GroupCurrency
	}
	return ""
}

// Missing returns the names of what was not sent and left the result unknown,
// each once, in the order they were looked for. It evaluates the expression
// again.
func (p *Program) Missing(s *Scope) []string { return p.lacks(s, p.node) }

// lacks is Missing for a part of the program.
func (p *Program) lacks(s *Scope, n *node) []string {
	s.tracing, s.missing = true, s.missing[:0]
	p.trace(s, n, gone)
	names := make([]string, 0, len(s.missing))
	for _, name := range s.missing {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	s.tracing, s.missing = false, s.missing[:0]
	return names
}

// Err returns what could not be computed when the result is failed: "overflow
// in a + b". It names fields and never their values, and evaluates the
// expression again.
func (p *Program) Err(s *Scope) string { return p.faultOf(s, p.node) }

// faultOf is Err for a part of the program.
func (p *Program) faultOf(s *Scope, n *node) string {
	s.tracing, s.missing, s.fault = true, s.missing[:0], ""
	p.trace(s, n, bad)
	fault := s.fault
	s.tracing, s.missing, s.fault = false, s.missing[:0], ""
	return fault
}
