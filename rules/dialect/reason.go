package dialect

import (
	"math/big"
	"slices"
	"strings"

	"tocsin/rules/event"
)

// Reason is why a condition has its result, and what would have given another.
// Its texts hold values: they are material non-public information.
type Reason struct {
	Result Tri
	// Because are the parts that decided, in source order, each in English: the
	// false ones of a condition with and that is false, the missing ones of one
	// that is unknown.
	Because []string
	// Change is the least that would have turned the result round: true to
	// false, and all else to true. Of two ways the one with fewer changes is
	// taken, then the one that moves quantities less in proportion to their
	// limits. Nil when no value of the event can do it, or when no way was found
	// that holds in the whole condition.
	Change []Change
}

// Change is one value of an event that would have to be another.
type Change struct {
	Text  string `json:"text"`            // what is changed, as written: a field, or an expression on fields
	Field string `json:"field,omitempty"` // the field, where the text is nothing else
	From  string `json:"from"`            // the value with its unit; "not sent"
	To    string `json:"to"`              // with its unit, or in words: "one of sale, lease"
	By    string `json:"by,omitempty"`    // of a quantity: To minus From
	// Words says it in English: "debt.principal_group been 5,000,000 USD (1 USD
	// more)", to stand behind "had".
	Words string `json:"words"`
}

// change is a Change that is looked for.
type change struct {
	Change
	size  *big.Rat            // how far, in proportion
	apply func(*event.Record) // nil where it is not of a field alone
}

// Reason evaluates the condition again and finds what decided. It is for hits
// and for questions: it allocates. Of an expression that is no condition it says
// nothing.
func (p *Program) Reason(s *Scope) Reason {
	if p.node.typ.Kind != Bool {
		return Reason{Result: Failed}
	}
	r := Reason{Result: p.Test(s)}
	p.because(s, p.node, &r.Because)
	want := r.Result != True
	r.Because = withoutSent(r.Because)
	if changes, ok := p.flip(s, p.node, want); ok {
		for _, c := range p.tried(s, merged(changes), want) {
			r.Change = append(r.Change, c.worded())
		}
	}
	return r
}

// withoutSent drops that a field was sent where another phrase tells its value.
func withoutSent(phrases []string) []string {
	return slices.DeleteFunc(phrases, func(phrase string) bool {
		name, ok := strings.CutSuffix(phrase, wasSent)
		return ok && slices.ContainsFunc(phrases, func(o string) bool { return strings.HasPrefix(o, name+" is ") })
	})
}

const wasSent = " was sent"

// because adds the phrases of the parts that have the same result as the whole.
func (p *Program) because(s *Scope, n *node, phrases *[]string) {
	switch {
	case n.op == opLet && n.typ.Kind == Bool:
		n.let.Program.because(s, n.let.Program.node, phrases)
	case n.op == opNot:
		p.because(s, n.args[0], phrases)
	case n.op == opAnd || n.op == opOr:
		whole := n.code.tri(s)
		for _, a := range n.args {
			if a.code.tri(s) == whole {
				p.because(s, a, phrases)
			}
		}
	case n.op == opIf && n.typ.Kind == Bool && n.args[0].code.tri(s) <= True:
		p.because(s, n.args[0], phrases)
		p.because(s, n.branch(s), phrases)
	default:
		if phrase := p.phrase(s, n); !slices.Contains(*phrases, phrase) {
			*phrases = append(*phrases, phrase)
		}
	}
}

// branch is the side of a ? b : c that counts.
func (n *node) branch(s *Scope) *node {
	if n.args[0].code.tri(s) == True {
		return n.args[1]
	}
	return n.args[2]
}

// flip returns the changes that give a condition the result wanted.
func (p *Program) flip(s *Scope, n *node, want bool) ([]change, bool) {
	if n.code.tri(s) == triOf(want) {
		return nil, true
	}
	switch {
	case n.op == opLet && n.typ.Kind == Bool:
		return n.let.Program.flip(s, n.let.Program.node, want)
	case n.op == opNot:
		return p.flip(s, n.args[0], !want)
	case n.op == opAnd || n.op == opOr:
		if (n.op == opAnd) == want {
			return p.flipBoth(s, n.args, want)
		}
		return p.flipEither(s, n.args, want)
	case n.op == opIf && n.typ.Kind == Bool && n.args[0].code.tri(s) <= True:
		return p.flip(s, n.branch(s), want)
	}
	c, ok := p.change(s, n, want)
	return []change{c}, ok
}

func (p *Program) flipBoth(s *Scope, parts []*node, want bool) (all []change, ok bool) {
	for _, a := range parts {
		changes, ok := p.flip(s, a, want)
		if !ok {
			return nil, false
		}
		all = append(all, changes...)
	}
	return all, true
}

