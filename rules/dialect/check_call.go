package dialect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"tocsin/rules/diag"
)

// elsewhere is what to write in place of functions that other languages, expr
// among them, have.
var elsewhere = map[string]string{
	"now":      "there is no clock, so that a verdict can be recomputed: observed is the instant at which the event was seen",
	"sum":      "write total(lines, .amount_group), which is exact",
	"filter":   "ask any, all, count or total with a condition",
	"map":      "ask any, all, count or total with a condition",
	"find":     "ask any, all or count with a condition",
	"none":     "write not any(list, condition)",
	"one":      "write count(list, condition) == 1",
	"round":    "amounts and rates are exact",
	"upper":    "write lower(x) and compare with small letters",
	"date":     "write the date as a param: 2026-01-31",
	"duration": "write the duration as a param: 4h, 5 days",
	"float":    "numbers are exact: write 0.75, or a param",
	"int":      "numbers need no conversion",
	"string":   "write text(x)",
	"reduce":   "write total(lines, .amount_group), which is exact",
	"if":       "write condition ? a : b",
	"exists":   "write present(field)",
	"isnull":   "write missing(field)",
}

func (c *checker) checkCall(n ast.Node, name string, arguments []ast.Node) *node {
	at := c.extent(n)
	f := functionNamed(name)
	if f == nil {
		return c.unknownFunction(n, name, arguments)
	}
	if len(arguments) < f.min() || len(arguments) > len(f.takes) && !f.variadic {
		for _, a := range arguments {
			if _, ok := a.(*ast.PredicateNode); !ok {
				c.check(a)
			}
		}
		return c.report(CodeArguments, at, "write "+f.Signature, "%s has %s here", f.Name, countOf(len(arguments)))
	}
	switch f.form {
	case presence:
		return c.checkPresence(f, at, arguments[0])
	case predicate:
		body, ok := arguments[1].(*ast.PredicateNode)
		if !ok {
			return c.report(CodeArguments, at, "write "+f.Signature, "%s needs a condition", f.Name)
		}
		list := c.check(arguments[0])
		return c.checkList(f, at, list, []func() *node{func() *node { return c.check(body.Node) }})
	case totalling: // only behind a pipe, which hides it from the parser's help
		return c.report(CodeForbidden, at, "write "+f.Signature, "total cannot stand behind a pipe")
	}
	args := make([]*node, len(arguments))
	for i, a := range arguments {
		args[i] = c.check(a)
	}
	if slices.Contains(args, nil) {
		return nil
	}
	return c.checkPlain(f, at, args)
}

func (c *checker) unknownFunction(n ast.Node, name string, arguments []ast.Node) *node {
	at := span{n.Location().From, n.Location().To}
	for _, a := range arguments {
		if _, ok := a.(*ast.PredicateNode); !ok {
			c.check(a)
		}
	}
	hint := elsewhere[name]
	if hint == "" {
		hint = elsewhere[strings.ToLower(name)]
	}
	if near := diag.Nearest(name, functionNames()); hint == "" && near != "" {
		hint = "did you mean " + functionNamed(near).Signature + "?"
	}
	if hint == "" {
		hint = "the functions are " + strings.Join(functionNames(), ", ")
	}
	return c.report(CodeFunction, at, hint, "unknown function %q", name)
}

// checkPlain checks a function of values.
func (c *checker) checkPlain(f *function, at span, args []*node) *node {
	fine := true
	for i, a := range args {
		if kinds := f.takes[min(i, len(f.takes)-1)]; !slices.Contains(kinds, a.typ.Kind) {
			hint := "write " + f.Signature
			if f.zoned && a.typ.Kind == Date {
				hint = "a date has no time of day and no zone"
			}
			fine = c.refuse(CodeArguments, a, hint, "%s does not take %s here", f.Name, a.typ)
		}
	}
	if !fine {
		return nil
	}
	if f.alike {
		if _, ok := c.join(f.Name, args); !ok {
			return nil
		}
	}
	if f.zoned && len(args) == 2 && !c.checkZone(args) {
		return nil
	}
	return &node{op: opCall, typ: f.result(args), text: f.Name, function: f, args: args, env: c.env}
}

