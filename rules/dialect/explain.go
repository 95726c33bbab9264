package dialect

import (
	"slices"

	"tocsin/rules/event"
)

// Step is one sub-expression of an explanation and its value. Its values are
// material non-public information.
type Step struct {
	Text     string `json:"text"`               // as the rule's author wrote it
	Value    string `json:"value"`              // with unit: "1200000 USD", "true", "missing"
	Limit    string `json:"limit,omitempty"`    // for a comparison, the other side's value
	Distance string `json:"distance,omitempty"` // for a comparison of quantities, value minus limit
}

// step is a Step before it is evaluated.
type step struct {
	text         string
	program      *Program // that the parts belong to: the expression itself or a let
	value, limit *node    // limit is nil where there is none
	distance     bool
}

// Explain evaluates every comparison and every bare condition of the
// expression, in source order, each followed by the fields and lets that its
// sides are computed from. It is for hits: it allocates.
func (p *Program) Explain(s *Scope) []Step {
	steps := make([]Step, len(p.steps))
	for i, st := range p.steps {
		value := st.program.value(s, st.value)
		steps[i] = Step{Text: st.text, Value: value.String()}
		if st.limit == nil {
			continue
		}
		limit := st.program.value(s, st.limit)
		steps[i].Limit = limit.String()
		if st.distance {
			steps[i].Distance = distance(value, limit)
		}
	}
	return steps
}

// collectSteps prepares the explanation.
func (p *Program) collectSteps() {
	p.clauses(p.node)
}

// addStep adds a step unless the same text is there already.
func (p *Program) addStep(st step) bool {
	if slices.ContainsFunc(p.steps, func(o step) bool { return o.text == st.text }) {
		return false
	}
	p.steps = append(p.steps, st)
	return true
}

// clauses adds the steps of a condition, or of a value.
func (p *Program) clauses(n *node) {
	switch n.op {
	case opAnd, opOr, opNot:
		for _, a := range n.args {
			p.clauses(a)
		}
	case opCompare:
		value, limit := n.sides()
		p.addStep(step{text: p.text(n.at), program: p, value: value, limit: limit, distance: value.typ.Kind.quantity()})
		p.sources(p, value, true)
		p.sources(p, limit, true)
	case opIn, opMatch:
		st := step{text: p.text(n.at), program: p, value: n.args[0]}
		if len(n.args) == 2 {
			st.limit = n.args[1]
		}
		p.addStep(st)
		p.sources(p, n.args[0], true)
	case opLet:
		if n.typ.Kind == Bool {
			for _, st := range n.let.Program.steps {
				p.addStep(st)
			}
			return
		}
		p.sources(p, n, false)
	default:
		if n.typ.Kind == Lines {
			return
		}
		p.addStep(step{text: p.text(n.at), program: p, value: n})
		p.sources(p, n, true)
	}
}

// sources adds a step for every field and let that n is computed from. shown
// means that a step holds n's own value already.
func (p *Program) sources(in *Program, n *node, shown bool) {
	switch {
	case n.op == opField && n.origin != fromLine && n.typ.Kind != Lines:
		if !shown {
			p.addStep(step{text: n.text, program: in, value: n})
		}
	case n.op == opLet:
		inner := n.let.Program
		if p.addStep(step{text: n.text + " = " + inner.Text(), program: inner, value: inner.node}) {
			p.sources(inner, inner.node, inner.node.op == opField)
		}
	case n.op == opGuard || n.op == opScale:
		p.sources(in, n.args[0], shown)
	case n.op == opObserved && !shown:
		p.addStep(step{text: n.text, program: in, value: n})
	case n.op == opConst && n.text != "" && !shown:
		p.addStep(step{text: n.text, program: in, value: n})
	case n.op == opCall && n.function.overList():
		p.sources(in, n.args[0], false)
	case n.op == opCall && n.function.form == presence:
	default:
		for _, a := range n.args {
			p.sources(in, a, false)
		}
	}
}

// sides separates the value of a comparison from its limit: the side that does not
// depend on the event is the limit, else the right one.
func (n *node) sides() (value, limit *node) {
	left, right := n.args[0], n.args[1]
	if !left.varies() && right.varies() {
		return right, left
	}
	return left, right
}

// varies reports whether the value depends on the event.
func (n *node) varies() bool {
	switch n.op {
	case opField:
		return n.origin != fromProfile
	case opObserved, opItem:
		return true
	case opLet:
		return n.let.Program.node.varies()
	}
	return slices.ContainsFunc(n.args, (*node).varies)
}

// distance is value minus limit with its unit, or "" where one is missing or
// the difference does not fit.
func distance(value, limit Value) string {
	d, ok := difference(value, limit)
	if !ok {
		return ""
	}
	return d.String()
}

// difference is value minus limit: of dates in days, of instants a duration.
func difference(value, limit Value) (d Value, ok bool) {
	if !value.Known() || !limit.Known() {
		return d, false
	}
	d = value
	switch value.Type.Kind {
	case Int, Duration:
		d.Int, ok = subInt(value.Int, limit.Int)
	case Money:
		if value.Currency != limit.Currency && value.Type.Unit == event.Transaction {
			return d, false
		}
		d.Money, ok = subMoney(value.Money, limit.Money)
	case Rate:
		d.Rate, ok = subRate(value.Rate, limit.Rate)
		if limit.Type.Unit != "" {
			d.Type.Unit = limit.Type.Unit
		}
	case Date:
		d, ok = Value{Type: Type{Kind: Int, Unit: unitDays}, Int: int64(value.Date) - int64(limit.Date)}, true
	case Instant:
		_, valueOnly := event.DayOf(value.Instant)
		if _, limitOnly := event.DayOf(limit.Instant); valueOnly || limitOnly {
			return d, false
		}
		d = Value{Type: Type{Kind: Duration}}
		d.Int, ok = between(value.Instant, limit.Instant)
	}
	return d, ok
}