func (p *Program) flipEither(s *Scope, parts []*node, want bool) (best []change, found bool) {
	for _, a := range parts {
		if changes, ok := p.flip(s, a, want); ok && (!found || less(changes, best)) {
			best, found = changes, true
		}
	}
	return best, found
}

func less(a, b []change) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return sizeOf(a).Cmp(sizeOf(b)) < 0
}

func sizeOf(changes []change) *big.Rat {
	sum := new(big.Rat)
	for _, c := range changes {
		sum.Add(sum, c.size)
	}
	return sum
}

// tried returns the changes without those that are not needed, after trying them
// on a copy of the event: two parts may speak of one field, and what mends one
// may break the other. Nil when they do not turn the result round.
func (p *Program) tried(s *Scope, changes []change, want bool) []change {
	for i := range changes {
		if fewer := slices.Delete(slices.Clone(changes), i, i+1); len(fewer) > 0 && p.holds(s, fewer, want) {
			return p.tried(s, fewer, want)
		}
	}
	if onFields(changes) && !p.holds(s, changes, want) {
		return nil
	}
	return changes
}

// onFields reports whether all changes are of fields, so that they can be tried.
func onFields(changes []change) bool {
	return !slices.ContainsFunc(changes, func(c change) bool { return c.apply == nil })
}

// holds reports whether changes of fields alone give the result.
func (p *Program) holds(s *Scope, changes []change, want bool) bool {
	if !onFields(changes) {
		return false
	}
	e := s.Event.Copy()
	for _, c := range changes {
		c.apply(&e)
	}
	return p.Test(&Scope{Event: &e, Materiality: s.Materiality, Observed: s.Observed}) == triOf(want)
}

// merged leaves out that a field must be sent when another change says as what.
func merged(changes []change) []change {
	var kept []change
	for i, c := range changes {
		again := slices.ContainsFunc(kept, func(o change) bool { return o.Text == c.Text && o.To == c.To })
		named := c.To == "sent" && slices.ContainsFunc(changes, func(o change) bool { return o.Text == c.Text && o.To != "sent" })
		if !again && !named {
			kept = append(kept, changes[i])
		}
	}
	return kept
}

// worded is the change with its words.
func (c *change) worded() Change {
	out := c.Change
	switch {
	case c.To == notSent:
		out.Words = c.Text + " not been sent"
	case c.Words == "":
		out.Words = c.Text + " been " + c.To
	default:
		out.Words = c.Text + " been " + c.Words
	}
	return out
}

const notSent = "not sent"

// change is what makes one comparison or bare condition come out as wanted.
func (p *Program) change(s *Scope, n *node, want bool) (c change, ok bool) {
	c.size = big.NewRat(1, 1)
	switch {
	case n.op == opCompare:
		value, limit := n.sides()
		operator := n.text
		if value != n.args[0] {
			operator = flipped(operator)
		}
		if !want {
			operator = opposite(operator)
		}
		if !value.varies() {
			return c, false
		}
		p.begin(s, &c, value)
		if value.typ.Kind.quantity() {
			return p.moved(s, c, value, limit, operator)
		}
		return p.replaced(s, c, value, limit, operator == "==")
	case n.op == opIn && n.args[0].op == opConst: // a word in a list of the event
		p.begin(s, &c, n.args[1])
		c.To, c.Field = choose(want, "a list with ", "a list without ")+p.spoken(s, n.args[0]), ""
		return c, true
	case n.op == opIn:
		p.begin(s, &c, n.args[0])
		c.To = choose(want, "one of ", "none of ") + p.listed(s, n)
		if f := c.field(n.args[0]); f != nil && f.Kind == event.Text && n.args[1].op == opConst && len(n.args[1].value.Texts) > 0 {
			word := choose(want, n.args[1].value.Texts[0], otherWord)
			c.apply = func(r *event.Record) { r.SetText(f, word) }
		}
		return c, n.args[0].varies()
	case n.op == opMatch:
		p.begin(s, &c, n.args[0])
		c.To = "a text that " + verbOf(n.text, want) + " " + p.spoken(s, n.args[1])
		return c, n.args[0].varies()
	case n.op == opCall && n.function.form == presence:
		c.Text = p.text(n.args[0].at)
		there := (n.text == "present") == want
		c.From, c.To = choose(there, notSent, "sent"), choose(there, "sent", notSent)
		return c, n.args[0].varies()
	case n.op == opCall && n.function.form == predicate:
		c.Text, c.From = p.text(n.args[0].at), p.members(n, !want)
		c.To = "such that " + p.members(n, want)
		return c, true
	case n.op == opField || n.op == opDefault:
		p.begin(s, &c, n)
		c.To = choose(want, "true", "false")
		if f := c.field(n); f != nil && f.Kind == event.Bool {
			c.apply = func(r *event.Record) { r.SetBool(f, want) }
		}
		return c, n.varies()
	}
	return c, false
}

