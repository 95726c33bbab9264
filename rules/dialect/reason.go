package dialect

import (
	"math/big"
	"slices"
	"strings"

	"tocsin/rules/event"
)

// Reason is why a condition has its result, and the change that gives another.
// Its texts hold values: they are material non-public information.
type Reason struct {
	Result Tri
	// Because are the parts that decided, in source order, each in English: the
	// false ones of a condition with and that is false, the missing ones of one
	// that is unknown.
	Because []string
	// Change is the least change that turns the result round: true to false, any
	// other result to true. Of two ways it is the one with fewer changes, then the
	// one that moves quantities less in proportion to their limits. Nil when no
	// value of the event does it, or when no way was found that holds in the whole
	// condition.
	Change []Change
}

// Change is one value of an event that would have to be another.
type Change struct {
	Text  string `json:"text"`            // what is changed, as written: a field, or an expression on fields
	Field string `json:"field,omitempty"` // the field, where the text is nothing else
	From  string `json:"from"`            // the value with its unit; "not sent"
	To    string `json:"to"`              // with its unit, or in words: "one of sale, lease"
	By    string `json:"by,omitempty"`    // of a quantity: To minus From
	// Words is the change in English: "debt.principal_group been 5,000,000 USD (1 USD
	// more)", to stand behind "had".
	Words string `json:"words"`
}

// change is a Change under search.
type change struct {
	Change
	size  *big.Rat            // how far, in proportion
	apply func(*event.Record) // nil where it is not of a field alone
}

// Reason evaluates the condition again and finds the parts that decided. It is
// for hits and for questions, because it allocates. For an expression that is no
// condition it returns Failed and no reasons.
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

// withoutSent drops "was sent" of a field whose value stands in another phrase.
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
		whole := n.closure.tri(s)
		for _, a := range n.args {
			if a.closure.tri(s) == whole {
				p.because(s, a, phrases)
			}
		}
	case n.op == opIf && n.typ.Kind == Bool && n.args[0].closure.tri(s) <= True:
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
	if n.args[0].closure.tri(s) == True {
		return n.args[1]
	}
	return n.args[2]
}

// flip returns the changes that give a condition the wanted result.
func (p *Program) flip(s *Scope, n *node, want bool) ([]change, bool) {
	if n.closure.tri(s) == triOf(want) {
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
	case n.op == opIf && n.typ.Kind == Bool && n.args[0].closure.tri(s) <= True:
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
// on a copy of the event: two parts may read one field, and a change that turns
// one may break the other. Nil when they do not turn the result round.
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
	trial := s.tryOut()
	for _, c := range changes {
		c.apply(trial.Event)
	}
	return p.Test(trial) == triOf(want)
}

// merged drops the change "sent" of a field for which another change has a value.
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
