package dialect

import (
	"regexp"
	"strings"

	"github.com/expr-lang/expr/parser/lexer"

	"tocsin/rules/diag"
)

// foreignWords are words of other languages, with what to write here.
var foreignWords = map[string]func(p *parsing, i int) (hint string){
	"between":  (*parsing).between,
	"like":     (*parsing).like,
	"ilike":    (*parsing).like,
	"is":       (*parsing).is,
	"starts":   func(*parsing, int) string { return "write startsWith, in one word" },
	"begins":   func(*parsing, int) string { return "write startsWith" },
	"ends":     func(*parsing, int) string { return "write endsWith, in one word" },
	"includes": func(*parsing, int) string { return "write contains" },
	"equals":   func(*parsing, int) string { return "write ==" },
	"of":       func(*parsing, int) string { return "multiply: share * x" },
	"case":     func(*parsing, int) string { return "write condition ? a : b" },
}

// foreign reports a word of another language at the token where the parser gave
// up, or at the one before it; nil when there is none.
func (p *parsing) foreign(at int) *diag.Diagnostic {
	i, ok := p.index[at]
	if !ok {
		return nil
	}
	if found := p.roundList(i); found != nil {
		return found
	}
	if found := p.ifThen(i); found != nil {
		return found
	}
	if p.isWord(i, "in") && p.tokens[i].Value != "in" {
		return p.atToken(i, p.tokens[i].Value+" cannot stand here", "write in in small letters")
	}
	for _, i := range []int{i, i - 1} {
		if i < 0 || p.tokens[i].Kind != lexer.Identifier {
			continue
		}
		word := p.tokens[i].Value
		if hint, ok := foreignWords[strings.ToLower(word)]; ok {
			if p.isWord(i, "case") {
				word += " … " + p.value(i+1)
			}
			return p.atToken(i, notOurs(word), hint(p, i))
		}
	}
	return nil
}

func (p *parsing) atToken(i int, message, hint string) *diag.Diagnostic {
	return p.src.mistake(CodeSyntax, span{p.tokens[i].From, p.tokens[i].To}, message, hint)
}

func notOurs(words string) string { return `"` + words + `" is not part of the rule language` }

// value is the text of a token, or "" beyond the last one.
func (p *parsing) value(i int) string {
	if i < 0 || i >= len(p.tokens) {
		return ""
	}
	return p.tokens[i].Value
}

// isWord reports whether a token is a word, in letters of either case.
func (p *parsing) isWord(i int, word string) bool {
	return i >= 0 && i < len(p.tokens) && (p.tokens[i].Kind == lexer.Identifier || p.tokens[i].Kind == lexer.Operator) && strings.EqualFold(p.tokens[i].Value, word)
}

// before is the operand that ends before a token: a name, a call or a number.
func (p *parsing) before(i int) string {
	last := i - 1
	if last < 0 {
		return ""
	}
	first := last
	if open, ok := p.opened[p.tokens[last].From]; ok {
		if first = p.index[open]; first > 0 && p.tokens[first-1].Kind == lexer.Identifier {
			first--
		}
	} else if !p.isOperand(first) {
		return ""
	}
	for first > 1 && p.tokens[first-1].Is(lexer.Operator, ".") && p.tokens[first-2].Kind == lexer.Identifier {
		first -= 2
	}
	return p.written(span{p.tokens[first].From, p.tokens[last].To})
}

// after is the operand that begins with a token, and the token behind it. The
// operand is "" when it is no single name or constant.
func (p *parsing) after(i int) (operand string, next int) {
	if !p.isOperand(i) {
		return "", i
	}
	next = i + 1
	for p.value(next) == "." && next+1 < len(p.tokens) {
		next += 2
	}
	if next < len(p.tokens) && p.tokens[next].Kind == lexer.Operator && !p.isWord(next, "and") && !p.isWord(next, "or") {
		return "", i
	}
	return p.written(span{p.tokens[i].From, p.tokens[next-1].To}), next
}

func (p *parsing) isOperand(i int) bool {
	if i < 0 || i >= len(p.tokens) {
		return false
	}
	k := p.tokens[i].Kind
	return k == lexer.Identifier || k == lexer.Number || k == lexer.String
}

