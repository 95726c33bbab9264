package dialect

import (
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"tocsin/rules/diag"
	"tocsin/rules/event"
)

func (c *checker) checkUnary(n *ast.UnaryNode) *node {
	arg := c.check(n.Node)
	if arg == nil {
		return nil
	}
	switch n.Operator {
	case "not", "!":
		if arg.typ.Kind != Bool {
			return c.report(CodeType, arg.at, "not binds tightly: write not (a == b)", "not needs a condition, this is %s", arg.typ)
		}
		return &node{op: opNot, typ: arg.typ, text: "not", args: []*node{arg}}
	case "-":
		if arg.op == opConst {
			if v, ok := negative(*arg.value); ok {
				return &node{op: opConst, typ: arg.typ, value: &v, literal: arg.literal}
			}
		}
		switch arg.typ.Kind {
		case Int, Money, Rate, Duration:
			return &node{op: opNegate, typ: arg.typ, text: "-", args: []*node{arg}}
		}
		return c.report(CodeType, arg.at, "take the sign away", "- needs a number, this is %s", arg.typ)
	}
	return c.report(CodeForbidden, c.extent(n), "leave it out", "the sign %s is not part of the rule language", n.Operator)
}

func (c *checker) checkBinary(n *ast.BinaryNode) *node {
	at := span{n.Location().From, n.Location().To}
	if date, ok := c.date(at.from); ok && (n.Operator == "-" || n.Operator == "/") {
		return c.dateInside(date)
	}
	switch n.Operator {
	case "in":
		return c.checkIn(n)
	case "..":
		return c.report(CodeForbidden, at, "write a <= x and x <= b", "ranges with .. are not part of the rule language")
	case "**", "^":
		return c.report(CodeForbidden, at, "multiply: x * x", "powers are not part of the rule language")
	case "/":
		c.check(n.Left)
		c.check(n.Right)
		return c.report(CodeDivision, at, "write ratio(a, b), which is unknown when b is 0, or multiply by a rate: 0.5 * a", "there is no division: it has no value for a zero")
	}
	if n.Operator == "%" && calls(n.Right, "of") {
		share := c.tokensOf(n.Left).join(at)
		share.to = n.Right.Location().To
		return c.report(CodeSyntax, share, asShareOf(c.written(share)), "%s cannot stand here", c.written(share))
	}
	left, right := c.check(n.Left), c.check(n.Right)
	if left == nil || right == nil {
		return nil
	}
	parts := []*node{left, right}
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.checkLogic(n.Operator, parts)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.checkCompare(n.Operator, at, parts)
	case "contains", "startsWith", "endsWith", "matches":
		return c.checkMatch(n.Operator, at, parts)
	case "??":
		return c.checkDefault(at, parts)
	case "+", "-", "*", "%":
		return c.checkArith(n.Operator, at, parts)
	}
	return c.report(CodeForbidden, at, "the operators are and, or, not, ==, !=, <, <=, >, >=, in, contains, startsWith, endsWith, matches, +, -, *, % and ??", "the operator %s is not part of the rule language", n.Operator)
}

// calls reports whether a part calls a function.
func calls(n ast.Node, name string) bool {
	call, ok := n.(*ast.CallNode)
	if !ok {
		return false
	}
	callee, ok := call.Callee.(*ast.IdentifierNode)
	return ok && callee.Value == name
}

func (c *checker) checkLogic(operator string, parts []*node) *node {
	fine := true
	for _, p := range parts {
		if p.typ.Kind != Bool {
			fine = c.refuse(CodeType, p, "compare it with something: "+c.written(p.at)+" == ...", "%s needs a condition on each side, this is %s", operator, p.typ)
		}
	}
	if !fine {
		return nil
	}
	n := &node{op: opAnd, typ: Type{Kind: Bool}, text: operator, args: parts}
	if operator == "or" || operator == "||" {
		n.op = opOr
	}
	return n
}

func (c *checker) checkCompare(operator string, at span, parts []*node) *node {
	left, right := parts[0], parts[1]
	t, ok := c.join(operator, parts)
	if !ok {
		return nil
	}
	switch {
	case t.Kind == Texts || t.Kind == Lines:
		return c.report(CodeType, at, "use in, any, all or count", "%s cannot be compared", t)
	case !t.Kind.quantity() && operator != "==" && operator != "!=":
		return c.report(CodeType, at, "compare with == or !=", "%s has no order", t)
	}
	if t.Kind == Text && !(c.inVocabulary(left, right) && c.inVocabulary(right, left)) {
		return nil
	}
	n := &node{op: opCompare, typ: Type{Kind: Bool}, text: operator, args: parts}
	return c.decided(n, left.at.join(right.at))
}

