package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"tocsin/cmd/tocsin/cli"
)

// printedSchema compiles what tocsin schema prints, by a validator that shares
// no code with the generator.
func printedSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	var out, errs bytes.Buffer
	if code := schemaCommand.Run(t.Context(), []string{name}, nil, &out, &errs); code != cli.OK {
		t.Fatalf("tocsin schema %s: exit code %d: %s", name, code, &errs)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(name, err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("urn:test:"+name, doc); err != nil {
		t.Fatal(name, err)
	}
	s, err := c.Compile("urn:test:" + name)
	if err != nil {
		t.Fatal(name, err)
	}
	return s
}

// plainValue is a YAML node as JSON, as an editor's language server reads it:
// dates are texts.
func plainValue(n *yaml.Node) any {
	switch n.Kind {
	case yaml.DocumentNode:
		return plainValue(n.Content[0])
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			out[n.Content[i].Value] = plainValue(n.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, c := range n.Content {
			out = append(out, plainValue(c))
		}
		return out
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true"
	case "!!int", "!!float":
		if number := strings.ReplaceAll(n.Value, "_", ""); json.Valid([]byte(number)) {
			return json.Number(number)
		}
	}
	return n.Value
}

func plainFile(t *testing.T, text string) any {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	return plainValue(&doc)
}

// schemaFor is the schema that a file of this repository has, or "".
func schemaFor(path string) string {
	dir, base := filepath.Split(filepath.ToSlash(path))
	switch {
	case base == "pack.yaml":
		return "pack"
	case base == "accounts.yaml":
		return "accounts"
	case strings.HasSuffix(path, "tocsin.example.yaml"):
		return "config"
	case filepath.Ext(base) != ".yaml" || !strings.Contains(dir, "rules/packs/"):
		return ""
	case base == "templates.yaml":
		return "templates"
	}
	return map[string]string{"rules": "rule", "profiles": "profile", "cases": "cases"}[filepath.Base(dir)]
}

// TestFilesFollowTheirSchemas: every file of the repository that has a schema is
// valid by it.
func TestFilesFollowTheirSchemas(t *testing.T) {
	schemas, found := map[string]*jsonschema.Schema{}, map[string]int{}
	err := filepath.WalkDir(filepath.Join("..", ".."), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return fs.SkipDir
		}
		name := schemaFor(path)
		if d.IsDir() || name == "" {
			return nil
		}
		if schemas[name] == nil {
			schemas[name] = printedSchema(t, name)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found[name]++
		if err := schemas[name].Validate(plainFile(t, string(text))); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pack", "rule", "accounts", "profile", "cases", "config"} {
		if found[name] == 0 {
			t.Errorf("no file has the schema %s", name)
		}
	}
}

// TestSchemasRefuse: mistakes that a schema must reject.
func TestSchemasRefuse(t *testing.T) {
	f := func(schema, text string, valid bool) {
		t.Helper()
		if err := printedSchema(t, schema).Validate(plainFile(t, text)); (err == nil) != valid {
			t.Errorf("%s: valid %t, want %t: %v\n%s", schema, err == nil, valid, err, text)
		}
	}
	rule, err := os.ReadFile(filepath.Join("..", "..", "rules", "packs", "sox409", "rules", "CON-01.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	good := string(rule)
	f("rule", good, true)
	f("rule", strings.Replace(good, "severity: ", "severty: ", 1), false)
	f("rule", regexp.MustCompile(`(?m)^severity: .*$`).ReplaceAllString(good, "severity: high"), false)
	f("rule", regexp.MustCompile(`(?m)^applies_to: .*$`).ReplaceAllString(good, "applies_to: [ledger.contract.excecuted]"), false)
	f("rule", regexp.MustCompile(`(?m)^owner: .*\n`).ReplaceAllString(good, ""), false)
	f("templates", "schema: tocsin.templates/v1\ntemplates: { a: { type: ledger.contract.executed } }", true)
	f("templates", "schema: tocsin.templates/v1\ntemplates: { a: { typ: ledger.contract.executed } }", false)
	f("accounts", "schema: tocsin.accounts/v1\naccounts: { cashh: [\"1\"] }", false)
	f("cases", "schema: tocsin.cases/v1\ncases: [{ name: a, expect: { outcome: matches } }]", false)
	f("config", "kafka: {}", false)
}

// TestSchemasDescribe: an editor has something to show of every key of a pack.
func TestSchemasDescribe(t *testing.T) {
	var walk func(name string, schema map[string]any)
	walk = func(name string, schema map[string]any) {
		properties, _ := schema["properties"].(map[string]any)
		for key, value := range properties {
			at := value.(map[string]any)
			if at["description"] == nil {
				t.Errorf("%s.%s has no description", name, key)
			}
			walk(name+"."+key, at)
			if items, ok := at["items"].(map[string]any); ok {
				walk(name+"."+key+"[]", items)
			}
			if members, ok := at["additionalProperties"].(map[string]any); ok {
				walk(name+"."+key+"{}", members)
			}
		}
	}
	for _, name := range []string{"pack", "rule", "accounts", "profile", "cases", "templates"} {
		var out bytes.Buffer
		schemaCommand.Run(t.Context(), []string{name}, nil, &out, &out)
		var doc map[string]any
		if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		walk(name, doc)
	}
}

const wholeEvent = `{"specversion":"1.0","type":"ledger.contract.executed","source":"urn:clm","id":"C-9","time":"2026-03-02T18:30:00-05:00","data":{"registrant_cik":"0009999999","group_currency":"USD","contract":{"contract_id":"C-9","executed_at":"2026-03-02T18:30:00-05:00","total_value_group":130000000}}}`

// TestEventsFollowTheirSchemas: an event that is decoded is valid by the schema
// that sources read before they send.
func TestEventsFollowTheirSchemas(t *testing.T) {
	schema := printedSchema(t, "ledger_event")
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(wholeEvent))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
	doc, err = jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(wholeEvent, "ledger.contract.executed", "ledger.contract.excecuted", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(doc) == nil {
		t.Error("an unknown event type is valid")
	}
}