// begin notes what is changed and what it was.
func (p *Program) begin(s *Scope, c *change, n *node) {
	c.Text = p.text(n.at)
	if f := c.field(n); f != nil {
		c.Text, c.Field = f.Name, f.Name
	}
	if n.op == opDefault {
		n = n.args[0]
	}
	v := p.value(s, n)
	if c.From = v.String(); v.Missing {
		c.From = notSent
	}
}

// field is the field of the event that an expression is, with or without a
// default.
func (c *change) field(n *node) *event.Field {
	if n.op == opDefault || n.op == opScale {
		n = n.args[0]
	}
	if n.op == opField && n.origin == fromEvent {
		return n.field
	}
	return nil
}

// otherWord stands for any text that is not in a list.
const otherWord = "\x00"

// replaced changes a text or a truth to equal the other side, or not to.
func (p *Program) replaced(s *Scope, c change, value, limit *node, equal bool) (change, bool) {
	to := p.value(s, limit)
	if !to.Known() {
		return c, false
	}
	c.To = choose(equal, "", "anything but ") + to.String()
	f := c.field(value)
	switch {
	case f != nil && f.Kind == event.Text:
		word := choose(equal, to.Text, otherWord)
		c.apply = func(r *event.Record) { r.SetText(f, word) }
	case value.typ.Kind == Bool:
		truth := to.Bool == equal
		c.To = choose(truth, "true", "false")
		if f != nil {
			c.apply = func(r *event.Record) { r.SetBool(f, truth) }
		}
	}
	return c, true
}

// moved changes a quantity to the nearest that stands to its limit as the
// operator says.
func (p *Program) moved(s *Scope, c change, value, limit *node, operator string) (change, bool) {
	to := p.value(s, limit)
	if !to.Known() {
		return c, false
	}
	from := p.value(s, value)
	if from.Failed {
		return c, false
	}
	step := map[string]int64{"<": -1, ">": 1, "!=": 1}[operator]
	to, ok := to.moved(step)
	if !ok {
		return c, false
	}
	c.To, c.Words = to.String(), to.spoken()
	if from.Known() {
		by, ok := difference(to, from)
		if !ok {
			return c, false
		}
		c.size = proportion(&by, &to)
		if value.identifier(operator) {
			return c.applied(value, to), true
		}
		c.By = by.String()
		c.Words += " (" + by.direction() + ")"
	}
	return c.applied(value, to), true
}

// applied is the change with what makes it, where the value is a field.
func (c change) applied(value *node, to Value) change {
	if f := c.field(value); f != nil && value.op != opScale {
		c.apply = setter(f, to)
	}
	return c
}

// identifier reports whether a number compared for equality names something
// rather than counts it, so that a distance means nothing.
func (n *node) identifier(operator string) bool {
	return n.typ.Kind == Int && n.typ.Unit == "" && (operator == "==" || operator == "!=")
}

// setter sets a field to a quantity; nil where it cannot.
func setter(f *event.Field, v Value) func(*event.Record) {
	switch f.Kind {
	case event.Amount:
		return func(r *event.Record) { r.SetAmount(f, v.Money) }
	case event.Rate:
		return func(r *event.Record) { r.SetRate(f, v.Rate) }
	case event.Int:
		if v.Type.Kind == Int {
			return func(r *event.Record) { r.SetInt(f, v.Int) }
		}
	case event.Date:
		return func(r *event.Record) { r.SetDate(f, v.Date) }
	case event.Instant:
		return func(r *event.Record) {
			_, offset := v.Instant.Zone()
			r.SetInstant(f, v.Instant.UnixMicro(), offset)
		}
	}
	return nil
}

// proportion is a distance in proportion to the value it leads to. Dates and
// instants have no zero: theirs counts in years.
func proportion(by, to *Value) *big.Rat {
	whole := to.Quantity()
	switch to.Type.Kind {
	case Date:
		whole = big.NewInt(365)
	case Instant:
		whole = big.NewInt(365 * day)
	}
	if whole.Sign() == 0 {
		whole = SmallestStep(to.Type.Kind)
	}
	r := new(big.Rat).SetFrac(by.Quantity(), whole)
	return r.Abs(r)
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

// direction says a difference in English: 5 USD more, 2 days earlier.
func (v Value) direction() string {
	sign := v.Quantity().Sign()
	if sign < 0 {
		v, _ = negative(v)
	}
	if v.Type.Kind == Duration || v.Type.Unit == unitDays {
		return v.spoken() + choose(sign < 0, " earlier", " later")
	}
	return v.spoken() + choose(sign < 0, " less", " more")
}

// opposite is the operator that is true when the other is false.
func opposite(operator string) string {
	return map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[operator]
}

// listed are the constants of an in, in words.
func (p *Program) listed(s *Scope, n *node) string {
	var words []string
	for _, a := range n.args[1:] {
		words = append(words, p.spoken(s, a))
	}
	return strings.Join(words, ", ")
}
