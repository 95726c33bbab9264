package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/rules"
	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// schemaCommand is tocsin schema: it prints what is derived from the field tables.
var schemaCommand = &cli.Command{
	Name: "schema", Summary: "print JSON Schemas, the field and the function reference",
	Usage: "NAME",
	Description: `NAME is one of

  ledger_event   JSON Schema of the ledger event
  system_event   JSON Schema of the system event
  fields         every field of both, in Markdown: names, kinds, columns, words
  functions      every function of the rule language, in Markdown
  materiality    every field of the materiality profile, in Markdown
  pack, rule, accounts, profile, cases, templates
                 JSON Schemas of the files of a pack, for editors
  config         JSON Schema of the worker's configuration`,
	Example: "tocsin schema rule > rule.schema.json",
	Args:    cli.Args{Min: 1, Max: 1, What: "the name of one schema, such as ledger_event, system_event or fields"},
	Define: func(*flag.FlagSet) cli.Action {
		return func(_ context.Context, call *cli.Call) error {
			text, ok := schema(call.Args[0])
			if !ok {
				return cli.Usagef("there is no schema %q: names are ledger_event, system_event, fields, functions, materiality, pack, rule, accounts, profile, cases, templates, config", call.Args[0])
			}
			_, err := io.WriteString(call.Stdout, text)
			return err
		}
	},
}

func schema(name string) (text string, ok bool) {
	switch name {
	case event.Ledger.Name:
		return string(event.JSONSchema(event.Ledger)), true
	case event.System.Name:
		return string(event.JSONSchema(event.System)), true
	case "fields":
		return event.Reference(), true
	case "functions":
		text = "| function | what it is |\n|---|---|\n"
		for _, f := range dialect.Functions() {
			text += fmt.Sprintf("| `%s` | %s |\n", f.Signature, f.Doc)
		}
		return text, true
	case "materiality":
		text = "| field | meaning |\n|---|---|\n"
		for i := range rules.Materiality.Fields {
			f := &rules.Materiality.Fields[i]
			text += fmt.Sprintf("| `materiality.%s` | %s |\n", f.Name, f.Doc)
		}
		return text, true
	case "config":
		return string(config.Schema()), true
	}
	file, ok := rules.JSONSchema(name)
	return string(file), ok
}
