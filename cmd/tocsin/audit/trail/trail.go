// Package trail follows the rows of one partition in offset order. It checks their
// hash chain and their batch columns, and reports rows that were altered, removed,
// added or doubled.
package trail

// Kinds of problems with rows. They are part of the audit report's API.
const (
	Altered = "altered"
	Missing = "missing"
	Added   = "added"
	Doubled = "doubled"
	Broken  = "chain broken"
)

// Report takes a problem with the rows of a range of offsets. The message holds no
// value of a record.
type Report func(kind string, first, last int64, message string)

// Span is a range of offsets, both inclusive.
type Span struct {
	First int64 `json:"first"`
	Last  int64 `json:"last"`
}
