package event

import "strings"

// attribute is a CloudEvents attribute that the decoder reads. Others are
// extensions: ignored, counted and kept in the raw bytes.
type attribute int

const (
	attrSpecversion attribute = iota
	attrID
	attrSource
	attrType
	attrSubject
	attrTime
	attrContentType
	attrDataschema
	attributeCount
	attrNone attribute = -1
)

func attributeNamed(name string) attribute {
	switch name {
	case "specversion":
		return attrSpecversion
	case "id":
		return attrID
	case "source":
		return attrSource
	case "type":
		return attrType
	case "subject":
		return attrSubject
	case "time":
		return attrTime
	case "datacontenttype":
		return attrContentType
	case "dataschema":
		return attrDataschema
	}
	return attrNone
}

// envelope holds the attributes of the record being decoded.
type envelope struct {
	text        [attributeCount]string
	at          [attributeCount]int // where the value stands; -1 in a header
	seen        [attributeCount]bool
	dataAt      int    // where skipped data begin; -1 when there are none
	contentType string // the Kafka header of that name
}

func (e *envelope) has(a attribute) bool { return e.seen[a] }

func (e *envelope) set(a attribute, text string, at int) {
	e.text[a], e.at[a], e.seen[a] = text, at, true
}

// mode is how a record carries its event.
type mode int

const (
	structured mode = iota
	binary
	refused // the failure is recorded
)

const cloudEventsMedia = "application/cloudevents"

