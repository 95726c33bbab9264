package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"tocsin/rules/diag"
)

// runRulesHelp is tocsin rules help: the page of a code, or the list of them.
func runRulesHelp(_ context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		for _, code := range diag.Codes() {
			fmt.Fprintf(stdout, "%s %s\n", code, diag.Title(code))
		}
		return exitOK
	}
	for _, arg := range args {
		page, ok := diag.Page(strings.ToUpper(strings.Trim(arg, "[]")))
		if !ok {
			fmt.Fprintf(stderr, "tocsin rules help: there is no code %s; tocsin rules help lists them\n", arg)
			return exitUsage
		}
		fmt.Fprint(stdout, page)
	}
	return exitOK
}
