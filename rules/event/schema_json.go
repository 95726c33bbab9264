package event

import "encoding/json"

// JSONSchema returns the JSON Schema (draft 2020-12) of the structured
// CloudEvents form of a schema's events. It describes what Decode accepts as
// far as JSON Schema can: that a name stands once, that a number fits, or that a
// day exists is beyond it. The text is the same for the same field table.
func JSONSchema(s *Schema) []byte {
	var names []string
	for _, t := range Types() {
		if t.Schema == s {
			names = append(names, t.Name)
		}
	}
	data := layouts[s].data.jsonSchema()
	data["properties"].(map[string]any)["schema_version"].(map[string]any)["enum"] = []any{s.Name + ".v1", "v1", nil}
	text := map[string]any{"type": "string", "minLength": 1}
	doc := map[string]any{
		"$schema":  "https://json-schema.org/draft/2020-12/schema",
		"$id":      "urn:tocsin:" + s.Name + ".v1",
		"title":    s.Name,
		"type":     "object",
		"required": []string{"specversion", "id", "source", "type", "data"},
		"properties": map[string]any{
			"specversion": map[string]any{"const": "1.0"},
			"id":          text,
			"source":      text,
			"type":        map[string]any{"enum": names},
			"subject":     map[string]any{"type": []string{"string", "null"}},
			"time":        jsonKind(&Field{Kind: Instant}),
			"data":        data,
		},
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic("event: schema of " + s.Name + ": " + err.Error()) // maps and strings always marshal
	}
	return append(out, '\n')
}

func (o *object) jsonSchema() map[string]any {
	properties := make(map[string]any, len(o.members))
	for i := range o.members {
		m := &o.members[i]
		switch {
		case m.field == nil:
			p := m.object.jsonSchema()
			p["type"] = []string{"object", "null"}
			properties[m.key] = p
		case m.field.Kind == Records:
			properties[m.key] = described(m.field, map[string]any{"type": []string{"array", "null"}, "items": m.object.jsonSchema()})
		default:
			properties[m.key] = described(m.field, jsonKind(m.field))
		}
	}
	return map[string]any{"type": "object", "properties": properties}
}

// described adds the description of a field from the field table.
func described(f *Field, p map[string]any) map[string]any {
	p["description"] = f.Doc
	if len(f.Values) > 0 {
		// Not an enum: a word outside the vocabulary is stored, not refused.
		p["examples"] = f.Values
	}
	if f.Unit != None {
		p["x-unit"] = string(f.Unit)
	}
	return p
}

// jsonKind returns the schema of a kind. Null means that a field was not sent.
func jsonKind(f *Field) map[string]any {
	switch f.Kind {
	case Texts:
		return map[string]any{"type": []string{"array", "null"}, "items": map[string]any{"type": "string"}}
	case Bool:
		return map[string]any{"type": []string{"boolean", "null"}}
	case Int:
		return map[string]any{"type": []string{"integer", "null"}}
	case Amount, Rate:
		return map[string]any{"type": []string{"number", "string", "null"},
			"pattern": `^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`}
	case Date:
		return map[string]any{"type": []string{"string", "null"}, "format": "date"}
	case Instant:
		// A date alone is an instant of which the source knows the day only.
		return map[string]any{"type": []string{"string", "null"}, "anyOf": []any{map[string]any{"format": "date-time"}, map[string]any{"format": "date"}}}
	}
	return map[string]any{"type": []string{"string", "null"}}
}