// decided refuses a condition that no event can change: its author probably meant a
// field on one side.
func (c *checker) decided(n *node, at span) *node {
	if n.constant() {
		return c.report(CodeConstant, c.balanced(at), "compare a field of the event", "no event can change this condition: both sides are constant")
	}
	return n
}

// inVocabulary checks a constant text against the words that the other side's
// field may hold.
func (c *checker) inVocabulary(word, field *node) bool {
	if word.op != opConst || len(field.typ.Values) == 0 {
		return true
	}
	words := []string{word.value.Text}
	if word.typ.Kind == Texts {
		words = word.value.Texts
	}
	for _, w := range words {
		if slices.Contains(field.typ.Values, w) {
			continue
		}
		hint := "it holds " + strings.Join(field.typ.Values, ", ")
		if near := diag.Nearest(w, field.typ.Values); near != "" {
			hint = "did you mean \"" + near + "\"? " + hint
		}
		return c.refuse(CodeWord, word, hint, "%s never holds %q", c.written(field.at), w)
	}
	return true
}

func (c *checker) checkIn(n *ast.BinaryNode) *node {
	at := span{n.Location().From, n.Location().To}
	left := c.check(n.Left)
	if list, ok := n.Right.(*ast.ArrayNode); ok {
		return c.checkInList(left, list)
	}
	if r, ok := n.Right.(*ast.BinaryNode); ok && r.Operator == ".." {
		return c.report(CodeForbidden, span{r.Location().From, r.Location().To}, "write a <= x and x <= b", "ranges with .. are not part of the rule language")
	}
	right := c.check(n.Right)
	if left == nil || right == nil {
		return nil
	}
	if right.typ.Kind != Texts || left.typ.Kind != Text {
		return c.report(CodeType, at, `write x in ["a", "b"], or "a" in a list of texts`, "in needs a text and a list of texts, not %s and %s", left.typ, right.typ)
	}
	if !c.inVocabulary(right, left) {
		return nil
	}
	return c.decided(&node{op: opIn, typ: Type{Kind: Bool}, text: "in", args: []*node{left, right}}, left.at.join(right.at))
}

// checkInList checks x in [constants].
func (c *checker) checkInList(left *node, list *ast.ArrayNode) *node {
	at := c.extent(list)
	fine := left != nil
	if fine && left.typ.Kind != Text && left.typ.Kind != Int {
		hint := "compare it with ==, or join comparisons with or"
		if left.typ.Kind == Money {
			hint = "compare amounts with <, <=, > and >="
		}
		fine = c.refuse(CodeType, left, hint, "%s cannot be looked up in a list", left.typ)
		left = nil
	}
	items := make([]*node, 0, len(list.Nodes))
	for _, n := range list.Nodes {
		item := c.check(n)
		switch {
		case item == nil:
			fine = false
		case left == nil:
		case item.op != opConst || item.typ.Kind != Text && item.typ.Kind != Int:
			fine = c.refuse(CodeType, item, "write x == a or x == b", "a list holds texts or whole numbers that are constant")
		case left.typ.Kind != item.typ.Kind:
			fine = c.refuse(CodeType, item, "write each item as "+left.typ.String(), "the list is compared with %s, this is %s", left.typ, item.typ)
		case !c.inVocabulary(item, left):
			fine = false
		default:
			items = append(items, item)
		}
	}
	if !fine {
		return nil
	}
	if len(items) == 0 {
		return c.report(CodeConstant, at, "name at least one constant: x in [\"a\", \"b\"]", "nothing is in an empty list")
	}
	v := Value{Type: Type{Kind: left.typ.Kind}}
	if left.typ.Kind == Text {
		v.Type.Kind = Texts
		for _, i := range items {
			v.Texts = append(v.Texts, i.value.Text)
		}
		return c.decided(&node{op: opIn, typ: Type{Kind: Bool}, text: "in", args: []*node{left, {op: opConst, typ: v.Type, at: at, value: &v}}}, left.at.join(at))
	}
	return c.decided(&node{op: opIn, typ: Type{Kind: Bool}, text: "in", args: append([]*node{left}, items...)}, left.at.join(at))
}

func (c *checker) checkMatch(operator string, at span, parts []*node) *node {
	left, right := parts[0], parts[1]
	if left.typ.Kind == Texts {
		return c.report(CodeType, at, "write "+c.written(right.at)+" in "+c.written(left.at)+", or any("+c.written(left.at)+", # "+operator+" ...)", "%s works on a text, not on a list of texts", operator)
	}
	for _, p := range parts {
		if p.typ.Kind != Text {
			return c.report(CodeType, p.at, "compare numbers, amounts and dates with <, <=, > and >=; make a text of a whole number or date: text(x)", "%s needs a text on each side, this is %s", operator, p.typ)
		}
	}
	n := &node{op: opMatch, typ: Type{Kind: Bool}, text: operator, args: parts}
	if operator == "matches" {
		if right.op != opConst {
			return c.report(CodePattern, right.at, "write the pattern in quotes, or as a param", "the pattern of matches must be constant")
		}
		pattern, err := regexp.Compile(right.value.Text)
		if err != nil {
			problem := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
			return c.report(CodePattern, right.at, "patterns are RE2: no look-around, no back-references", "the pattern cannot be read: %s", problem)
		}
		n.pattern = pattern
	}
	return c.decided(n, left.at.join(right.at))
}

