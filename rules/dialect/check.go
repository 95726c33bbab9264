package dialect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tocsin/rules/diag"
	"tocsin/rules/event"
)

const (
	maxParts     = 500
	tooManyParts = "the expression has more than 500 parts"

	// maxMistakes is the number of mistakes reported in one expression.
	maxMistakes = 50
)

// checker turns expr's tree into typed nodes and reports every mistake on the
// way. A part with a mistake becomes nil; its parent then reports nothing about
// it and goes on with the other parts.
type checker struct {
	*parsing
	src   *Source
	env   *Env
	diags diag.List
	done  map[ast.Node]*node
	parts int
	uses  []string // params and lets named, in source order
	known []string // env.names(), filled by the first mistake that needs them

	// Inside a predicate, exactly one of these is set.
	lines *event.Schema // the records it looks at
	items bool          // it looks at texts
}

// report adds a mistake and returns nil, the node of a part with a mistake.
func (c *checker) report(code string, at span, hint, format string, args ...any) *node {
	if len(c.diags) < maxMistakes {
		c.diags = append(c.diags, c.src.mistake(code, at, fmt.Sprintf(format, args...), hint))
	}
	return nil
}

// names lists every name that could have been meant.
func (c *checker) names() []string {
	if c.known == nil {
		c.known = c.env.names()
	}
	return c.known
}

// members lists the fields behind a prefix: "contract" has "contract.parties".
func (c *checker) members(prefix string) (found []string) {
	for _, name := range c.names() {
		if strings.HasPrefix(name, prefix+".") {
			found = append(found, name)
		}
	}
	return found
}

// check returns the typed node of n, or nil after a mistake.
func (c *checker) check(n ast.Node) *node {
	if known, ok := c.done[n]; ok {
		return known
	}
	if c.parts++; c.parts > maxParts {
		if c.parts == maxParts+1 {
			c.report(CodeTooLarge, span{}, "name parts of it under let:", tooManyParts)
		}
		return nil
	}
	checked := c.checkNew(n)
	if checked != nil && checked.at == (span{}) {
		checked.at = c.extent(n)
	}
	c.done[n] = checked
	return checked
}

func (c *checker) checkNew(n ast.Node) *node {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if end, ok := c.totals[n.Location().From]; ok {
			return c.checkTotal(span{n.Location().From, end})
		}
		return c.checkName(n, n.Value)
	case *ast.MemberNode:
		return c.checkMember(n)
	case *ast.PointerNode:
		return c.checkPointer(n)
	case *ast.IntegerNode, *ast.FloatNode:
		return c.checkNumber(n)
	case *ast.BoolNode:
		return &node{op: opConst, typ: Type{Kind: Bool}, value: &Value{Type: Type{Kind: Bool}, Bool: n.Value}}
	case *ast.StringNode:
		return &node{op: opConst, typ: Type{Kind: Text}, value: &Value{Type: Type{Kind: Text}, Text: n.Value}}
	case *ast.UnaryNode:
		return c.checkUnary(n)
	case *ast.BinaryNode:
		return c.checkBinary(n)
	case *ast.ConditionalNode:
		return c.checkConditional(n)
	case *ast.BuiltinNode:
		return c.checkCall(n, n.Name, n.Arguments)
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok {
			if _, hidden := c.totals[name.Location().From]; !hidden {
				return c.checkCall(n, name.Value, n.Arguments)
			}
		}
		return c.report(CodeForbidden, c.extent(n), "call functions by their name: lower(x)", "only functions can be called")
	}
	return c.forbidden(n)
}

