package packs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
	"go.yaml.in/yaml/v3"
)

// mutant is a rule with one thing altered.
type mutant struct {
	what string // where, and what became of it
	text string // the rule's file
}

// mutants gives every alteration of a rule that a slip of the pen could be: a
// threshold a step off, another comparison, a clause less, a word less in a
// list, another default, a band, an event type, a severity.
func mutants(t *testing.T, rule string) []mutant {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(rule), &doc); err != nil {
		t.Fatal(err)
	}
	m := &mutator{t: t, doc: &doc}
	top := doc.Content[0]
	for i := 0; i < len(top.Content); i += 2 {
		switch key, value := top.Content[i].Value, top.Content[i+1]; key {
		case "severity":
			m.set(key, value, map[bool]string{true: "S2", false: "S1"}[value.Value == "S1"])
		case "applies_to":
			m.drops(key, value)
		case "requires", "on_missing", "dedup":
			m.cut(key, top, i, 2)
		case "params":
			m.params(value)
		case "let":
			for j := 0; j < len(value.Content); j += 2 {
				m.expression("let "+value.Content[j].Value, value.Content[j+1])
			}
		case "when":
			m.expression(key, value)
		case "bands":
			m.bands(value)
		case "deadline":
			for j := 0; j < len(value.Content); j += 2 {
				switch name := value.Content[j].Value; name {
				case "from":
					if value.Content[j+1].Value != "event_time" { // which stands in for it
						m.cut("deadline from", value, j, 2)
					}
				case "clock":
					m.set("deadline clock", value.Content[j+1], otherClock(value.Content[j+1].Value))
				}
			}
		}
	}
	return m.found
}

// otherClock has a deadline where the clock has none, and none where it has.
// Which of two clocks without one stands there changes no verdict.
func otherClock(clock string) string {
	if slices.Contains([]string{"I", "P", "V", "NONE"}, clock) {
		return "O4"
	}
	return "NONE"
}

type mutator struct {
	t     *testing.T
	doc   *yaml.Node
	found []mutant
}

// add renders the document as it stands.
func (m *mutator) add(format string, args ...any) {
	text, err := yaml.Marshal(m.doc)
	if err != nil {
		m.t.Fatal(err)
	}
	m.found = append(m.found, mutant{strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " "), string(text)})
}

func (m *mutator) set(where string, n *yaml.Node, value string) {
	old := n.Value
	n.Value = value
	m.add("%s: %s becomes %s", where, old, value)
	n.Value = old
}

// cut takes size nodes at i out of a node.
func (m *mutator) cut(where string, n *yaml.Node, i, size int) {
	old := n.Content
	n.Content = slices.Concat(old[:i], old[i+size:])
	m.add("%s: without %s", where, old[i].Value)
	n.Content = old
}

// drops takes each member of a list away.
func (m *mutator) drops(where string, list *yaml.Node) {
	if len(list.Content) < 2 {
		return // an empty list is refused
	}
	for i := range list.Content {
		m.cut(where, list, i, 1)
	}
}

func (m *mutator) bands(list *yaml.Node) {
	for i, band := range list.Content {
		m.cut(fmt.Sprint("band ", i+1), list, i, 1)
		for j := 0; j < len(band.Content); j += 2 {
			switch value := band.Content[j+1]; band.Content[j].Value {
			case "severity":
				m.set("band severity", value, map[bool]string{true: "S3", false: "S4"}[value.Value == "S4"])
			case "when":
				m.expression(fmt.Sprint("band ", i+1), value)
			}
		}
	}
}

var (
	quantity = regexp.MustCompile(`^([A-Z]{3} )?(-?[0-9._]+) ?(%|[a-z]+)?$`)
	seconds  = map[string]int{"h": 3600, "hours": 3600, "min": 60, "days": 86400, "seconds": 1}
)

// params moves each threshold by its smallest step, up and down, and takes
// each word of a list and each alternative of a pattern away.
func (m *mutator) params(all *yaml.Node) {
	for i := 0; i < len(all.Content); i += 2 {
		where, value := "param "+all.Content[i].Value, all.Content[i+1]
		parts := quantity.FindStringSubmatch(value.Value)
		switch {
		case value.Kind == yaml.SequenceNode:
			m.drops(where, value)
		case value.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
			m.alternatives(where, value)
		case parts == nil:
			m.t.Errorf("%s: no alteration of %q is known: teach the mutator", where, value.Value)
		default:
			for _, step := range []int{-1, 1} {
				m.set(where, value, stepped(m.t, parts, step))
			}
		}
	}
}

// alternatives takes each part of a pattern a|b|c away.
func (m *mutator) alternatives(where string, value *yaml.Node) {
	parts := strings.Split(value.Value, "|")
	if len(parts) == 1 {
		m.set(where, value, value.Value+"~")
		return
	}
	for i := range parts {
		m.set(where, value, strings.Join(slices.Concat(parts[:i], parts[i+1:]), "|"))
	}
}

// stepped is a quantity one step higher or lower: a cent, one, a second, a
// hundredth of a percent.
func stepped(t *testing.T, parts []string, step int) string {
	t.Helper()
	digits := strings.ReplaceAll(parts[2], "_", "")
	n, err := strconv.ParseFloat(digits, 64) // thresholds of rules are far below 2^53
	if err != nil {
		t.Fatal(err)
	}
	switch unit := parts[3]; {
	case parts[1] != "":
		return fmt.Sprintf("%s%.2f", parts[1], n+float64(step)/100)
	case unit == "%":
		return fmt.Sprintf("%.4f%%", n+float64(step)/100)
	case seconds[unit] != 0:
		return fmt.Sprintf("%d seconds", int(n)*seconds[unit]+step)
	case strings.Contains(digits, "."):
		return fmt.Sprintf("%.4f", n+float64(step)/10_000)
	}
	return strconv.Itoa(int(n) + step)
}

