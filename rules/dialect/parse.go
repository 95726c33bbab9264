package dialect

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"

	"tocsin/rules/diag"
)

// MaxSource is the greatest length of an expression, in bytes.
const MaxSource = 4096

// parsing is the text of an expression and its tokens.
//
// expr's grammar knows ".field" only inside its own predicates, and total is
// not one of them. So each total(...) is hidden behind a name of the same width
// while the rest is parsed, and its arguments are parsed on their own, padded
// to the same offsets.
type parsing struct {
	src    *Source
	runes  []rune
	tokens []lexer.Token
	closed map[int]int // offset of an opening bracket to that of its closing one
	opened map[int]int // and back
	totals map[int]int // offset of a name "total" to the end of its call
	index  map[int]int // offset of a token to its index
}

// lex reads the tokens, or reports why it cannot.
func lex(src *Source) (*parsing, *diag.Diagnostic) {
	p := &parsing{src: src, runes: []rune(src.Text), closed: map[int]int{}, opened: map[int]int{}, totals: map[int]int{}, index: map[int]int{}}
	if !utf8.ValidString(src.Text) {
		return nil, src.mistake(CodeSyntax, span{}, "the expression is not UTF-8", "save the file as UTF-8")
	}
	if strings.TrimSpace(src.Text) == "" {
		return nil, src.mistake(CodeSyntax, span{}, "the expression is empty", readHint)
	}
	if len(src.Text) > MaxSource {
		return nil, src.mistake(CodeTooLarge, span{}, fmt.Sprintf("the expression is longer than %d bytes", MaxSource), "name its parts under let:")
	}
	tokens, err := lexer.Lex(file.NewSource(src.Text))
	if err != nil {
		return nil, p.syntax(err)
	}
	p.tokens = tokens
	var open []int
	for i, t := range tokens {
		p.index[t.From] = i
		switch {
		case t.Is(lexer.Bracket, "(") || t.Is(lexer.Bracket, "[") || t.Is(lexer.Bracket, "{"):
			open = append(open, t.From)
		case t.Kind == lexer.Bracket && len(open) > 0:
			p.closed[open[len(open)-1]], p.opened[t.From] = t.From, open[len(open)-1]
			open = open[:len(open)-1]
		}
	}
	for i := 0; i+1 < len(tokens); i++ {
		name, bracket := tokens[i], tokens[i+1]
		if !name.Is(lexer.Identifier, "total") || !bracket.Is(lexer.Bracket, "(") {
			continue
		}
		if end, ok := p.closed[bracket.From]; ok && (i == 0 || !tokens[i-1].Is(lexer.Operator, ".") && !tokens[i-1].Is(lexer.Operator, "|")) {
			p.totals[name.From] = end + 1
		}
	}
	return p, nil
}

const (
	readHint = "write it as x >= limit, and join conditions with and, or and not"
	partHint = "write one condition or one .field between the commas: total(lines, .amount_group, .debit_credit == \"D\")"
)

// predicateHead makes what follows it a predicate to expr's parser.
const predicateHead = "any(_, "

// parse parses a part of the text, as a predicate's body when asked. Offsets in
// the tree are those in the whole text.
func (p *parsing) parse(part span, predicate bool) (ast.Node, *diag.Diagnostic) {
	masked := make([]rune, 0, len(p.runes)+1)
	for range part.from {
		masked = append(masked, ' ')
	}
	masked = append(masked, p.runes[part.from:part.to]...)
	for from, to := range p.totals {
		if from >= part.from && to <= part.to {
			for i := from; i < to-1; i++ {
				masked[i] = '_'
			}
			masked[to-1] = ' '
		}
	}
	if predicate {
		copy(masked[part.from-len(predicateHead):], []rune(predicateHead))
		masked = append(masked, ')')
	}
	tree, err := parser.Parse(string(masked))
	if err != nil {
		return nil, p.syntax(err)
	}
	if !predicate {
		return tree.Node, nil
	}
	call, ok := tree.Node.(*ast.BuiltinNode)
	if !ok || len(call.Arguments) != 2 {
		return nil, p.src.mistake(CodeSyntax, part, "this is not one condition or field", partHint)
	}
	return call.Arguments[1], nil
}

