package strictyaml

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// SchemaOptions are the parts of a schema that a Go type does not hold.
type SchemaOptions struct {
	ID    string // $id of the schema
	Title string
	// Keys adds members to the schema of a key, by its path with dots; a list's
	// members are its own path with []: "applies_to[]". A description is what an
	// editor shows.
	Keys map[string]map[string]any
	// Expand: any value may be a reference to the environment, ${NAME}.
	Expand bool
}

// JSONSchema returns the JSON Schema (draft 2020-12) of the files that Decode accepts
// for a struct, as far as a schema can express it. The text is the same for the same type.
func JSONSchema(v any, opts SchemaOptions) []byte {
	doc := opts.of(reflect.TypeOf(v), "")
	doc["$schema"], doc["$id"], doc["title"] = "https://json-schema.org/draft/2020-12/schema", opts.ID, opts.Title
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		panic("strictyaml: schema of " + opts.Title + ": " + err.Error()) // maps and strings always marshal
	}
	return append(out, '\n')
}

// scalarTypes are the YAML types of a text: the decoder keeps the text as written.
var scalarTypes = []string{"string", "number", "boolean"}

func (o *SchemaOptions) of(t reflect.Type, path string) map[string]any {
	s := o.shape(t, path)
	for key, value := range o.Keys[path] {
		s[key] = value
	}
	return s
}

func (o *SchemaOptions) shape(t reflect.Type, path string) map[string]any {
	switch t {
	case reflect.TypeFor[Text]():
		return map[string]any{"type": scalarTypes}
	case reflect.TypeFor[Const]():
		return map[string]any{"anyOf": []any{map[string]any{"type": scalarTypes}, map[string]any{"type": "array", "items": map[string]any{"type": scalarTypes}}}}
	case reflect.TypeFor[Whole]():
		return o.typed("integer")
	case reflect.TypeFor[Tree]():
		return map[string]any{}
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string"}
	case reflect.TypeFor[Size]():
		return map[string]any{"type": []string{"string", "integer"}}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return map[string]any{"type": scalarTypes}
	}
	if t.Implements(reflect.TypeFor[orderedMap]()) {
		pair := t.Elem()
		value, _ := pair.FieldByName("Value")
		return map[string]any{"type": "object", "additionalProperties": o.of(value.Type, path+"{}")}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return o.shape(t.Elem(), path)
	case reflect.Struct:
		return o.object(t, path)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": o.of(t.Elem(), path+"[]")}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": o.of(t.Elem(), path+"{}")}
	case reflect.Bool:
		return o.typed("boolean")
	case reflect.String:
		return map[string]any{"type": scalarTypes}
	case reflect.Float64, reflect.Float32:
		return o.typed("number")
	}
	return o.typed("integer")
}

func (o *SchemaOptions) typed(name string) map[string]any {
	if o.Expand {
		return map[string]any{"anyOf": []any{map[string]any{"type": name}, map[string]any{"type": "string", "pattern": `^\$\{`}}}
	}
	return map[string]any{"type": name}
}

func (o *SchemaOptions) object(t reflect.Type, path string) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		tag, ok := t.Field(i).Tag.Lookup("yaml")
		if !ok {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		at := strings.TrimPrefix(path+"."+name, ".")
		properties[name] = o.of(t.Field(i).Type, at)
		if option == "required" {
			required = append(required, name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}
