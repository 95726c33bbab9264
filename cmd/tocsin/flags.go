package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// arguments parses a command's flags and returns its arguments. Whoever asks for
// help is shown usage and the flags; any error is the caller's to print, once.
func arguments(flags *flag.FlagSet, usage string, args []string, stderr io.Writer) ([]string, error) {
	flags.SetOutput(io.Discard)
	named, err := interleaved(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stderr)
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	return named, err
}

// interleaved parses flags that stand before and behind the arguments, and
// returns the arguments.
func interleaved(flags *flag.FlagSet, args []string) (found []string, err error) {
	for {
		if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
			return found, err
		}
		found, args = append(found, flags.Arg(0)), flags.Args()[1:]
	}
}
