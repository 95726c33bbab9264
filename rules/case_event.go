package rules

import (
	"encoding/json"
	"slices"
	"strings"

	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// A case's event is written as YAML and decoded as JSON by the decoder that reads
// Kafka's records: a case shows the verdict on a real event.

// event assembles and decodes a case's event, or returns nil after a mistake.
func (l *caseLoader) event(base *caseEvent, entry *caseEntry) *event.Event {
	own := &entry.Event
	template := l.template(base, own)
	if template == nil {
		return nil
	}
	parts := []casePart{{l.templates.src, template}, {l.cases.src, base}, {l.cases.src, own}}
	attribute := func(of func(*caseEvent) strictyaml.Text, fallback string) placedText {
		for _, part := range slices.Backward(parts) {
			if text := of(part.event); text.Given() {
				return placedText{part.src, text}
			}
		}
		return placedText{l.cases.src, strictyaml.Text{Value: fallback}}
	}
	kind := attribute(func(e *caseEvent) strictyaml.Text { return e.Type }, "")
	t := event.LookupType(kind.Value)
	switch {
	case t == nil && !kind.Given() && l.strayed:
		return nil
	case t == nil && !kind.Given():
		l.report(codeCaseEvent, entry.Name, "add type: to the event, or to base", "the event has no type")
		return nil
	case t == nil:
		l.reportIn(kind.src, codeCaseEvent, kind.Text, "write one of the rule's applies_to", "the event has no type that is known")
		return nil
	}
	b := &caseBuilder{caseLoader: l, schema: t.Schema, at: map[string]placedText{}, object: map[string]any{}}
	before := len(l.mistakes)
	for _, part := range parts {
		b.src, b.seen = part.src, nil
		b.add("", part.event.Data)
	}
	if len(l.mistakes) > before {
		return nil
	}
	envelope := map[string]any{"specversion": "1.0", "type": t.Name, "data": b.object}
	for name, text := range map[string]placedText{
		"id":      attribute(func(e *caseEvent) strictyaml.Text { return e.ID }, entry.Name.Value),
		"source":  attribute(func(e *caseEvent) strictyaml.Text { return e.Source }, "/cases"),
		"subject": attribute(func(e *caseEvent) strictyaml.Text { return e.Subject }, ""),
		"time":    attribute(func(e *caseEvent) strictyaml.Text { return e.Time }, ""),
	} {
		if text.Value != "" {
			envelope[name] = text.Value
			b.at[name], b.at["event_"+name] = text, text
		}
	}
	value, err := json.Marshal(envelope)
	if err != nil {
		l.report(codeCaseEvent, entry.Name, "report the case: this is a defect of the program", "the event cannot be written as JSON: %v", err)
		return nil
	}
	ev := event.New(t)
	if failure := event.NewDecoder(event.Limits{}).Decode(ev, value, nil); failure != nil {
		at, ok := b.at[failure.Field]
		if !ok || !at.Given() {
			at = placedText{l.cases.src, entry.Name}
		}
		l.reportIn(at.src, codeCaseEvent, at.Text, failure.Detail, "the event is refused: %s %s", failure.Field, failure.Code)
		return nil
	}
	return ev
}

// casePart is one of the parts that make up a case's event.
type casePart struct {
	src   *strictyaml.Source
	event *caseEvent
}

// placedText is a scalar of a file of cases or of the templates.
type placedText struct {
	src *strictyaml.Source
	strictyaml.Text
}

// caseBuilder collects the members of an event's data.
type caseBuilder struct {
	*caseLoader
	schema *event.Schema
	src    *strictyaml.Source    // of the part that is being added
	seen   map[string]bool       // the fields of that part
	at     map[string]placedText // where each field stands
	object map[string]any
}

// add adds the members below a path. Members may be nested or named with dots.
func (b *caseBuilder) add(prefix string, t strictyaml.Tree) {
	if b.seen == nil {
		b.seen = map[string]bool{}
	}
	for _, m := range t.Members {
		name := prefix + m.Key.Value
		f := b.schema.Lookup(name)
		switch {
		case f == nil && m.Value.Members != nil:
			b.add(name+".", m.Value)
		case m.Value.Null && (f != nil || b.folder(name)):
			b.remove(name)
		case f == nil || strings.HasPrefix(name, "event_") && name != "event_time":
			b.reportIn(b.src, codeCaseField, m.Key, nearField(b.schema, name), "a %s has no field %q", strings.ReplaceAll(b.schema.Name, "_", " "), name)
		case b.seen[name]:
			b.reportIn(b.src, codeDuplicate, m.Key, "keep one of the two", "%s stands twice", name)
		default:
			b.seen[name] = true
			b.at[name] = placedText{b.src, m.Value.Text}
			b.put(name, b.value(f, m.Value))
		}
	}
}

func (b *caseBuilder) folder(name string) bool {
	for i := range b.schema.Fields {
		if strings.HasPrefix(b.schema.Fields[i].Name, name+".") {
			return true
		}
	}
	return false
}

func (b *caseBuilder) put(name string, v any) {
	object := b.object
	for {
		first, rest, nested := strings.Cut(name, ".")
		if !nested {
			object[first] = v
			return
		}
		inner, ok := object[first].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[first] = inner
		}
		object, name = inner, rest
	}
}

func (b *caseBuilder) remove(name string) {
	object := b.object
	for {
		first, rest, nested := strings.Cut(name, ".")
		if !nested {
			delete(object, first)
			return
		}
		inner, ok := object[first].(map[string]any)
		if !ok {
			return
		}
		object, name = inner, rest
	}
}

// value is a field's value as JSON. A value of the wrong shape is passed on: the
// decoder reports what is wrong with it.
func (b *caseBuilder) value(f *event.Field, t strictyaml.Tree) any {
	switch {
	case t.Null:
		return nil
	case t.Members != nil:
		object := map[string]any{}
		for _, m := range t.Members {
			member := f.Schema().Lookup(m.Key.Value)
			if member == nil {
				b.reportIn(b.src, codeCaseField, m.Key, nearField(f.Schema(), m.Key.Value), "%s has no field %q", f.Name, m.Key.Value)
				continue
			}
			object[m.Key.Value] = b.value(member, m.Value)
		}
		return object
	case !t.Scalar:
		list := make([]any, len(t.List))
		for i, item := range t.List {
			list[i] = b.value(f, item)
		}
		return list
	}
	return scalar(f, t.Text.Value)
}

// scalar keeps a number's digits: it removes underscores, which JSON does not have,
// and uses no float.
func scalar(f *event.Field, text string) any {
	switch f.Kind {
	case event.Amount, event.Rate:
		return strings.ReplaceAll(text, "_", "")
	case event.Int:
		if n := strings.ReplaceAll(text, "_", ""); digits(n) {
			return json.RawMessage(n)
		}
	case event.Bool:
		if text == "true" || text == "false" {
			return json.RawMessage(text)
		}
	}
	return text
}

func digits(s string) bool {
	s = strings.TrimPrefix(s, "-")
	return s != "" && strings.Trim(s, "0123456789") == "" && (s == "0" || s[0] != '0')
}
