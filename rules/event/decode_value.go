package event

import (
	"strconv"
	"time"

	"tocsin/rules/money"
)

// value decodes the value at the current position into the member's field.
// depth counts the objects and lists around it. Null means that the field was
// not sent.
func (d *Decoder) value(m *member, r *Record, depth int) bool {
	if d.pos == len(d.buf) {
		return d.fail(badSyntax, d.pos, m.path, "the value ends where a value should begin")
	}
	c := d.buf[d.pos]
	if c == 'n' {
		return d.literal("null")
	}
	f := m.field
	if f == nil {
		if c != '{' {
			return d.wrong(m.path, "an object", depth)
		}
		return d.record(m.object, r, depth+1)
	}
	switch f.Kind {
	case Text:
		if c != '"' {
			return d.wrong(m.path, "text", depth)
		}
		at := d.pos
		text, ok := d.text(true)
		if f == d.layout.version && ok && text != "v1" && text != r.schema.Name+".v1" {
			return d.fail(unknownVersion, at, m.path, "want "+r.schema.Name+".v1")
		}
		r.SetText(f, text)
		return ok
	case Amount, Rate:
		return d.decimal(m, r, depth)
	case Int:
		return d.integer(m, r, depth)
	case Bool:
		return d.boolean(m, r, depth)
	case Date, Instant:
		return d.moment(m, r, depth)
	case Texts:
		return d.list(m, r, depth)
	default:
		return d.records(m, r, depth)
	}
}

// wrong refuses the value at the current position for its kind, or for its
// syntax when it is not even JSON.
func (d *Decoder) wrong(path, want string, depth int) bool {
	at, found := d.pos, "null"
	if at < len(d.buf) {
		switch d.buf[at] {
		case '"':
			found = "text"
		case '{':
			found = "an object"
		case '[':
			found = "a list"
		case 't', 'f':
			found = "a boolean"
		case 'n':
		default:
			found = "a number"
		}
	}
	return d.skip(depth) && d.fail(wrongKind, at, path, "want "+want+", found "+found)
}

// decimal reads an amount or a rate. It may be a JSON number or, for senders
// whose own serialiser would go through float64, a string that holds one.
func (d *Decoder) decimal(m *member, r *Record, depth int) bool {
	at, c := d.pos, d.buf[d.pos]
	var text string
	var ok bool
	switch {
	case c == '"':
		text, ok = d.text(true)
	case c == '-' || c-'0' <= 9:
		text, _, ok = d.number()
	default:
		return d.wrong(m.path, "a number, or text that holds one", depth)
	}
	if !ok {
		return false
	}
	if m.field.Kind == Rate {
		v, err := money.ParseRate(text)
		if err != nil {
			return d.fail(badRate, at, m.path, err.Error())
		}
		r.SetRate(m.field, v)
		return true
	}
	v, err := money.Parse(text)
	if err != nil {
		return d.fail(badAmount, at, m.path, err.Error())
	}
	r.SetAmount(m.field, v)
	return true
}

func (d *Decoder) integer(m *member, r *Record, depth int) bool {
	at, c := d.pos, d.buf[d.pos]
	if c != '-' && c-'0' > 9 {
		return d.wrong(m.path, "a whole number", depth)
	}
	text, whole, ok := d.number()
	if !ok {
		return false
	}
	if !whole {
		return d.fail(badInt, at, m.path, "want a whole number without a point or an exponent")
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return d.fail(badInt, at, m.path, "does not fit a 64-bit signed integer")
	}
	r.SetInt(m.field, v)
	return true
}

func (d *Decoder) boolean(m *member, r *Record, depth int) bool {
	switch d.buf[d.pos] {
	case 't':
		r.SetBool(m.field, true)
		return d.literal("true")
	case 'f':
		r.SetBool(m.field, false)
		return d.literal("false")
	}
	return d.wrong(m.path, "true or false", depth)
}

// moment reads a date or an instant.
func (d *Decoder) moment(m *member, r *Record, depth int) bool {
	at := d.pos
	if !d.at('"') {
		return d.wrong(m.path, "text that holds "+article(m.field.Kind), depth)
	}
	text, ok := d.text(true)
	if !ok {
		return false
	}
	if m.field.Kind == Date {
		date, problem := parseDate(text)
		if problem != "" {
			return d.fail(badDate, at, m.path, problem)
		}
		r.SetDate(m.field, date)
		return true
	}
	if problem := r.setMoment(m.field, text); problem != "" {
		return d.fail(badInstant, at, m.path, problem)
	}
	return true
}

// setMoment sets an Instant field to an instant, or to a day where the text is a
// date alone. problem states what is wrong and is empty when nothing is.
func (r *Record) setMoment(f *Field, text string) (problem string) {
	if len(text) == len(time.DateOnly) {
		day, problem := parseDate(text)
		if problem == "" {
			r.SetDay(f, day)
		}
		return problem
	}
	micros, offset, problem := parseInstant(text)
	if problem == "" {
		r.SetInstant(f, micros, offset)
	}
	return problem
}

func article(k Kind) string {
	if k == Instant {
		return "an instant or a date"
	}
	return "a date"
}

// list reads a list of texts.
func (d *Decoder) list(m *member, r *Record, depth int) bool {
	if !d.at('[') {
		return d.wrong(m.path, "a list of texts", depth)
	}
	if depth >= d.limits.MaxDepth {
		return d.fail(tooDeep, d.pos, m.path, "nested deeper than the limit")
	}
	d.pos++
	r.SetTexts(m.field, nil)
	for first := true; ; first = false {
		if more, ok := d.more(first, ']'); !more {
			return ok
		}
		if !d.at('"') {
			return d.wrong(m.path, "text in the list", depth+1)
		}
		text, ok := d.text(true)
		if !ok {
			return false
		}
		r.AddText(m.field, text)
	}
}

// records reads a list of records.
func (d *Decoder) records(m *member, r *Record, depth int) bool {
	if !d.at('[') {
		return d.wrong(m.path, "a list of records", depth)
	}
	if depth >= d.limits.MaxDepth {
		return d.fail(tooDeep, d.pos, m.path, "nested deeper than the limit")
	}
	d.pos++
	r.SetEmpty(m.field)
	for first := true; ; first = false {
		if more, ok := d.more(first, ']'); !more {
			return ok
		}
		if !d.at('{') {
			return d.wrong(m.path, "an object in the list", depth+1)
		}
		if d.lines++; d.lines > d.limits.MaxLines {
			return d.fail(tooManyLines, d.pos, m.path, "the event has more lines than the limit")
		}
		if !d.record(m.object, r.AddRecord(m.field), depth+2) {
			return false
		}
	}
}