// forbidden reports a construct of expr that this language leaves out.
func (c *checker) forbidden(n ast.Node) *node {
	what, hint := "this", readHint
	switch n.(type) {
	case *ast.NilNode:
		what, hint = "nil", "ask present(x), or give a value for a missing one: x ?? default"
	case *ast.ChainNode:
		what, hint = "?.", "write . ; a missing field is unknown, and x ?? default gives a value for it"
	case *ast.SliceNode:
		what, hint = "a slice of a text or list", "use startsWith, endsWith, contains or matches"
	case *ast.VariableDeclaratorNode:
		what, hint = "let inside an expression", "name the part under let: of the rule"
	case *ast.SequenceNode:
		what, hint = "a sequence with ;", "join conditions with and"
	case *ast.ArrayNode:
		what, hint = "a list", "lists stand behind in: x in [\"a\", \"b\"]"
	case *ast.MapNode:
		what, hint = "a map", "write one comparison for each member, joined with and or or"
	case *ast.BytesNode:
		what, hint = "a bytes literal", "write a text without b before the quote"
	case *ast.PredicateNode:
		what, hint = "a predicate", "predicates stand only inside any, all, count and total"
	}
	return c.report(CodeForbidden, c.extent(n), hint, "%s is not part of the rule language", what)
}

// dotted is the name that a chain of members spells, or "".
func (c *checker) dotted(n ast.Node) (name string, inLine bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if _, hidden := c.totals[n.Location().From]; hidden {
			return "", false
		}
		return n.Value, false
	case *ast.PointerNode:
		return "", n.Name == ""
	case *ast.MemberNode:
		property, ok := n.Property.(*ast.StringNode)
		if !ok || n.Optional || n.Method || c.quotedAt(property) {
			return "", false
		}
		before, inLine := c.dotted(n.Node)
		if before == "" && !inLine {
			return "", false
		}
		return strings.TrimPrefix(before+"."+property.Value, "."), inLine
	}
	return "", false
}

// quotedAt reports whether a member is written a["b"] and not a.b.
func (c *checker) quotedAt(n ast.Node) bool {
	r := c.runes[n.Location().From]
	return r == '"' || r == '\'' || r == '`'
}

func (c *checker) checkMember(n *ast.MemberNode) *node {
	name, inLine := c.dotted(n)
	switch {
	case inLine:
		return c.checkLineField(n, name)
	case name != "":
		return c.checkName(n, name)
	}
	if _, ok := n.Property.(*ast.StringNode); ok && !c.quotedAt(n.Property) {
		return c.report(CodeForbidden, c.extent(n), "only the names of fields have a dot", "a part of a value cannot be taken with a dot")
	}
	return c.report(CodeForbidden, c.extent(n), "write names with dots: contract.parties; search lists with in, any and count", "square brackets behind a value are not part of the rule language")
}

// checkName resolves a name: a let, a param, a field.
func (c *checker) checkName(n ast.Node, name string) *node {
	at := c.extent(n)
	if let := c.env.let(name); let != nil {
		if let.Program == nil { // its own mistakes are reported where it stands
			return nil
		}
		if let.Program.lists && (c.lines != nil || c.items) {
			return c.report(CodeNesting, at, "use it outside, joined with and or or", "%s goes over a list, and stands inside another any, all, count or total", name)
		}
		c.use(name)
		return &node{op: opLet, typ: let.Program.node.typ, text: name, let: let}
	}
	if param, ok := c.env.Params[name]; ok {
		if param.Value.Type.Kind == Any { // ParseConst has reported it
			return nil
		}
		c.use(name)
		return &node{op: opConst, typ: param.Value.Type, text: name, value: &param.Value}
	}
	if name == observedName {
		return &node{op: opObserved, typ: Type{Kind: Instant}, text: name}
	}
	if short, ok := strings.CutPrefix(name, materialityPrefix); ok && c.env.Materiality != nil {
		if f := c.env.Materiality.Lookup(short); f != nil {
			return &node{op: opField, typ: typeOf(f), text: name, name: name, field: f, origin: fromProfile, env: c.env}
		}
	} else if f := c.env.Event.Lookup(name); f != nil {
		return &node{op: opField, typ: typeOf(f), text: name, name: name, field: f, env: c.env}
	}
	if members := c.members(name); len(members) > 0 {
		members = members[:min(len(members), 4)]
		return c.report(CodeName, at, "it has "+strings.Join(members, ", "), "%s is a group of fields, not a field", name)
	}
	return c.unknownName(at, name)
}

func (c *checker) use(name string) {
	if !slices.Contains(c.uses, name) {
		c.uses = append(c.uses, name)
	}
}

