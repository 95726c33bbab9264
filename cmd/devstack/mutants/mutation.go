package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// mutation is one alteration of one source file.
type mutation struct {
	file     string // below the module, with slashes
	function string // that it lies in, with its receiver; "" outside of functions
	change   string // what is altered: "a > b written for a >= b"
	at       token.Position
	start    int // src[start:end] becomes text
	end      int
	text     string
	// from and to are the lines of the function.
	from, to int
}

// apply returns the altered source.
func (m *mutation) apply(src []byte) []byte {
	return []byte(string(src[:m.start]) + m.text + string(src[m.end:]))
}

// name identifies a mutation while lines move: the list of explained survivors
// has it.
func (m *mutation) name() string { return m.file + " " + m.function + " " + m.change }

// finder collects the mutations of one file.
type finder struct {
	src     []byte
	set     *token.FileSet
	current mutation // file and function
	stack   []ast.Node
	all     []mutation
	names   map[string]int // how often a function has a change of this text
}

// find returns the mutations of a source file in its order.
func find(file string, src []byte) ([]mutation, error) {
	f := &finder{src: src, set: token.NewFileSet(), current: mutation{file: file}, names: map[string]int{}}
	tree, err := parser.ParseFile(f.set, file, src, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, d := range tree.Decls {
		f.current.function, f.current.from, f.current.to = "", 0, 0
		switch d := d.(type) {
		case *ast.FuncDecl:
			f.current.function = d.Name.Name
			if d.Recv != nil {
				f.current.function = strings.TrimLeft(f.sourceOf(d.Recv.List[0].Type), "*") + "." + d.Name.Name
			}
			f.current.from, f.current.to = f.set.Position(d.Pos()).Line, f.set.Position(d.End()).Line
		case *ast.GenDecl:
			if d.Tok == token.IMPORT || d.Tok == token.TYPE {
				continue
			}
		}
		ast.Inspect(d, f.visit)
	}
	return f.all, nil
}

func (f *finder) offset(p token.Pos) int { return f.set.Position(p).Offset }

func (f *finder) sourceOf(n ast.Node) string {
	return string(f.src[f.offset(n.Pos()):f.offset(n.End())])
}

// longest is how much of a changed text is printed.
const longest = 90

// short returns a text on one line, without the marks that end it in a list.
func short(text string) string {
	text = strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "`", "'")
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return text
}

// replace adds the mutation that writes text for the source between two positions.
func (f *finder) replace(from, to token.Pos, text, change string) {
	m := f.current
	m.at, m.change = f.set.Position(from), change
	if f.names[m.name()]++; f.names[m.name()] > 1 {
		m.change += fmt.Sprintf(" (%d)", f.names[m.name()])
	}
	m.start, m.end, m.text = f.offset(from), f.offset(to), text
	f.all = append(f.all, m)
}

// remove adds the mutation without the node.
func (f *finder) remove(n ast.Node) {
	f.replace(n.Pos(), n.End(), "", "deleted: "+short(f.sourceOf(n)))
}

// turned are the operators that are written for another.
var turned = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL}, token.REM: {token.QUO},
	token.SHL: {token.SHR}, token.SHR: {token.SHL}, token.AND: {token.OR}, token.OR: {token.AND},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN}, token.MUL_ASSIGN: {token.QUO_ASSIGN}, token.QUO_ASSIGN: {token.MUL_ASSIGN},
	token.INC: {token.DEC}, token.DEC: {token.INC},
}

// turn writes the other operators for the one at a position in a node.
func (f *finder) turn(n ast.Node, at token.Pos, op token.Token) {
	for _, other := range turned[op] {
		head, tail := string(f.src[f.offset(n.Pos()):f.offset(at)]), string(f.src[f.offset(at)+len(op.String()):f.offset(n.End())])
		f.replace(at, at+token.Pos(len(op.String())), other.String(), short(head+other.String()+tail)+" written for "+short(f.sourceOf(n)))
	}
}