// swaps are the tokens that a slip may put for another.
var swaps = map[string][]string{
	"<": {"<=", ">", "!="}, "<=": {"<", ">=", "=="}, ">": {">=", "<", "!="}, ">=": {">", "<=", "=="},
	"==": {"!="}, "!=": {"=="}, "and": {"or"}, "or": {"and"}, "+": {"-"}, "-": {"+"},
	"true": {"false"}, "false": {"true"}, "min": {"max"}, "max": {"min"}, "any": {"all"}, "all": {"any"},
	"present": {"missing"}, "missing": {"present"}, "in": {"not in"},
}

// expression alters an expression token by token, and takes each operand of
// and, or, ??, ? : and each not away.
func (m *mutator) expression(where string, n *yaml.Node) {
	tokens, err := lexer.Lex(file.NewSource(n.Value))
	if err != nil {
		m.t.Fatalf("%s: %v", where, err)
	}
	x := &text{runes: []rune(n.Value), tokens: tokens[:len(tokens)-1]}
	for i, t := range x.tokens {
		for _, other := range swaps[t.Value] {
			if t.Kind != lexer.String && !(i > 0 && x.tokens[i-1].Value == "not" && t.Value == "in") {
				m.set(where, n, x.without(t.From, t.To, other))
			}
		}
		standIn := i > 0 && x.tokens[i-1].Value == "??"
		switch {
		case standIn && t.Kind == lexer.Number: // one that matters is larger than any
			m.set(where, n, x.without(t.From, t.To, "999_999_999"))
		case standIn && t.Kind == lexer.String: // a word that stands in no list, so another is none either
		case t.Kind == lexer.Number:
			number, err := strconv.Atoi(strings.ReplaceAll(t.Value, "_", ""))
			if err != nil {
				m.t.Errorf("%s: no alteration of %s is known: teach the mutator", where, t.Value)
				continue
			}
			for _, step := range []int{-1, 1} {
				m.set(where, n, x.without(t.From, t.To, strconv.Itoa(number+step)))
			}
		case t.Kind == lexer.String:
			m.set(where, n, x.without(t.From, t.To, `"~`+t.Value+`"`))
		case t.Value == "not":
			m.set(where, n, x.without(t.From, t.To, ""))
		}
	}
	for _, e := range x.operands(0, len(x.tokens)) {
		m.set(where, n, x.without(e.from, e.to, e.other))
	}
}

// text is an expression and its tokens.
type text struct {
	runes  []rune
	tokens []lexer.Token
}

// edit puts other in the place of the runes of [from, to).
type edit struct {
	from, to int
	other    string
}

func (x *text) without(from, to int, other string) string {
	return string(x.runes[:from]) + other + string(x.runes[to:])
}

// looseness orders the operators whose operands can be taken away: the loosest
// divides a part of the expression first. An argument cannot be spared, but for
// the condition of a total; a word of a list can.
var looseness = map[string]int{",": 6, "?": 5, ":": 5, "or": 4, "and": 3, "??": 2, "+": 1}

// operands gives the edits that take an operand of tokens [from, to) away, each
// with the operator that goes with it; of c ? a : b it leaves a or b alone.
func (x *text) operands(from, to int) (edits []edit) {
	loosest := 0
	x.level(from, to, func(i int) { loosest = max(loosest, looseness[x.tokens[i].Value]) })
	if loosest == 0 {
		return x.brackets(from, to)
	}
	begins, ends := []int{from}, []int{}
	x.level(from, to, func(i int) {
		if looseness[x.tokens[i].Value] == loosest {
			begins, ends = append(begins, i+1), append(ends, i)
		}
	})
	ends = append(ends, to)
	list := from > 0 && x.tokens[from-1].Is(lexer.Bracket, "[")
	condition := from > 1 && x.tokens[from-2].Value == "total" && len(begins) == 3
	for i, begin := range begins {
		edits = append(edits, x.operands(begin, ends[i])...)
		whole := edit{from: x.tokens[from].From, to: x.tokens[to-1].To}
		first, last := x.tokens[begin].From, x.tokens[ends[i]-1].To
		switch {
		case loosest == looseness[","] && !list && (!condition || i < 2):
		case loosest == looseness["?"]:
			if whole.other = string(x.runes[first:last]); i > 0 {
				edits = append(edits, whole)
			}
		case i == 0:
			edits = append(edits, edit{from: first, to: x.tokens[ends[i]].To})
		default:
			edits = append(edits, edit{from: x.tokens[begin-1].From, to: last})
		}
	}
	return edits
}

// level visits the operators of tokens [from, to) that stand in no bracket.
func (x *text) level(from, to int, visit func(int)) {
	depth := 0
	for i := from; i < to; i++ {
		if depth += bracket(x.tokens[i]); depth == 0 && x.tokens[i].Kind == lexer.Operator {
			visit(i)
		}
	}
}

// brackets looks into the brackets of a part that has no operator outside them.
func (x *text) brackets(from, to int) (edits []edit) {
	depth, begin := 0, 0
	for i := from; i < to; i++ {
		before := depth
		depth += bracket(x.tokens[i])
		switch {
		case before == 0 && depth == 1:
			begin = i + 1
		case before == 1 && depth == 0 && begin < i:
			edits = append(edits, x.operands(begin, i)...)
		}
	}
	return edits
}

func bracket(t lexer.Token) int {
	switch {
	case t.Is(lexer.Bracket, "(", "[", "{"):
		return 1
	case t.Kind == lexer.Bracket:
		return -1
	}
	return 0
}
