package packs

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules/diag"
)

// helpCommand is tocsin rules help: the page of a code, or the list of them.
var helpCommand = &cli.Command{
	Name: "help", Summary: "explain a code such as E206; without one, list all",
	Usage:   "[CODE...]",
	Example: "tocsin rules help E206",
	Args:    cli.Args{Max: -1},
	Define: func(*flag.FlagSet) cli.Action {
		return func(_ context.Context, call *cli.Call) error {
			if len(call.Args) == 0 {
				for _, code := range diag.Codes() {
					fmt.Fprintf(call.Stdout, "%s %s\n", code, diag.Title(code))
				}
			}
			for _, arg := range call.Args {
				page, ok := diag.Page(strings.ToUpper(strings.Trim(arg, "[]")))
				if !ok {
					return cli.Usagef("there is no code %s; tocsin rules help lists them", arg)
				}
				fmt.Fprint(call.Stdout, page)
			}
			return nil
		}
	},
}
