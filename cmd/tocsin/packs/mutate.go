package packs

import (
	"context"
	"flag"
	"fmt"
	"io"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules"
	"tocsin/rules/diag"
)

// mutateCommand is tocsin rules mutate.
var mutateCommand = &cli.Command{
	Name: "mutate", Summary: "alter rules, one change at a time, and report changes that no case notices",
	Usage: "PACK [--all] [flags]",
	Description: `Alters every rule as a slip of the pen could, one change at a time: a threshold by
a step, > for >=, a clause, default, band or word deleted. If no case notices such a
mutant, no case would notice that mistake. Prints the score and the mutants that
survive. Exit code 1 means that a mutant survives without a stated reason.`,
	Example: "tocsin rules mutate my-rules",
	Args:    onePack,
	Define: func(flags *flag.FlagSet) cli.Action {
		asJSON := flags.Bool("json", false, "print every mutant as JSON")
		all := flags.Bool("all", false, "print every mutant, and the case that notices it")
		overrides := calendarFlag(flags)
		return func(_ context.Context, call *cli.Call) error {
			pack, _, err := openRules(call.Args[0], *overrides)
			if err != nil {
				return unusable(err)
			}
			mutants := pack.Mutate()
			if *asJSON {
				err = cli.WriteJSON(call.Stdout, mutants.All)
			} else {
				err = writeMutants(call.Stdout, pack.ID, mutants, *all)
			}
			if err == nil && len(mutants.Mistakes) > 0 {
				return cli.ErrFailed
			}
			return err
		}
	},
}

func writeMutants(w io.Writer, pack string, mutants *rules.Mutants, all bool) error {
	for i := range mutants.All {
		m := &mutants.All[i]
		switch {
		case m.Case != "" && all:
			fmt.Fprintf(w, "%s:%d:%d: %s, noticed by %q\n", m.File, m.Line, m.Column, m.What, m.Case)
		case m.Case == "" && m.Why != "":
			fmt.Fprintf(w, "%s:%d:%d: %s, survives: %s\n", m.File, m.Line, m.Column, m.What, m.Why)
		}
	}
	if err := mutants.Mistakes.Write(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %s, %d noticed by a case, %d explained\n", pack, diag.Plural(len(mutants.All), "mutant"), mutants.Killed(), mutants.Explained())
	return err
}
