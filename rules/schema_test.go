package rules_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

// TestSchemas: an editor offers every event type, clock and severity.
func TestSchemas(t *testing.T) {
	var all strings.Builder
	for _, name := range rules.SchemaNames() {
		text, ok := rules.JSONSchema(name)
		if !ok || !json.Valid(text) {
			t.Errorf("%s: %t, %s", name, ok, text)
		}
		all.Write(text)
	}
	if _, ok := rules.JSONSchema("nothing"); ok {
		t.Error("there is a schema of nothing")
	}
	rule, _ := rules.JSONSchema("rule")
	for _, typ := range event.Types() {
		if !strings.Contains(string(rule), `"`+typ.Name+`"`) {
			t.Errorf("the schema of a rule lacks the type %s", typ.Name)
		}
	}
	for _, c := range calendar.Clocks() {
		if !strings.Contains(string(rule), `"`+string(c.Code)+`"`) {
			t.Errorf("the schema of a rule lacks the clock %s", c.Code)
		}
	}
}