// visit adds the mutations of one node. It implements the function of ast.Inspect.
func (f *finder) visit(n ast.Node) bool {
	if n == nil {
		f.stack = f.stack[:len(f.stack)-1]
		return true
	}
	f.stack = append(f.stack, n)
	switch n := n.(type) {
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			f.replace(n.Pos(), n.X.Pos(), "", short(f.sourceOf(n.X))+" written for "+short(f.sourceOf(n)))
		}
	case *ast.IfStmt:
		f.condition(n)
	case *ast.CaseClause:
		f.replace(n.Pos(), n.End(), "", "deleted: "+short(string(f.src[f.offset(n.Pos()):f.offset(n.Colon)+1])))
	case *ast.ExprStmt, *ast.DeferStmt:
		f.remove(n)
	case *ast.BranchStmt:
		if n.Label == nil && n.Tok != token.FALLTHROUGH {
			f.remove(n)
		}
	case *ast.IncDecStmt:
		f.turn(n, n.TokPos, n.Tok)
		f.remove(n)
	case *ast.AssignStmt:
		f.turn(n, n.TokPos, n.Tok)
		if n.Tok != token.DEFINE {
			f.remove(n)
		}
	case *ast.ReturnStmt:
		f.returned(n)
	case *ast.BasicLit:
		if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil && n.Kind == token.INT {
			f.replace(n.Pos(), n.End(), strconv.FormatInt(v+1, 10), strconv.FormatInt(v+1, 10)+" written for "+n.Value+" in "+f.around())
		}
	case *ast.Ident:
		if other, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
			f.replace(n.Pos(), n.End(), other, other+" written for "+n.Name+" in "+f.around())
		}
	case *ast.ArrayType:
		return f.leave() // its length is no number that code computes with
	}
	return true
}

// leave skips the children of a node.
func (f *finder) leave() bool {
	f.stack = f.stack[:len(f.stack)-1]
	return false
}

// around is the text that a small node lies in: up to its statement.
func (f *finder) around() string {
	for i := len(f.stack) - 2; i >= 0; i-- {
		switch n := f.stack[i].(type) {
		case *ast.BlockStmt, *ast.FuncDecl, *ast.FuncType, *ast.CompositeLit, *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.CaseClause, *ast.GenDecl:
			return short(f.sourceOf(f.stack[i+1]))
		case ast.Stmt:
			return short(f.sourceOf(n))
		}
	}
	return ""
}

func (f *finder) binary(n *ast.BinaryExpr) {
	if isNil(n.Y) || isText(n.X) || isText(n.Y) {
		return // a condition on nil is altered as a whole; a text is joined
	}
	f.turn(n, n.OpPos, n.Op)
	if n.Op == token.LAND || n.Op == token.LOR {
		f.replace(n.X.Pos(), n.Y.Pos(), "", "clause deleted: "+short(f.sourceOf(n.X))+" "+n.Op.String())
		f.replace(n.X.End(), n.Y.End(), "", "clause deleted: "+n.Op.String()+" "+short(f.sourceOf(n.Y)))
	}
}

// condition alters the condition of an if as a whole.
func (f *finder) condition(n *ast.IfStmt) {
	text := f.sourceOf(n.Cond)
	f.replace(n.Cond.Pos(), n.Cond.End(), "false && ("+text+")", "never: if "+short(text))
	switch n.Cond.(type) {
	case *ast.BinaryExpr, *ast.UnaryExpr: // turned by itself
	default:
		f.replace(n.Cond.Pos(), n.Cond.End(), "!("+text+")", "!"+short(text)+" written for "+short(text))
	}
}

// returned drops the error of a return, or a return without results.
func (f *finder) returned(n *ast.ReturnStmt) {
	if len(n.Results) == 0 {
		f.remove(n)
		return
	}
	last := n.Results[len(n.Results)-1]
	if results := f.results(); isNil(last) || results == nil || len(n.Results) != results.NumFields() || f.sourceOf(results.List[len(results.List)-1].Type) != "error" {
		return
	}
	f.replace(last.Pos(), last.End(), "nil", "nil written for the error in "+short(f.sourceOf(n)))
}

// results are those of the function around the current node.
func (f *finder) results() *ast.FieldList {
	for i := len(f.stack) - 1; i >= 0; i-- {
		switch n := f.stack[i].(type) {
		case *ast.FuncLit:
			return n.Type.Results
		case *ast.FuncDecl:
			return n.Type.Results
		}
	}
	return nil
}

func isNil(e ast.Expr) bool {
	i, ok := e.(*ast.Ident)
	return ok && i.Name == "nil"
}

func isText(e ast.Expr) bool {
	l, ok := e.(*ast.BasicLit)
	return ok && l.Kind == token.STRING
}
