package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"tocsin/rules"
)

const mutateUsage = `usage: tocsin rules mutate PACK [--all] [--json]

Alters every rule in every way that a slip of the pen could: a threshold by a
step, > written for >=, a clause, default or band deleted, a word left out; one
at a time. A mutant that no case of the rule notices is a mistake that nobody
would notice. Prints the score and the mutants that survive; exit code 1 if one
does without a reason.

`

// runMutate is tocsin rules mutate.
func runMutate(_ context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	const command = "tocsin rules mutate"
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, mutateUsage)
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "print every mutant as JSON")
	all := flags.Bool("all", false, "print every mutant, and the case that notices it")
	overrides := flags.String("calendar", "", "`directory` of calendar overrides, for a pack that has none of its own")
	named, err := interleaved(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case len(named) != 1:
		fmt.Fprintf(stderr, "%s: name one pack\n", command)
		return exitUsage
	}
	pack, _, err := openRules(named[0], *overrides)
	if err != nil {
		printPackError(command, err, stderr)
		return exitUsage
	}
	mutants := pack.Mutate()
	if *asJSON {
		out := json.NewEncoder(stdout)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		err = out.Encode(mutants.All)
	} else {
		err = writeMutants(stdout, pack.ID, mutants, *all)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", command, err)
		return exitFailed
	}
	if len(mutants.Mistakes) > 0 {
		return exitFailed
	}
	return exitOK
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
	_, err := fmt.Fprintf(w, "%s: %s, %d noticed by a case, %d explained\n", pack, plural(len(mutants.All), "mutant"), mutants.Killed(), mutants.Explained())
	return err
}