func (c *checker) checkDefault(at span, parts []*node) *node {
	if parts[0].constant() {
		return c.report(CodeConstant, at, "leave ?? and what follows it out", "the left side is constant and never missing")
	}
	t, ok := c.join("??", parts)
	if !ok {
		return nil
	}
	if t.Kind == Lines {
		return c.report(CodeType, at, "ask present(lines)", "a list of records has no default")
	}
	if t.Kind == Text && !c.inVocabulary(parts[1], parts[0]) {
		return nil
	}
	return &node{op: opDefault, typ: t, text: "??", args: parts}
}

func (c *checker) checkConditional(n *ast.ConditionalNode) *node {
	cond, yes, no := c.check(n.Cond), c.check(n.Exp1), c.check(n.Exp2)
	if !n.Ternary {
		return c.report(CodeForbidden, c.extent(n), "write condition ? a : b", "if { } else { } is not part of the rule language")
	}
	if cond == nil || yes == nil || no == nil {
		return nil
	}
	if cond.typ.Kind != Bool {
		return c.report(CodeType, cond.at, "compare it with something: x >= limit ? a : b", "? needs a condition before it, this is %s", cond.typ)
	}
	parts := []*node{yes, no}
	t, ok := c.join("? :", parts)
	if !ok {
		return nil
	}
	return &node{op: opIf, typ: t, text: "?", args: append([]*node{cond}, parts...)}
}

func (c *checker) checkArith(operator string, at span, parts []*node) *node {
	a, b := parts[0].typ, parts[1].typ
	n := &node{op: opArith, text: operator, args: parts}
	switch {
	case operator == "*":
		return c.checkProduct(n, at)
	case operator == "%":
		if a.Kind != b.Kind || a.Kind != Int && a.Kind != Money {
			return c.report(CodeType, at, "a percentage is a param: share: 5%", "%% is the remainder of whole numbers or amounts, not of %s and %s", a, b)
		}
	case operator == "+" && a.Kind == Text && b.Kind == Text:
		n.typ = Type{Kind: Text}
		return n
	case a.Kind == Instant && b.Kind == Duration:
		n.typ = a
		return n
	case operator == "-" && a.Kind == Instant && b.Kind == Instant:
		n.typ = Type{Kind: Duration}
		return n
	case operator == "-" && a.Kind == Date && b.Kind == Date:
		return c.report(CodeType, at, "write days_between(b, a)", "dates are not subtracted")
	}
	t, ok := c.join(operator, parts)
	if !ok {
		return nil
	}
	switch t.Kind {
	case Int, Money, Rate, Duration:
		n.typ = t
		return n
	case Text:
		return c.report(CodeType, at, "join texts with +, and put a number into a text with text(n)", "%s is for numbers, not for texts", operator)
	}
	return c.report(CodeType, at, "join conditions with and and or, texts with +", "%s is for numbers, not for %s", operator, t)
}

// checkProduct allows rate * amount, number * amount and number * number.
func (c *checker) checkProduct(n *node, at span) *node {
	a, b := n.args[0].typ, n.args[1].typ
	if a.Kind == Money || a.Kind == Duration && b.Kind == Int {
		n.args[0], n.args[1] = n.args[1], n.args[0]
		a, b = b, a
	}
	switch {
	case b.Kind == Money && a.Kind == Rate, b.Kind == Money && a.Kind == Int:
		n.typ = b
	case a.Kind == Int && b.Kind == Duration:
		n.typ = b
	case a.Kind == Int && b.Kind == Int:
		if a.Unit != event.None && b.Unit != event.None {
			return c.report(CodeUnit, at, "multiply with a plain number or a percentage: 2 * x, share * x", "%s times %s has no unit that rules know", a, b)
		}
		n.typ = Type{Kind: Int, Unit: a.Unit + b.Unit}
	case a.Kind == Money && b.Kind == Money:
		return c.report(CodeType, at, "multiply an amount by a rate or a whole number", "an amount times an amount is not an amount")
	default:
		return c.report(CodeType, at, "multiply a rate or a whole number by an amount", "%s times %s is not part of the rule language", a, b)
	}
	return n
}