// mode finds in the headers how the record carries its event.
func (d *Decoder) mode() mode {
	media, _, _ := strings.Cut(d.env.contentType, ";")
	media = strings.TrimSpace(media)
	if len(media) >= len(cloudEventsMedia) && strings.EqualFold(media[:len(cloudEventsMedia)], cloudEventsMedia) {
		format := media[len(cloudEventsMedia):]
		if format != "" && !strings.EqualFold(format, "+json") {
			d.fault = nil
			d.fail(notCloudEvents, -1, "content-type", "want the event format application/cloudevents+json")
			return refused
		}
		return structured
	}
	if !d.env.has(attrSpecversion) && !d.env.has(attrID) && !d.env.has(attrSource) && !d.env.has(attrType) {
		return structured
	}
	if d.fault != nil {
		return refused
	}
	if media != "" && !strings.EqualFold(media, "application/json") && !hasSuffixFold(media, "+json") {
		d.fail(unsupported, -1, "content-type", "want application/json")
		return refused
	}
	return binary
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// decodeBinary reads an event whose attributes came in headers and whose value
// is the data.
func (d *Decoder) decodeBinary(dst *Event) bool {
	return d.complete() && d.resolve(dst) && d.begin() && d.data(dst, 0) && d.end() && d.fill(dst)
}

// decodeStructured reads an event whose attributes stand beside its data. An object
// without specversion is no CloudEvent, whatever else is wrong with it: a member
// that other formats have too, such as id or time, has another kind there.
func (d *Decoder) decodeStructured(dst *Event) bool {
	if d.members(dst) {
		return true
	}
	if d.fault.Stage == badSyntax.Stage || d.fault.Code == notCloudEvents.Code || d.env.has(attrSpecversion) {
		return false
	}
	fault := d.fault
	if d.fault = nil; d.hasVersion() {
		d.fault = fault
		return false
	}
	return d.fail(notCloudEvents, -1, "", "the object has no member specversion, which every CloudEvent has") // unless its text has a fault
}

// hasVersion reads the object again and reports whether it has a member
// specversion. If its text has a fault before that member, that is the failure.
func (d *Decoder) hasVersion() bool {
	d.begin()
	d.pos++
	d.names = d.names[:0]
	for first := true; ; first = false {
		more, ok := d.more(first, '}')
		if !more {
			_ = ok && d.distinct(0) && d.end()
			return false
		}
		at := d.pos
		key, ok := d.key()
		if !ok || !d.colon() {
			return false
		}
		if attributeNamed(key) == attrSpecversion {
			return true
		}
		d.names = append(d.names, unknownName{key, at})
		if !d.skip(1) {
			return false
		}
	}
}

// members reads the members of the object.
func (d *Decoder) members(dst *Event) bool {
	if !d.begin() {
		return false
	}
	if at := d.pos; d.buf[at] != '{' {
		return d.skip(0) && d.end() && d.fail(notCloudEvents, at, "", "want an object")
	}
	d.pos++
	decoded := false
	names := len(d.names)
	for first := true; ; first = false {
		if more, ok := d.more(first, '}'); !more {
			if !ok || !d.distinct(names) || !d.end() || !d.complete() {
				return false
			}
			break
		}
		at := d.pos
		key, ok := d.key()
		if !ok || !d.colon() {
			return false
		}
		switch key {
		case "data":
			if d.env.dataAt >= 0 {
				return d.fail(duplicateKey, at, key, "the member stands twice in its object")
			}
			d.env.dataAt = d.pos
			// The type determines which fields the data have. When it stands after
			// them they are passed over now and read at the end.
			if decoded = d.env.has(attrType) && !d.at('n'); decoded {
				ok = d.resolve(dst) && d.data(dst, 1)
			} else {
				ok = d.skip(1)
			}
		case "data_base64":
			if !d.at('n') {
				return d.fail(unsupported, d.pos, key, "binary data are not read; send data as an object")
			}
			d.names = append(d.names, unknownName{key, at})
			ok = d.skip(1)
		default:
			ok = d.attribute(attributeNamed(key), key, at)
		}
		if !ok {
			return false
		}
	}
	if !decoded {
		d.pos = d.env.dataAt
		if d.pos < 0 || d.at('n') {
			return d.fail(missingAttr, -1, "data", "the event has no data")
		}
		if !d.resolve(dst) || !d.data(dst, 1) {
			return false
		}
	}
	return d.fill(dst)
}

// attribute reads the value of a member beside the data.
func (d *Decoder) attribute(a attribute, key string, at int) bool {
	if a == attrNone {
		d.unknown++
		d.names = append(d.names, unknownName{key, at})
		return d.skip(1)
	}
	if d.env.has(a) {
		return d.fail(duplicateKey, at, key, "the member stands twice in its object")
	}
	value := d.pos
	if d.at('n') {
		// Null is an attribute that is not set (JSON format, section 2.2), but
		// a second member of the name would still be a duplicate.
		d.env.set(a, "", value)
		return d.literal("null")
	}
	if !d.at('"') {
		return d.wrong(key, "text", 1)
	}
	text, ok := d.text(true)
	d.env.set(a, text, value)
	return ok
}

// complete checks that the required attributes are there.
func (d *Decoder) complete() bool {
	e := &d.env
	missing := ""
	switch {
	case e.text[attrSpecversion] == "":
		missing = "specversion"
	case e.text[attrID] == "":
		missing = "id"
	case e.text[attrSource] == "":
		missing = "source"
	case e.text[attrType] == "":
		missing = "type"
	default:
		return true
	}
	return d.fail(missingAttr, -1, missing, "the attribute is required and must not be empty")
}

// resolve resets dst to the event's type.
func (d *Decoder) resolve(dst *Event) bool {
	e := &d.env
	if e.has(attrSpecversion) && e.text[attrSpecversion] != "1.0" {
		return d.fail(unknownVersion, e.at[attrSpecversion], "specversion", "want 1.0")
	}
	t := dst.kind
	if t == nil || t.Name != e.text[attrType] {
		if t = types[e.text[attrType]]; t == nil {
			return d.fail(unknownType, e.at[attrType], "type", "is no event type of this release")
		}
	}
	dst.Reset(t)
	d.layout = layouts[t.Schema]
	return true
}

// fill puts the attributes into dst.
func (d *Decoder) fill(dst *Event) bool {
	e, l := &d.env, d.layout
	dst.SetText(l.id, e.text[attrID])
	dst.SetText(l.source, e.text[attrSource])
	dst.SetText(l.kind, dst.kind.Name)
	if e.has(attrSubject) && e.text[attrSubject] != "" {
		dst.SetText(l.subject, e.text[attrSubject])
	}
	if e.text[attrTime] == "" {
		return true
	}
	// The attribute is checked even where event_time in the data precedes it.
	kept, had := dst.cells[l.when.slot], dst.Has(l.when)
	if problem := dst.setMoment(l.when, e.text[attrTime]); problem != "" {
		return d.fail(badInstant, e.at[attrTime], "time", problem)
	}
	if had {
		dst.cells[l.when.slot] = kept
	}
	return true
}
