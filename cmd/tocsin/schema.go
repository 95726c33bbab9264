package main

import (
	"flag"
	"fmt"
	"io"

	"tocsin/rules/dialect"
	"tocsin/rules/event"
)

// runSchema prints what is derived from the field tables: the JSON Schemas of
// the two events, the reference of their fields, and that of the functions of
// the rule language.
func runSchema(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin schema", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, `tocsin schema NAME: what events and rules may say

  ledger_event   JSON Schema of the ledger event
  system_event   JSON Schema of the system event
  fields         every field of both, in Markdown: names, kinds, columns, words
  functions      every function of the rule language, in Markdown
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
	default:
		flags.Usage()
		return exitUsage
	}
	if _, err := io.WriteString(stdout, text); err != nil {
		fmt.Fprintln(stderr, "tocsin schema:", err)
		return exitFailed
	}
	return exitOK
}
