package event

import (
	"iter"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Limits bounds one record.
type Limits struct {
	MaxBytes int // length of the value; 0 means 1 MiB
	MaxDepth int // nesting of objects and lists, the outermost included; 0 means 16
	MaxLines int // records in all the lists of one event; 0 means 100,000
}

func (l Limits) filled() Limits {
	fill := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	fill(&l.MaxBytes, 1<<20)
	fill(&l.MaxDepth, 16)
	fill(&l.MaxLines, 100_000)
	return l
}

// Decoder reads events out of CloudEvents 1.0 in JSON: the structured mode, and
// the binary mode of the Kafka binding. It is strict, because a value that two
// readers understand differently is no evidence: each name has one spelling, no
// member stands twice, texts are UTF-8, and numbers are exact or refused.
//
// It has its own scanner. encoding/json takes 13 times as long, lets the last of two
// equal members win, replaces bytes that are not UTF-8, accepts TYPE for type, and
// reads numbers through float64.
//
// A Decoder owns scratch memory: one for each goroutine.
type Decoder struct {
	limits Limits

	buf     []byte
	pos     int
	fault   *Failure
	unknown int
	lines   int
	names   []unknownName // unknown names of the objects that are open
	scratch []byte        // of a text with escapes
	layout  *layout       // of the event being decoded
	env     envelope

	// follower predicts, for each place in each object, the next member: the one
	// that came there last time. Sources write their members in one order, so one
	// comparison with the bytes nearly always finds a name.
	follower []uint16
	onHeader func(string, []byte) bool // d.header, bound once: binding allocates
}

// NewDecoder returns a decoder with those limits.
func NewDecoder(limits Limits) *Decoder {
	d := &Decoder{limits: limits.filled(), follower: make([]uint16, slots)}
	for _, l := range layouts {
		l.data.predict(d.follower)
	}
	d.onHeader = d.header
	return d
}

// Unknown returns how many members and extension attributes of the last record
// had names that the canonical form does not know. They are kept in the raw
// bytes and ignored otherwise; what stands inside an unknown member is not
// counted again.
func (d *Decoder) Unknown() int { return d.unknown }

// Decode reads the value of a Kafka record into dst, which is reset to the type
// found. headers yields the record's headers and may be nil. The mode is chosen
// as the Kafka binding of CloudEvents 1.0 (section 3) demands, by the content-type
// header; a record without any of its headers is taken as structured.
//
// Texts in dst alias value and the headers' values: they must not change while
// dst is used. Only texts with escapes are copied. After a failure dst holds
// nothing of use.
func (d *Decoder) Decode(dst *Event, value []byte, headers iter.Seq2[string, []byte]) *Failure {
	defer d.forget()
	d.buf, d.pos, d.fault, d.unknown, d.lines = value, 0, nil, 0, 0
	d.names, d.env = d.names[:0], envelope{dataAt: -1}
	if len(value) > d.limits.MaxBytes {
		d.fail(tooLarge, -1, "", "the value is longer than the limit")
		return d.fault
	}
	mode := structured
	if headers != nil {
		headers(d.onHeader)
		mode = d.mode()
	}
	switch mode {
	case refused:
	case binary:
		d.decodeBinary(dst)
	default:
		d.fault, d.unknown, d.env = nil, 0, envelope{dataAt: -1}
		d.decodeStructured(dst)
	}
	return d.fault
}

// forget lets go of the record.
func (d *Decoder) forget() {
	clear(d.names)
	d.buf, d.names, d.env = nil, d.names[:0], envelope{}
}

// fail records the first failure and returns false, so that a caller can return
// what fail returns.
func (d *Decoder) fail(r *Reason, at int, field, detail string) bool {
	if d.fault == nil {
		d.fault = &Failure{Stage: r.Stage, Code: r.Code, Offset: at, Field: field, Detail: detail}
	}
	return false
}

// data decodes the object at the current position as the event's data.
func (d *Decoder) data(dst *Event, depth int) bool {
	if d.pos == len(d.buf) {
		return d.fail(badSyntax, d.pos, "data", "the value ends where an object should begin")
	}
	if d.buf[d.pos] != '{' {
		return d.wrong("data", "an object", depth)
	}
	return d.record(d.layout.data, &dst.Record, depth+1)
}

// record decodes the object at the current position into r. depth counts the
// object itself.
func (d *Decoder) record(o *object, r *Record, depth int) bool {
	if depth > d.limits.MaxDepth {
		return d.fail(tooDeep, d.pos, "", "nested deeper than the limit")
	}
	d.pos++
	var seen Bits
	names, place := len(d.names), o.slot
	for first := true; ; first = false {
		if more, ok := d.more(first, '}'); !more {
			return ok && d.distinct(names)
		}
		at := d.pos
		i, ok := d.find(o, place)
		if !ok {
			return false
		}
		if i < 0 {
			d.unknown++
			if !d.skip(depth) {
				return false
			}
			continue
		}
		m := &o.members[i]
		if seen.Has(i) {
			return d.fail(duplicateKey, at, m.path, "the member stands twice in its object")
		}
		seen.set(i)
		d.follower[place] = uint16(i)
		place = o.slot + i + 1
		if !d.value(m, r, depth) {
			return false
		}
	}
}

// find reads a member's name and the colon after it, and returns the member's
// index in o, or -1 for a name that o does not have, which is kept for distinct.
func (d *Decoder) find(o *object, place int) (int, bool) {
	if i := int(d.follower[place]); i < len(o.members) {
		head := o.members[i].head
		if end := d.pos + len(head); end <= len(d.buf) && string(d.buf[d.pos:end]) == head {
			d.pos = end
			d.space()
			return i, true
		}
	}
	at := d.pos
	key, ok := d.key()
	if !ok || !d.colon() {
		return 0, false
	}
	if i, known := o.index[key]; known {
		return i, true
	}
	d.names = append(d.names, unknownName{key, at})
	return -1, true
}

// alias returns b as a string without copying it.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// header takes one Kafka header. Header names are compared exactly: the binding
// defines them as UTF-8 strings and does not fold case.
func (d *Decoder) header(key string, value []byte) bool {
	if key == "content-type" {
		d.env.contentType = alias(value)
		return true
	}
	plain, found := strings.CutPrefix(key, "ce_")
	if !found {
		return true
	}
	a := attributeNamed(plain)
	switch {
	case a == attrNone:
		d.unknown++
	case d.env.has(a):
		d.fail(duplicateKey, -1, plain, "two headers give the attribute")
	case !utf8.Valid(value):
		d.fail(invalidUTF8, -1, plain, "the header is not UTF-8")
	default:
		d.env.set(a, alias(value), -1)
	}
	return true
}
