package event

import "fmt"

// Failure is why a record is a dead letter. It names the place and the kind
// of mistake and never a value: records are material non-public information.
type Failure struct {
	Stage  string // "envelope", "decode", "schema" or "unpack"
	Code   string // stable, such as duplicate_key
	Offset int    // byte in the record's value; -1 when it has none
	Field  string // field concerned; may be empty
	Detail string // one sentence: what is wrong and what was expected
}

// Error implements error.
func (f *Failure) Error() string {
	place := ""
	if f.Field != "" {
		place += " field " + f.Field
	}
	if f.Offset >= 0 {
		place += fmt.Sprintf(" at byte %d", f.Offset)
	}
	return fmt.Sprintf("%s:%s %s [%s]", f.Stage, place, f.Detail, f.Code)
}
