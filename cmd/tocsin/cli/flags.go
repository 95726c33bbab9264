package cli

import (
	"flag"
	"fmt"
	"io"
	"regexp"
	"strings"

	"tocsin/rules/diag"
)

// parse parses flags that stand before and behind the arguments, and returns the
// arguments. All that follows -- is an argument.
func parse(flags *flag.FlagSet, args []string) (found []string, err error) {
	flags.SetOutput(io.Discard) // the error has it all
	flags.Usage = func() {}
	for {
		if err := flags.Parse(args); err != nil {
			return nil, plain(flags, err)
		}
		rest := flags.Args()
		if len(rest) == 0 {
			return found, nil
		}
		if read := len(args) - len(rest); read > 0 && args[read-1] == "--" {
			return append(found, rest...), nil
		}
		found, args = append(found, rest[0]), rest[1:]
	}
}

// Messages of package flag.
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	bareFlag    = regexp.MustCompile(`^flag needs an argument: -(.*)$`)
	wrongValue  = regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?-(\S+): (.*)$`)
)

// plain rewrites an error of package flag: with the flag as it is typed, and a
// remedy.
func plain(flags *flag.FlagSet, err error) error {
	text := err.Error()
	if err == flag.ErrHelp {
		return err
	}
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		var names []string
		flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
		if near := diag.Nearest(m[1], names); near != "" {
			return Usagef("there is no flag --%s; did you mean --%s?", m[1], near)
		}
		if len(names) == 0 {
			return Usagef("there is no flag --%s; the command has none", m[1])
		}
		return Usagef("there is no flag --%s; flags are --%s", m[1], strings.Join(names, ", --"))
	}
	if m := bareFlag.FindStringSubmatch(text); m != nil {
		return Usagef("--%s needs a value", m[1])
	}
	if m := wrongValue.FindStringSubmatch(text); m != nil {
		why := m[3]
		if why == "parse error" {
			why = "it is neither true nor false"
			if b, ok := flags.Lookup(m[2]).Value.(interface{ IsBoolFlag() bool }); !ok || !b.IsBoolFlag() {
				why = "it is not a whole number"
			}
		}
		return Usagef("--%s %s: %s", m[2], m[1], why)
	}
	return UsageError{err}
}

// count rejects a number of arguments that the command does not take.
func (c *Command) count(path string, args []string) error {
	n := len(args)
	if n >= c.Args.Min && (n <= c.Args.Max || c.Args.Max < 0) {
		return nil
	}
	what, got := c.Args.What, "none"
	if what == "" {
		what = "no arguments"
	}
	if n > 0 {
		quoted := make([]string, n)
		for i, a := range args {
			quoted[i] = fmt.Sprintf("%q", a)
		}
		got = strings.Join(quoted, ", ")
	}
	return Usagef("the command takes %s, got %s; usage: %s", what, got, c.line(path))
}