// arguments splits the call of the total at an offset at its commas.
func (p *parsing) arguments(from int) []span {
	start := p.tokens[p.index[from]+1]
	end := p.closed[start.From]
	var parts []span
	depth, begin := 0, start.To
	for _, t := range p.tokens[p.index[from]+2:] {
		if t.From >= end {
			break
		}
		switch {
		case t.Is(lexer.Bracket, "(") || t.Is(lexer.Bracket, "[") || t.Is(lexer.Bracket, "{"):
			depth++
		case t.Kind == lexer.Bracket:
			depth--
		case depth == 0 && t.Is(lexer.Operator, ","):
			parts = append(parts, span{begin, t.From})
			begin = t.To
		}
	}
	if last := (span{begin, end}); p.written(last) != "" {
		parts = append(parts, last)
	}
	return parts
}

// written is the text of a part, on one line.
func (p *parsing) written(s span) string { return p.src.written(s) }

// syntax turns an error of expr's parser into a diagnostic.
func (p *parsing) syntax(err error) *diag.Diagnostic {
	var e *file.Error
	if !errors.As(err, &e) {
		return p.src.mistake(CodeSyntax, span{}, "the expression cannot be read", readHint)
	}
	at := span{min(max(e.From, 0), len(p.runes)), min(max(e.To, e.From), len(p.runes))}
	if i, ok := p.index[at.from]; ok { // a hidden total is one token to expr
		at.to = p.tokens[i].To
	}
	if found := p.slip(at.from); found != nil {
		return found
	}
	if found := p.foreign(at.from); found != nil {
		return found
	}
	before := strings.TrimRight(string(p.runes[:at.from]), " \t\n")
	here := string(p.runes[at.from:at.to])
	message, hint := "", ""
	switch {
	case strings.Contains(e.Message, "EOF") || strings.Contains(e.Message, "end of expression"):
		message, hint = "the expression ends too early: something is missing behind this", "close every bracket, and give every operator a right side"
		at.to = at.from + 1
	case strings.Contains(e.Message, "unrecognized character"):
		message, hint = "the character "+here+" has no meaning here", characterHint(here)
	case strings.Contains(e.Message, "literal not terminated"):
		message, hint = "the text has no closing quote", "close it with the quote that it begins with"
	case strings.Contains(e.Message, "bad number syntax"):
		message, hint = "this is not a number", numberHint+"; units, percent signs and currencies belong into params"
	case strings.Contains(e.Message, "coalesce expressions"):
		message, hint = "?? next to "+here+" can be read in two ways", "put brackets around: (x ?? default) "+here+" ..."
	case strings.Contains(e.Message, "integer literal"):
		return p.src.mistake(CodeNumber, p.longestNumber(), "the number is too large: 9_223_372_036_854_775_807 is the largest", "write a smaller number, or an amount with its currency as a param")
	case strings.Contains(e.Message, "maximum allowed nodes"):
		return p.src.mistake(CodeTooLarge, span{}, tooManyParts, "name parts of it under let:")
	case here == "":
		message, hint = "the expression cannot be read here", readHint
	case strings.Contains(e.Message, "unexpected token") || strings.Contains(e.Message, "expected"):
		message, hint = here+" cannot stand here", tokenHint(before, here)
	default:
		message, hint = "the expression cannot be read here: "+e.Message, readHint
	}
	return p.src.mistake(CodeSyntax, at, message, hint)
}

// longestNumber is the number that expr's parser found too large: its error
// stands behind it.
func (p *parsing) longestNumber() span {
	var longest span
	for _, t := range p.tokens {
		if t.Kind == lexer.Number && t.To-t.From > longest.to-longest.from {
			longest = span{t.From, t.To}
		}
	}
	return longest
}

func characterHint(c string) string {
	switch c {
	case "“", "”", "„", "‘", "’", "«", "»":
		return `write texts in straight quotes: "a text"`
	case "≥":
		return "write >="
	case "≤":
		return "write <="
	case "≠":
		return "write !="
	case "×":
		return "write *"
	case "&":
		return "write and"
	case "$", "€", "£":
		return "write amounts as params, with the currency's code: USD 5_000_000"
	}
	return "take it away; a text stands in quotes"
}

// tokenHint guesses what was meant by a token that cannot stand where it does.
func tokenHint(before, here string) string {
	switch {
	case here == "=":
		return "compare with =="
	case strings.EqualFold(here, "and") || strings.EqualFold(here, "or") || strings.EqualFold(here, "not"):
		return "write " + strings.ToLower(here) + " in small letters, between two conditions"
	case here == ".":
		return ".field stands only inside any, all, count and total"
	case strings.HasPrefix(here, "let"):
		return "name parts of the expression under let: of the rule"
	case here == ")" || here == "]" || here == "}":
		return "this bracket closes nothing, or something is missing before it"
	}
	return "an operator such as and, or, == or a bracket is missing before it, or it is one too many"
}