// between is the remedy for x between a and b.
func (p *parsing) between(i int) string {
	not := p.isWord(i-1, "not")
	at := i
	if not {
		at--
	}
	x := p.before(at)
	low, next := p.after(i + 1)
	high := ""
	if p.isWord(next, "and") {
		high, _ = p.after(next + 1)
	}
	switch {
	case x == "" || low == "" || high == "":
		return "write x >= low and x <= high"
	case not:
		return "write " + x + " < " + low + " or " + x + " > " + high
	}
	return "write " + x + " >= " + low + " and " + x + " <= " + high
}

// like is the remedy for x like "%text%".
func (p *parsing) like(i int) string {
	const generic = "write contains, startsWith or endsWith with a text, or matches with a pattern (RE2)"
	if i+1 >= len(p.tokens) || p.tokens[i+1].Kind != lexer.String {
		return generic
	}
	pattern := p.tokens[i+1].Value
	text := strings.TrimSuffix(strings.TrimPrefix(pattern, "%"), "%")
	if text == "" || strings.ContainsAny(text, "%_") {
		return generic
	}
	operator, first := "", i
	switch begin, end := strings.HasPrefix(pattern, "%"), strings.HasSuffix(pattern, "%"); {
	case begin && end:
		operator = "contains"
	case end:
		operator = "startsWith"
	case begin:
		operator = "endsWith"
	case p.isWord(i-1, "not"):
		operator, first = "!=", i-1
	default:
		operator = "=="
	}
	return "write " + operator + ` "` + text + `" in place of ` + p.written(span{p.tokens[first].From, p.tokens[i+1].To})
}

// is is the remedy for x is null and x is not null.
func (p *parsing) is(i int) string {
	next, asked := i+1, "missing"
	if p.isWord(next, "not") {
		next, asked = next+1, "present"
	}
	x := p.before(i)
	if x == "" {
		x = "x"
	}
	for _, word := range []string{"null", "nil", "none", "missing", "empty"} {
		if p.isWord(next, word) {
			return "write " + asked + "(" + x + ")"
		}
	}
	return "write == or !="
}

// ifThen reports if … then … else, whose reading ends at then, or behind IF in
// capitals.
func (p *parsing) ifThen(at int) *diag.Diagnostic {
	find := func(from int, word string) int {
		for i := max(from, 0); i < len(p.tokens); i++ {
			if p.isWord(i, word) {
				return i
			}
		}
		return -1
	}
	begin := find(0, "if")
	then := find(begin, "then")
	if begin < 0 || then < 0 || at != then && at != begin+1 {
		return nil
	}
	end := len(p.tokens) - 1 // the last token is the end of the text
	text := func(from, to int) string {
		if from >= to {
			return "condition"
		}
		return p.written(span{p.tokens[from].From, p.tokens[to-1].To})
	}
	what := p.value(begin) + " … " + p.value(then)
	condition := text(begin+1, then)
	if otherwise := find(then, "else"); otherwise > 0 {
		return p.atToken(begin, notOurs(what+" … "+p.value(otherwise)),
			"write "+condition+" ? "+text(then+1, otherwise)+" : "+text(otherwise+1, end))
	}
	return p.atToken(begin, notOurs(what),
		"join conditions with and: "+condition+" and "+text(then+1, end)+"; a value is written condition ? a : b")
}

var plainName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// roundList reports a list in round brackets, as in x in ("a", "b"), whose reading
// ends at the first comma.
func (p *parsing) roundList(at int) *diag.Diagnostic {
	if p.value(at) != "," {
		return nil
	}
	open := -1
	for from, to := range p.closed {
		if from < p.tokens[at].From && p.tokens[at].From < to && from > open {
			open = from
		}
	}
	if open < 0 || p.value(p.index[open]) != "(" || !p.isWord(p.index[open]-1, "in") {
		return nil
	}
	items := strings.Split(p.written(span{open + 1, p.closed[open]}), ",")
	for i, item := range items {
		if items[i] = strings.TrimSpace(item); plainName.MatchString(items[i]) {
			items[i] = `"` + items[i] + `"`
		}
	}
	return p.src.mistake(CodeSyntax, span{open, p.closed[open] + 1}, "a list stands in square brackets", "write in ["+strings.Join(items, ", ")+"]")
}
