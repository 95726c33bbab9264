package event

import (
	encoding "encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// begin moves to the first byte of the value.
func (d *Decoder) begin() bool {
	d.pos = 0
	if len(d.buf) >= 3 && string(d.buf[:3]) == "\xef\xbb\xbf" {
		return d.fail(badSyntax, 0, "", "begins with a byte order mark, which JSON does not allow")
	}
	d.space()
	if d.pos == len(d.buf) {
		return d.fail(badSyntax, d.pos, "", "the value is empty")
	}
	return true
}

// end checks that nothing follows the value.
func (d *Decoder) end() bool {
	d.space()
	if d.pos < len(d.buf) {
		return d.fail(trailingData, d.pos, "", "something follows the end of the value")
	}
	return true
}

func (d *Decoder) space() {
	for d.pos < len(d.buf) {
		if c := d.buf[d.pos]; c > ' ' || (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
			return
		}
		d.pos++
	}
}

// at reports whether the next byte is c.
func (d *Decoder) at(c byte) bool { return d.pos < len(d.buf) && d.buf[d.pos] == c }

// more moves to the next member or element, past the comma before it, or past
// the end of the object or list. It returns false, true at the end, and false,
// false after a failure.
func (d *Decoder) more(first bool, end byte) (more, ok bool) {
	if d.at(',') && !first { // the usual case
		d.pos++
		d.space()
		return true, true
	}
	d.space()
	switch {
	case d.at(end):
		d.pos++
		return false, true
	case first && d.pos < len(d.buf):
		return true, true
	case d.at(','):
		d.pos++
		d.space()
		return true, true
	case d.pos == len(d.buf):
		return false, d.fail(badSyntax, d.pos, "", "the value ends inside an object or a list")
	}
	return false, d.fail(badSyntax, d.pos, "", "want a comma or the end of the object or list")
}

func (d *Decoder) colon() bool {
	d.space()
	if !d.at(':') {
		return d.fail(badSyntax, d.pos, "", "want a colon after the name")
	}
	d.pos++
	d.space()
	return true
}

// key reads the name of a member.
func (d *Decoder) key() (string, bool) {
	if !d.at('"') {
		return "", d.fail(badSyntax, d.pos, "", "want the name of a member in quotes")
	}
	return d.text(true)
}

// text reads the string at the current position. With keep it returns the
// text, which aliases the value unless the string has escapes.
func (d *Decoder) text(keep bool) (string, bool) {
	buf, start := d.buf, d.pos+1
	i := start
	for i+8 <= len(buf) {
		special := specials(encoding.LittleEndian.Uint64(buf[i:]))
		if special == 0 {
			i += 8
			continue
		}
		if i += bits.TrailingZeros64(special) / 8; buf[i] == '"' {
			d.pos = i + 1
			return alias(buf[start:i]), true
		}
		break
	}
	return d.longText(start, i, keep)
}

// longText reads on from i in a string whose text begins at start: one that ends
// near the end of the value, has escapes, or is not ASCII.
func (d *Decoder) longText(start, i int, keep bool) (string, bool) {
	escaped := false
	for i < len(d.buf) {
		switch c := d.buf[i]; {
		case c == '"':
			d.pos = i + 1
			switch {
			case !escaped:
				return alias(d.buf[start:i]), true
			case !keep:
				return "", true
			}
			d.scratch = append(d.scratch, d.buf[start:i]...)
			return string(d.scratch), true
		case c == '\\':
			r, n, reason, detail := escape(d.buf, i)
			if reason != nil {
				return "", d.fail(reason, i, "", detail)
			}
			if !escaped {
				d.scratch, escaped = d.scratch[:0], true
			}
			d.scratch = utf8.AppendRune(append(d.scratch, d.buf[start:i]...), r)
			i += n
			start = i
		case c < ' ':
			return "", d.fail(badSyntax, i, "", "a control character in a string must be escaped")
		case c < utf8.RuneSelf:
			i = plain(d.buf, i)
		default:
			r, n := utf8.DecodeRune(d.buf[i:])
			if r == utf8.RuneError && n == 1 {
				return "", d.fail(invalidUTF8, i, "", "the bytes are not UTF-8")
			}
			i += n
		}
	}
	return "", d.fail(badSyntax, len(d.buf), "", "the value ends inside a string")
}

// specials sets the high bit of each byte of x that is a quote, a backslash, a
// control character or not ASCII. A borrow can set the bit of a later byte (a
// higher one) falsely, never of an earlier one, and the first that is set counts.
func specials(x uint64) uint64 {
	const low, high = 0x0101010101010101, 0x8080808080808080
	quote, slash := x^(low*'"'), x^(low*'\\')
	return ((quote-low)&^quote | (slash-low)&^slash | (x-low*' ')&^x | x) & high
}

// plain returns the index of the first special byte from i on, or the length.
func plain(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if special := specials(encoding.LittleEndian.Uint64(b[i:])); special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' || c >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// escape reads the escape sequence at i: its rune and its length.
func escape(b []byte, i int) (r rune, n int, reason *Reason, detail string) {
	if i+1 < len(b) {
		if k := strings.IndexByte(`"\/bfnrt`, b[i+1]); k >= 0 {
			return rune("\"\\/\b\f\n\r\t"[k]), 2, nil, ""
		}
	}
	r, ok := hex4(b, i)
	if !ok {
		return 0, 0, badSyntax, "want an escape sequence after the backslash"
	}
	if !utf16.IsSurrogate(r) {
		return r, 6, nil, ""
	}
	if second, ok := hex4(b, i+6); ok {
		if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
			return r, 12, nil, ""
		}
	}
	return 0, 0, invalidUTF8, "an escaped surrogate without its other half"
}

// hex4 reads \uXXXX at i.
func hex4(b []byte, i int) (rune, bool) {
	if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[i+2 : i+6] {
		k := strings.IndexByte("0123456789abcdef", c|0x20)
		if k < 0 || (c < '0') {
			return 0, false
		}
		r = r<<4 | rune(k)
	}
	return r, true
}

// number reads the number at the current position and reports whether it has
// neither a point nor an exponent.
func (d *Decoder) number() (text string, whole, ok bool) {
	start, i, whole := d.pos, d.pos, true
	digits := func() bool {
		first := i
		for i < len(d.buf) && d.buf[i]-'0' <= 9 {
			i++
		}
		return i > first
	}
	if d.buf[i] == '-' {
		i++
	}
	if ok = true; i < len(d.buf) && d.buf[i] == '0' {
		i++
	} else {
		ok = digits()
	}
	if ok && i < len(d.buf) && d.buf[i] == '.' {
		i, whole = i+1, false
		ok = digits()
	}
	if ok && i < len(d.buf) && d.buf[i]|0x20 == 'e' {
		i, whole = i+1, false
		if i < len(d.buf) && (d.buf[i] == '+' || d.buf[i] == '-') {
			i++
		}
		ok = digits()
	}
	if !ok {
		return "", false, d.fail(badSyntax, i, "", "a digit is missing in a number")
	}
	d.pos = i
	return alias(d.buf[start:i]), whole, true
}

func (d *Decoder) literal(word string) bool {
	if end := d.pos + len(word); end <= len(d.buf) && string(d.buf[d.pos:end]) == word {
		d.pos = end
		return true
	}
	return d.fail(badSyntax, d.pos, "", "want a value: an object, a list, a string, a number, true, false or null")
}

// skip passes over the value at the current position and checks it as strictly as
// any other, because another reader would refuse a malformed unknown member.
// depth counts the objects and lists around the value.
func (d *Decoder) skip(depth int) bool {
	if d.pos == len(d.buf) {
		return d.fail(badSyntax, d.pos, "", "the value ends where a value should begin")
	}
	switch c := d.buf[d.pos]; {
	case c == '"':
		_, ok := d.text(false)
		return ok
	case c == '-' || c-'0' <= 9:
		_, _, ok := d.number()
		return ok
	case c == 't':
		return d.literal("true")
	case c == 'f':
		return d.literal("false")
	case c != '{' && c != '[':
		return d.literal("null")
	case depth >= d.limits.MaxDepth:
		return d.fail(tooDeep, d.pos, "", "nested deeper than the limit")
	case c == '[':
		d.pos++
		for first := true; ; first = false {
			more, ok := d.more(first, ']')
			if !more {
				return ok
			}
			if !d.skip(depth + 1) {
				return false
			}
		}
	}
	d.pos++
	names := len(d.names)
	for first := true; ; first = false {
		more, ok := d.more(first, '}')
		if !more {
			return ok && d.distinct(names)
		}
		at := d.pos
		key, ok := d.key()
		if !ok || !d.colon() {
			return false
		}
		d.names = append(d.names, unknownName{key, at})
		if !d.skip(depth + 1) {
			return false
		}
	}
}

// unknownName is the name of a member that the canonical form does not know.
type unknownName struct {
	key string
	at  int
}

// distinct closes an object: it fails when two of the object's unknown names,
// those from base on, are equal, and forgets them. Known names are compared by
// a bit each.
func (d *Decoder) distinct(base int) bool {
	names := d.names[base:]
	d.names = d.names[:base]
	defer clear(names)
	if len(names) < 2 {
		return true
	}
	// Sorting bounds the work for a hostile object of a hundred thousand names,
	// which a comparison of all pairs would not.
	slices.SortFunc(names, func(a, b unknownName) int {
		if c := strings.Compare(a.key, b.key); c != 0 {
			return c
		}
		return a.at - b.at
	})
	at := -1
	for i := 1; i < len(names); i++ {
		if names[i].key == names[i-1].key && (at < 0 || names[i].at < at) {
			at = names[i].at
		}
	}
	if at >= 0 {
		return d.fail(duplicateKey, at, "", "a member stands twice in its object")
	}
	return true
}
