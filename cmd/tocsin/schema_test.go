package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"tocsin/cmd/tocsin/cli"
)

func TestSchema(t *testing.T) {
	f := func(args []string, code int, want string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if got := schemaCommand.Run(t.Context(), args, nil, &stdout, &stderr); got != code {
			t.Errorf("%q: exit code %d, want %d: %s", args, got, code, stderr.String())
		}
		if text := stdout.String() + stderr.String(); !strings.Contains(text, want) {
			t.Errorf("%q: no %q in\n%s", args, want, text)
		}
		return stdout.String()
	}
	for _, name := range []string{"ledger_event", "system_event"} {
		if text := f([]string{name}, cli.OK, "registrant_cik"); !json.Valid([]byte(text)) {
			t.Errorf("%s is not JSON", name)
		}
	}
	f([]string{"fields"}, cli.OK, "contract_total_value_group")
	f([]string{"functions"}, cli.OK, "`ratio(a, b)`")
	f([]string{"materiality"}, cli.OK, "`materiality.component_overall`")
	f([]string{"nothing"}, cli.Usage, "ledger_event")
	f(nil, cli.Usage, "system_event")
}
