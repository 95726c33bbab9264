package dialect

// Tri is the result of a condition.
type Tri uint8

const (
	False Tri = iota
	True
	Unknown // a value that it needs was not sent
	Failed  // it cannot be computed: see Program.Err
)

// String names the result.
func (t Tri) String() string { return [...]string{"false", "true", "unknown", "failed"}[t] }

func triOf(b bool) Tri {
	if b {
		return True
	}
	return False
}

// not is Kleene's negation.
func not(t Tri) Tri {
	if t <= True {
		return 1 - t
	}
	return t
}

// and is Kleene's conjunction: a false side decides, whatever the other is.
func and(a, b Tri) Tri {
	if a == False || b == False {
		return False
	}
	return max(a, b)
}

// or is Kleene's disjunction: a true side decides, whatever the other is.
func or(a, b Tri) Tri {
	if a == True || b == True {
		return True
	}
	return max(a, b)
}

// state is whether an operand has a value. A greater state wins.
type state uint8

const (
	got  state = iota
	gone       // not sent
	bad        // cannot be computed
)

// tri is the result of a condition on an operand that has no value.
func (s state) tri() Tri { return True + Tri(s) }

// stateOf is the state of a boolean operand.
func stateOf(t Tri) state {
	if t <= True {
		return got
	}
	return state(t - True)
}
