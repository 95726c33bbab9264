package event

import "slices"

// Copy returns a record whose own values may be set without changing r's. The
// members of lists are shared: no code changes them in place.
func (r *Record) Copy() Record {
	c := *r
	c.cells, c.texts = slices.Clone(r.cells), slices.Clone(r.texts)
	c.lists, c.rows = slices.Clone(r.lists), slices.Clone(r.rows)
	return c
}
