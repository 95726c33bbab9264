package event_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"tocsin/rules/event"
)

// everyField calls f with the row that the reference must have for each field.
func everyField(s *event.Schema, list string, f func(field *event.Field, column string)) {
	for i := range s.Fields {
		field := &s.Fields[i]
		f(field, list+field.Column())
		if field.Kind == event.Records {
			everyField(field.Schema(), field.Name+".", f)
		}
	}
}

func TestReferenceNamesEveryField(t *testing.T) {
	reference := event.Reference()
	for _, s := range []*event.Schema{event.Ledger, event.System} {
		_, section, _ := strings.Cut(reference, "\n## "+s.Name+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		everyField(s, "", func(f *event.Field, column string) {
			row := "| `" + f.Name + "` | " + f.Kind.String() + " | " + string(f.Unit) + " | `" + column + "` |"
			_, rest, found := strings.Cut(section, row)
			rest, _, _ = strings.Cut(rest, "\n")
			if !found || !strings.Contains(rest, f.Doc) {
				t.Errorf("%s: no row for %s, or not with its meaning", s.Name, f.Name)
			}
			for _, v := range f.Values {
				if !strings.Contains(rest, "`"+v+"`") {
					t.Errorf("%s: %s lacks the word %s", s.Name, f.Name, v)
				}
			}
		})
	}
	for _, kind := range event.Types() {
		if !strings.Contains(reference, "| `"+kind.Name+"` | "+kind.Doc+" |") {
			t.Errorf("no row for the type %s", kind.Name)
		}
	}
	for _, r := range event.Reasons() {
		if !strings.Contains(reference, "| `"+r.Code+"` | "+r.Doc+" |") {
			t.Errorf("no row for the reason %s", r.Code)
		}
	}
}

func TestJSONSchemaNamesEveryField(t *testing.T) {
	type schema struct {
		Type        any                `json:"type"`
		Description string             `json:"description"`
		Format      string             `json:"format"`
		Properties  map[string]*schema `json:"properties"`
		Items       *schema            `json:"items"`
		AnyOf       []*schema          `json:"anyOf"`
		Enum        []any              `json:"enum"`
	}
	fromAttributes := map[string]bool{"event_id": true, "event_source": true, "event_type": true, "event_subject": true}
	for _, s := range []*event.Schema{event.Ledger, event.System} {
		text := event.JSONSchema(s)
		if !bytes.Equal(text, event.JSONSchema(s)) {
			t.Errorf("%s: the schema is not the same twice", s.Name)
		}
		var root schema
		if err := json.Unmarshal(text, &root); err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, kind := range event.Types() {
			if kind.Schema == s {
				count++
			}
		}
		if n := len(root.Properties["type"].Enum); n != count || n == 0 {
			t.Errorf("%s: %d types, want %d", s.Name, n, count)
		}
		everyField(s, "", func(f *event.Field, column string) {
			if fromAttributes[f.Name] {
				return
			}
			at := root.Properties["data"]
			if list, _, nested := strings.Cut(column, "."); nested {
				at = at.Properties[list].Items
			}
			for _, part := range strings.Split(f.Name, ".") {
				if at = at.Properties[part]; at == nil {
					t.Fatalf("%s: no property %s", s.Name, f.Name)
				}
			}
			if at.Description != f.Doc || at.Type == nil || (f.Kind == event.Date) != (at.Format == "date") || (f.Kind == event.Instant) != (len(at.AnyOf) == 2) || (at.Items != nil) != (f.Kind == event.Texts || f.Kind == event.Records) {
				t.Errorf("%s: property %s does not fit its field", s.Name, f.Name)
			}
		})
	}
}

var update = flag.Bool("update", false, "write README.md anew")

// TestReferenceIsInStep keeps the page that readers find in step with the field
// tables. After a change of the tables: go test ./rules/event -update
func TestReferenceIsInStep(t *testing.T) {
	if *update {
		if err := os.WriteFile("README.md", []byte(event.Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != event.Reference() {
		t.Error("README.md is not what the field tables say: go test ./rules/event -update")
	}
}
