package event

// Copy returns a record whose own values may be set without changing r's. The
// members of lists are shared: no code changes them in place.
func (r *Record) Copy() Record {
	var c Record
	r.CopyTo(&c)
	return c
}

// CopyTo makes c such a copy, in the storage that c has.
func (r *Record) CopyTo(c *Record) {
	c.schema, c.has = r.schema, r.has
	c.cells, c.texts = append(c.cells[:0], r.cells...), append(c.texts[:0], r.texts...)
	c.lists, c.rows = append(c.lists[:0], r.lists...), append(c.rows[:0], r.rows...)
}

// Release makes a copy let go of the values of the record it was made of, and keeps
// its storage.
func (r *Record) Release() {
	clear(r.texts)
	clear(r.lists)
	clear(r.rows)
}
