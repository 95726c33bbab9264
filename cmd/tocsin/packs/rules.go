// Package packs implements tocsin rules, which checks, tests and explains packs of
// rules and judges files by them, and tocsin materiality.
package packs

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules"
	"tocsin/rules/diag"
	"tocsin/rules/packs"
)

// Command is tocsin rules.
var Command = &cli.Command{
	Name: "rules", Summary: "check, test and explain a pack of rules, and judge files by it",
	Description: `PACK is a directory or the name of a pack that ships with the program: ` + shipped + `.
Exit code 0: nothing is wrong; 1: something is wrong; 2: a wrong call.`,
	Example: `tocsin rules test my-rules
tocsin rules eval my-rules --events events.jsonl --why`,
	Commands: []*cli.Command{checkCommand, testCommand, mutateCommand, catalogueCommand, helpCommand, evalCommand, explainCommand},
}

// shipped are the names of the packs that ship.
var shipped = strings.Join(packs.Names(), ", ")

// The arguments of commands that require a pack, and of commands that do not.
var (
	onePack = cli.Args{Min: 1, Max: 1, What: "one pack, a directory or one of " + shipped}
	anyPack = cli.Args{Max: 1, What: "one pack at most"}
)

// defaultPack is the shipped pack that commands take when none is named.
const defaultPack = "sox409"

// named returns the pack that the arguments name, or the default.
func named(args []string) string { return append(args, defaultPack)[0] }

// calendarFlag defines the flag --calendar.
func calendarFlag(flags *flag.FlagSet) *string {
	return flags.String("calendar", "", "`DIRECTORY` of calendar overrides, for a pack that has none of its own")
}

// unusable returns the error for a pack that cannot be opened: exit code 2, with the
// mistakes of its files if it has any.
func unusable(err error) error {
	var mistakes diag.List
	if errors.As(err, &mistakes) {
		err = mistakes
	}
	return cli.Misused(err)
}

// known returns an error if no rule has the id that --rule names.
func known(engine *rules.Engine, id string) error {
	var ids []string
	for _, r := range engine.Rules() {
		ids = append(ids, r.ID)
	}
	switch near := diag.Nearest(id, ids); {
	case slices.Contains(ids, id):
		return nil
	case near != "":
		return fmt.Errorf("--rule: the pack has no rule %s: did you mean %s?", id, near)
	}
	return fmt.Errorf("--rule: the pack has no rule %s: tocsin rules catalogue lists them", id)
}
