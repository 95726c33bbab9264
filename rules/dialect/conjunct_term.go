package dialect

import (
	"fmt"
	"strconv"
	"strings"
)

// Terms numbers the parts of the conditions of one pack and schema: parts that have
// the same value for every event, because they are written alike but for lets and
// params, have the same number.
type Terms struct {
	byForm map[string]int
	known  map[*node]int
}

// NewTerms returns an empty numbering.
func NewTerms() *Terms { return &Terms{byForm: map[string]int{}, known: map[*node]int{}} }

// ID is the number of the whole expression.
func (p *Program) ID(t *Terms) int { return t.id(p.node) }

func (t *Terms) term(n *node) Term { return Term{t.id(n), n} }

// id is the number of a node.
func (t *Terms) id(n *node) int {
	if n.op == opLet {
		return t.id(n.let.Program.node)
	}
	if id, ok := t.known[n]; ok {
		return id
	}
	form := t.form(n)
	id, ok := t.byForm[form]
	if !ok {
		id = len(t.byForm)
		t.byForm[form] = id
	}
	t.known[n] = id
	return id
}

// form is a text that nodes share only if they compute the same. Names are those of
// the schema, and functions read the calendars and accounts of the pack.
func (t *Terms) form(n *node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %d %q", n.op, n.typ.Kind, n.typ.Unit)
	switch n.op {
	case opConst:
		v := n.value
		fmt.Fprintf(&b, " %t %d %v %v %q %q %d %v", v.Bool, v.Int, v.Money, v.Rate, v.Text, v.Texts, v.Date, v.Instant.UnixNano())
		fmt.Fprintf(&b, " %q", v.Instant.String())
	case opField:
		fmt.Fprintf(&b, " %d %s", n.origin, n.field.Name)
	default:
		fmt.Fprintf(&b, " %q", n.text)
	}
	if n.pattern != nil {
		fmt.Fprintf(&b, " %q", n.pattern.String())
	}
	for _, a := range n.args {
		b.WriteString(" " + strconv.Itoa(t.id(a)))
	}
	return b.String()
}
