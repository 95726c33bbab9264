package event

import (
	"math/bits"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/money"
)

// Bits holds one presence bit for each field of a schema.
type Bits [4]uint64

// Has reports whether bit i is set.
func (b *Bits) Has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

func (b *Bits) set(i int) { b[i>>6] |= 1 << (i & 63) }

// Or adds the bits of o.
func (b *Bits) Or(o *Bits) {
	for i := range b {
		b[i] |= o[i]
	}
}

// Count returns how many bits are set.
func (b *Bits) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// cell holds any value that is not text: both halves for amounts and rates,
// else the number in lo (and an instant's offset, in seconds, or dayOnly, in hi).
type cell struct {
	hi int64
	lo uint64
}

// Record holds the values of one schema. Getters return the zero value for a
// field that is absent; Has reports the difference. A getter of the wrong kind
// panics or returns another field's value: callers hold a *Field and switch on
// its Kind.
type Record struct {
	schema *Schema
	has    Bits
	cells  []cell
	texts  []string
	lists  [][]string
	rows   [][]Record
}

// NewRecord returns an empty record of a schema.
func NewRecord(s *Schema) Record {
	return Record{schema: s, cells: make([]cell, s.cells), texts: make([]string, s.texts),
		lists: make([][]string, s.lists), rows: make([][]Record, s.lines)}
}

// Schema returns the table that the record's fields belong to.
func (r *Record) Schema() *Schema { return r.schema }

// Has reports whether the field was sent.
func (r *Record) Has(f *Field) bool { return r.has.Has(f.bit) }

// Present returns the presence bits; bit i is the schema's field i.
func (r *Record) Present() *Bits { return &r.has }

// Text returns the value of a Text field.
func (r *Record) Text(f *Field) string { return r.texts[f.slot] }

// Texts returns the value of a Texts field. The caller must not change it.
func (r *Record) Texts(f *Field) []string { return r.lists[f.slot] }

// Bool returns the value of a Bool field.
func (r *Record) Bool(f *Field) bool { return r.cells[f.slot].lo != 0 }

// Int returns the value of an Int field.
func (r *Record) Int(f *Field) int64 { return int64(r.cells[f.slot].lo) }

// Amount returns the value of an Amount field.
func (r *Record) Amount(f *Field) money.Amount {
	c := r.cells[f.slot]
	return money.FromBits(c.hi, c.lo)
}

// Rate returns the value of a Rate field.
func (r *Record) Rate(f *Field) money.Rate {
	c := r.cells[f.slot]
	return money.RateFromBits(c.hi, c.lo)
}

// Date returns the value of a Date field.
func (r *Record) Date(f *Field) calendar.Date { return calendar.Date(int32(r.cells[f.slot].lo)) }

// Instant returns the value of an Instant field in the offset it was sent with,
// in whole microseconds. See DayOf for a value without a time of day.
func (r *Record) Instant(f *Field) time.Time {
	c := r.cells[f.slot]
	t := time.UnixMicro(int64(c.lo))
	switch c.hi {
	case 0:
		return t.UTC()
	case dayOnly:
		return t.In(daysAlone)
	}
	return t.In(time.FixedZone("", int(c.hi)))
}

// Micros returns the value of an Instant field as microseconds since 1970 UTC. A
// value without a time of day gives its midnight there: ask IsDay first.
func (r *Record) Micros(f *Field) int64 { return int64(r.cells[f.slot].lo) }

// Records returns the value of a Records field. The caller must not change it.
func (r *Record) Records(f *Field) []Record { return r.rows[f.slot] }

// SetText sets a Text field.
func (r *Record) SetText(f *Field, v string) { r.texts[f.slot] = v; r.has.set(f.bit) }

// SetTexts sets a Texts field to a copy of v.
func (r *Record) SetTexts(f *Field, v []string) {
	r.lists[f.slot] = append(r.lists[f.slot][:0], v...)
	r.has.set(f.bit)
}

// AddText appends a text to a Texts field. Storage of an earlier use of r is
// reused.
func (r *Record) AddText(f *Field, v string) {
	r.lists[f.slot] = append(r.lists[f.slot], v)
	r.has.set(f.bit)
}

// SetBool sets a Bool field.
func (r *Record) SetBool(f *Field, v bool) {
	c := cell{}
	if v {
		c.lo = 1
	}
	r.setCell(f, c)
}

// SetInt sets an Int field.
func (r *Record) SetInt(f *Field, v int64) { r.setCell(f, cell{lo: uint64(v)}) }

// SetAmount sets an Amount field.
func (r *Record) SetAmount(f *Field, v money.Amount) {
	hi, lo := v.Bits()
	r.setCell(f, cell{hi, lo})
}

// SetRate sets a Rate field.
func (r *Record) SetRate(f *Field, v money.Rate) {
	hi, lo := v.Bits()
	r.setCell(f, cell{hi, lo})
}

// SetDate sets a Date field.
func (r *Record) SetDate(f *Field, v calendar.Date) { r.setCell(f, cell{lo: uint64(int64(v))}) }

// SetInstant sets an Instant field: microseconds since 1970 UTC and the offset
// of the source, in seconds east of UTC.
func (r *Record) SetInstant(f *Field, micros int64, offset int) {
	r.setCell(f, cell{int64(offset), uint64(micros)})
}

func (r *Record) setCell(f *Field, c cell) { r.cells[f.slot] = c; r.has.set(f.bit) }

// AddRecord appends an empty record to a Records field and returns it, valid
// until the next call for the same field. Storage of an earlier use of r is
// reused.
func (r *Record) AddRecord(f *Field) *Record {
	r.has.set(f.bit)
	rows := r.rows[f.slot]
	if len(rows) < cap(rows) {
		rows = rows[:len(rows)+1]
		rows[len(rows)-1].reset(f.schema)
	} else {
		rows = append(rows, NewRecord(f.schema))
	}
	r.rows[f.slot] = rows
	return &rows[len(rows)-1]
}

// SetEmpty marks a Records field as sent, with no records in it.
func (r *Record) SetEmpty(f *Field) { r.has.set(f.bit) }

// reset makes r an empty record of schema s and keeps its storage.
func (r *Record) reset(s *Schema) {
	if r.schema != s {
		*r = NewRecord(s)
		return
	}
	r.has = Bits{}
	clear(r.cells)
	clear(r.texts)
	for i := range r.lists {
		r.lists[i] = r.lists[i][:0]
	}
	for i := range r.rows {
		r.rows[i] = r.rows[i][:0]
	}
}
