package main

import (
	"flag"
	"fmt"
	"io"

	"tocsin/pipeline"
	"tocsin/rules"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
	"tocsin/rules/strictyaml"
)

// runSchema prints what is derived from the field tables: the JSON Schemas of
// the two events, of the files of a pack and of the configuration, the reference
// of the fields, and that of the functions of the rule language.
func runSchema(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin schema", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, `tocsin schema NAME: what events and rules may say

  ledger_event   JSON Schema of the ledger event
  system_event   JSON Schema of the system event
  fields         every field of both, in Markdown: names, kinds, columns, words
  functions      every function of the rule language, in Markdown
  materiality    every field of the materiality profile, in Markdown
  pack, rule, accounts, profile, cases, templates
                 JSON Schemas of the files of a pack, for editors
  config         JSON Schema of the worker's configuration
`)
	}
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	var text string
	switch name := flags.Arg(0); name {
	case event.Ledger.Name:
		text = string(event.JSONSchema(event.Ledger))
	case event.System.Name:
		text = string(event.JSONSchema(event.System))
	case "fields":
		text = event.Reference()
	case "functions":
		text = "| function | what it is |\n|---|---|\n"
		for _, f := range dialect.Functions() {
			text += fmt.Sprintf("| `%s` | %s |\n", f.Signature, f.Doc)
		}
	case "materiality":
		text = "| field | meaning |\n|---|---|\n"
		for i := range rules.Materiality.Fields {
			f := &rules.Materiality.Fields[i]
			text += fmt.Sprintf("| `materiality.%s` | %s |\n", f.Name, f.Doc)
		}
	case "config":
		text = string(configSchema())
	default:
		schema, ok := rules.JSONSchema(name)
		if !ok {
			flags.Usage()
			return exitUsage
		}
		text = string(schema)
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		fmt.Fprintln(stderr, "tocsin schema:", err)
		return exitFailed
	}
	return exitOK
}

// configSchema is the JSON Schema of the configuration file.
func configSchema() []byte {
	return strictyaml.JSONSchema(config{}, strictyaml.SchemaOptions{ID: "urn:tocsin:config", Title: "Tocsin configuration", Expand: true, Keys: map[string]map[string]any{
		"kafka.first_start": {"enum": []string{string(pipeline.StartRefused), string(pipeline.StartEarliest), string(pipeline.StartLatest)}},
		"nats.payload":      {"enum": []string{"minimal", "full"}},
		"log.format":        {"enum": []string{"text", "json"}},
		"log.level":         {"enum": []string{"debug", "info", "warn", "error"}},
	}})
}