func (c *checker) unknownName(at span, name string) *node {
	if strings.Contains(name, "$") {
		if hint := asSign(name); hint != "" {
			return c.report(CodeForbidden, at, hint, "%s cannot stand here", name)
		}
		return c.report(CodeForbidden, at, "write the field's name alone", "%s is not part of the rule language", name)
	}
	hint := "tocsin schema fields lists the fields"
	if len(c.diags) == maxMistakes || c.env.Strayed && !strings.Contains(name, ".") {
		return nil
	}
	if near := diag.Nearest(name, c.names()); near != "" {
		hint = "did you mean " + near + "?"
	} else if slices.Contains([]string{"null", "None", "none", "undefined", "missing"}, name) {
		hint = "ask present(x), or give a value for a missing one: x ?? default"
	} else if strings.EqualFold(name, "true") || strings.EqualFold(name, "false") {
		hint = "write " + strings.ToLower(name)
	} else if near := c.ending(name); near != "" {
		hint = "did you mean " + near + "?"
	} else if f := functionNamed(name); f != nil {
		hint = "functions are called with brackets: " + f.Signature
	} else if !strings.Contains(name, ".") {
		hint = "a text stands in quotes: \"" + name + "\""
	}
	return c.report(CodeName, at, hint, "unknown field %q", name)
}

// ending finds the one field whose last part is name.
func (c *checker) ending(name string) string {
	found := ""
	for _, n := range c.names() {
		if strings.HasSuffix(n, "."+name) {
			if found != "" {
				return ""
			}
			found = n
		}
	}
	return found
}

// checkLineField resolves .name inside a predicate.
func (c *checker) checkLineField(n ast.Node, name string) *node {
	at := c.extent(n)
	if c.lines == nil {
		if c.items {
			return c.report(CodePredicate, at, "the text itself is #", "texts have no fields")
		}
		return c.report(CodePredicate, at, "name the list: any(lines, .account == \"1000\")", ".%s stands outside any, all, count and total", name)
	}
	if f := c.lines.Lookup(name); f != nil {
		return &node{op: opField, typ: typeOf(f), text: "." + name, name: c.lines.Name + "." + name, field: f, origin: fromLine, env: c.env}
	}
	hint := "tocsin schema fields lists the fields of " + c.lines.Name
	if near := diag.Nearest(name, fieldNames(c.lines, "")); near != "" {
		hint = "did you mean ." + near + "?"
	} else if c.env.Event.Lookup(name) != nil {
		hint = "a field of the event is written without the dot: " + name
	}
	return c.report(CodeName, at, hint, "%s have no field %q", c.lines.Name, name)
}

// checkPointer resolves # inside a predicate.
func (c *checker) checkPointer(n *ast.PointerNode) *node {
	at := c.extent(n)
	switch {
	case n.Name != "":
		return c.report(CodeForbidden, at, "write # for the text itself, .name for a field of a record", "#%s is not part of the rule language", n.Name)
	case c.items:
		return &node{op: opItem, typ: Type{Kind: Text}, text: "#"}
	case c.lines != nil:
		return c.report(CodePredicate, at, "name a field of the record: .account", "# alone is a whole record")
	}
	return c.report(CodePredicate, at, "name the list: any(contract.parties, # == \"ACME\")", "# stands outside any, all and count")
}

// checkNumber reads a number from the source text, never from expr's float64.
func (c *checker) checkNumber(n ast.Node) *node {
	at := span{n.Location().From, n.Location().To}
	v, problem := plainNumber(string(c.runes[at.from:at.to]))
	if problem != "" {
		if date, ok := c.date(at.from); ok {
			return c.dateInside(date)
		}
		return c.report(CodeNumber, at, numberHint, "%s", problem)
	}
	return &node{op: opConst, typ: v.Type, value: &v, literal: true}
}

// dateInside reports a date, whose parts an expression would subtract or divide.
func (c *checker) dateInside(at span) *node {
	written := c.written(at)
	return c.report(CodeNumber, at, asDateParam(written), "%s cannot stand here", written)
}