// checkZone checks the name of a time zone.
func (c *checker) checkZone(args []*node) bool {
	if args[0].typ.Kind == Date {
		return c.refuse(CodeArguments, args[1], "leave the zone out", "a date has no zone")
	}
	if args[1].op != opConst {
		return c.refuse(CodeArguments, args[1], `write it in quotes: "America/New_York"`, "the name of the zone must be constant")
	}
	if name := args[1].value.Text; name == "Local" || name == "" {
		return c.refuse(CodeArguments, args[1], `write "America/New_York" or "UTC"`, "there is no time zone %q", name)
	} else if _, err := time.LoadLocation(name); err != nil {
		return c.refuse(CodeArguments, args[1], `write "America/New_York" or "UTC"`, "there is no time zone %q", name)
	}
	return true
}

// checkPresence checks present(name) and missing(name).
func (c *checker) checkPresence(f *function, at span, argument ast.Node) *node {
	arg := c.check(argument)
	if arg == nil {
		return nil
	}
	if arg.op != opField && arg.op != opLet {
		return c.report(CodeArguments, arg.at, "write "+f.Signature, "%s asks about a field or a let", f.Name)
	}
	return &node{op: opCall, typ: boolType, text: f.Name, function: f, args: []*node{arg}}
}

// checkTotal checks a call of total, which the parser has not seen.
func (c *checker) checkTotal(at span) *node {
	f := functionNamed("total")
	parts := c.arguments(at.from)
	if len(parts) < f.min() || len(parts) > len(f.takes) {
		return c.report(CodeArguments, at, "write "+f.Signature, "total has %s here", countOf(len(parts)))
	}
	for _, part := range parts {
		if c.written(part) == "" {
			return c.report(CodeSyntax, at, "write "+f.Signature, "an argument of total is empty")
		}
	}
	var list *node
	if tree, d := c.parse(parts[0], false); d != nil {
		c.diags = append(c.diags, d)
	} else {
		list = c.check(tree)
	}
	bodies := make([]func() *node, len(parts)-1)
	for i, part := range parts[1:] {
		bodies[i] = func() *node {
			tree, d := c.parse(part, true)
			if d != nil {
				c.diags = append(c.diags, d)
				return nil
			}
			if body, ok := tree.(*ast.PredicateNode); ok {
				return c.check(body.Node)
			}
			return c.report(CodeSyntax, part, partHint, "this is not one condition or field")
		}
	}
	return c.checkList(f, at, list, bodies)
}

// checkList checks a function over a list: bodies check its other arguments
// where .field or # has a meaning.
func (c *checker) checkList(f *function, at span, list *node, bodies []func() *node) *node {
	if c.lines != nil || c.items {
		return c.report(CodeNesting, at, "make one condition of both, with and or or", "%s stands inside another any, all, count or total", f.Name)
	}
	if list == nil {
		return nil // the meaning of .field is unknown
	}
	if !slices.Contains(f.takes[0], list.typ.Kind) {
		return c.report(CodeArguments, list.at, "write "+f.Signature, "%s looks at a list, this is %s", f.Name, list.typ)
	}
	c.lines, c.items = list.typ.lines, list.typ.Kind == Texts
	args, fine := []*node{list}, true
	for i, body := range bodies {
		arg := body()
		if arg == nil {
			fine = false
			continue
		}
		if kinds := f.takes[i+1]; !slices.Contains(kinds, arg.typ.Kind) {
			fine = c.refuse(CodeArguments, arg, "write "+f.Signature, "%s does not take %s here", f.Name, arg.typ)
			continue
		}
		if i == 0 && f.form == totalling && arg.constant() {
			fine = c.refuse(CodeArguments, arg, "name a field of the record: .amount_group", "total adds up a constant")
		}
		args = append(args, arg)
	}
	c.lines, c.items = nil, false
	if !fine {
		return nil
	}
	return &node{op: opCall, typ: f.result(args), at: at, text: f.Name, function: f, args: args}
}

func countOf(arguments int) string {
	if arguments == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", arguments)
}

// describe is a sub-expression in the words of an error: "overflow in a + b".
func describe(problem, text string) string { return fmt.Sprintf("%s in %s", problem, text) }
