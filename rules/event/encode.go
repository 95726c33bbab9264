package event

import (
	"strconv"

	"tocsin/rules/calendar"
)

// AppendJSON appends the event in structured CloudEvents form, fields in the order
// of the field table. Decode returns an equal event, if the event has an id and a
// source, its texts are UTF-8, and its instants lie in the years 1 to 9999 at an
// offset of whole minutes.
//
// Amounts and rates are written as strings: a reader whose JSON numbers are
// float64 gets every digit. event_time becomes the attribute time; where it is a day
// without a time of day, it stands in the data.
func (e *Event) AppendJSON(dst []byte) []byte {
	l := layouts[e.kind.Schema]
	dst = append(dst, `{"specversion":"1.0","id":`...)
	dst = appendText(dst, e.Text(l.id))
	dst = append(dst, `,"source":`...)
	dst = appendText(dst, e.Text(l.source))
	dst = append(dst, `,"type":`...)
	dst = appendText(dst, e.kind.Name)
	if e.Has(l.subject) {
		dst = append(dst, `,"subject":`...)
		dst = appendText(dst, e.Text(l.subject))
	}
	elsewhere := l.when
	switch {
	case !e.Has(l.when):
	case e.IsDay(l.when):
		elsewhere = nil // the attribute has a time of day
	default:
		dst = append(dst, `,"time":`...)
		dst = e.appendInstant(dst, l.when)
	}
	dst = append(dst, `,"datacontenttype":"application/json","data":`...)
	dst, _ = e.appendObject(dst, l.data, elsewhere)
	return append(dst, '}')
}

// appendObject appends the members of o that r has, except the field without,
// and reports whether there were any.
func (r *Record) appendObject(dst []byte, o *object, without *Field) ([]byte, bool) {
	dst = append(dst, '{')
	some := false
	for i := range o.members {
		m := &o.members[i]
		if m.field != nil && (!r.Has(m.field) || m.field == without) {
			continue
		}
		start := len(dst)
		if some {
			dst = append(dst, ',')
		}
		dst = append(dst, m.head...)
		wrote := true
		if m.field != nil {
			dst = r.appendValue(dst, m)
		} else {
			dst, wrote = r.appendObject(dst, m.object, without)
		}
		if !wrote {
			dst = dst[:start]
		}
		some = some || wrote
	}
	return append(dst, '}'), some
}

func (r *Record) appendValue(dst []byte, m *member) []byte {
	f := m.field
	switch f.Kind {
	case Text:
		return appendText(dst, r.Text(f))
	case Bool:
		return strconv.AppendBool(dst, r.Bool(f))
	case Int:
		return strconv.AppendInt(dst, r.Int(f), 10)
	case Amount:
		return append(r.Amount(f).Append(append(dst, '"')), '"')
	case Rate:
		return append(r.Rate(f).Append(append(dst, '"')), '"')
	case Date:
		return append(appendDate(append(dst, '"'), r.Date(f)), '"')
	case Instant:
		return r.appendInstant(dst, f)
	}
	dst = append(dst, '[')
	comma := func(i int) {
		if i > 0 {
			dst = append(dst, ',')
		}
	}
	if f.Kind == Texts {
		for i, text := range r.Texts(f) {
			comma(i)
			dst = appendText(dst, text)
		}
	} else {
		rows := r.Records(f)
		for i := range rows {
			comma(i)
			dst, _ = rows[i].appendObject(dst, m.object, nil)
		}
	}
	return append(dst, ']')
}

// appendText appends s as a JSON string, escaping only what must be.
func appendText(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		if from = i + 1; c < ' ' {
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, '\\', c)
		}
	}
	return append(append(dst, s[from:]...), '"')
}

func appendDate(dst []byte, d calendar.Date) []byte {
	year, month, day := d.Civil()
	dst = append(dst, byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-')
	dst = appendTwo(dst, int(month))
	return appendTwo(append(dst, '-'), day)
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendInstant appends the instant at its own offset, with decimals only when
// there are any, or the day where there is no time of day.
func (r *Record) appendInstant(dst []byte, f *Field) []byte {
	if r.IsDay(f) {
		day, _ := DayOf(r.Instant(f))
		return append(appendDate(append(dst, '"'), day), '"')
	}
	c := r.cells[f.slot]
	offset := int(c.hi) / 60 * 60 // RFC 3339 has no seconds in an offset
	micros := int64(c.lo) + int64(offset)*microsPerSecond
	const day = secondsPerDay * microsPerSecond
	days := micros / day
	if micros%day < 0 {
		days--
	}
	micros -= days * day
	dst = appendDate(append(dst, '"'), epoch+calendar.Date(days))
	seconds := int(micros / microsPerSecond)
	dst = appendTwo(append(dst, 'T'), seconds/3600)
	dst = appendTwo(append(dst, ':'), seconds/60%60)
	dst = appendTwo(append(dst, ':'), seconds%60)
	if fraction := int(micros % microsPerSecond); fraction != 0 {
		dst = appendTwo(append(dst, '.'), fraction/10_000)
		dst = appendTwo(dst, fraction/100%100)
		dst = appendTwo(dst, fraction%100)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	if offset == 0 {
		return append(dst, 'Z', '"')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = appendTwo(append(dst, sign), offset/3600)
	dst = appendTwo(append(dst, ':'), offset/60%60)
	return append(dst, '"')
}
