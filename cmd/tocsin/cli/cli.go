// Package cli holds what the commands of tocsin share: their form, the parsing of
// flags and arguments, help, exit codes, the printing of errors, a progress meter
// and the version.
package cli

import (
	"context"
	"errors"
	"flag"
	"io"
)

// Exit codes of every command.
const (
	OK       = 0
	Failed   = 1
	Usage    = 2
	Problems = 3
)

// Command is a command of tocsin, or a group of commands.
type Command struct {
	Name    string // empty: the program itself
	Summary string // one line, for the list of commands
	Usage   string // the arguments and the flags that matter most, as they follow the name
	// Description is what the command does, in paragraphs; it ends without a
	// line feed. Example holds command lines, one a line.
	Description, Example string
	Args                 Args
	// Define defines the flags and returns what carries the command out. It is
	// nil for a group.
	Define func(flags *flag.FlagSet) Action

	Commands []*Command // of a group
}

// Args is the number of arguments that a command takes; the zero value is none.
type Args struct {
	Min, Max int    // Max below 0 is no limit
	What     string // such as "one file"
}

// Action carries out a command. A UsageError ends it with exit code 2, ErrProblems
// with 3, any other error with 1. The caller prints the error.
type Action func(ctx context.Context, call *Call) error

// Call is one call of a command. Streams and arguments are passed, so that a test
// runs a command as a user does.
type Call struct {
	Args           []string // without the flags
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Errors of a command whose output already holds every message.
var (
	ErrFailed   = errors.New("the command failed, and has printed why")
	ErrProblems = errors.New("the command found problems, and has printed them")
)

// Run carries out the command that args name, and returns its exit code.
func (c *Command) Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return c.run(ctx, "tocsin", args, &Call{Stdin: stdin, Stdout: stdout, Stderr: stderr})
}

// run is Run for a command of the group at path.
func (c *Command) run(ctx context.Context, path string, args []string, call *Call) int {
	if c.Name != "" {
		path += " " + c.Name
	}
	if c.Define == nil {
		if len(args) > 0 {
			if sub := c.find(args[0]); sub != nil {
				return sub.run(ctx, path, args[1:], call)
			}
		}
		return call.end(path, c.group(path, args, call.Stdout))
	}
	flags := flag.NewFlagSet(path, flag.ContinueOnError)
	action := c.Define(flags)
	var err error
	if len(args) == 1 && args[0] == "help" && c.Args.Max == 0 {
		err = flag.ErrHelp
	} else {
		call.Args, err = parse(flags, args)
	}
	if errors.Is(err, flag.ErrHelp) {
		return call.end(path, c.help(call.Stdout, path, flags))
	}
	if err == nil {
		err = c.count(path, call.Args)
	}
	if err == nil {
		err = action(ctx, call)
	}
	return call.end(path, err)
}

// end prints the error of a command and returns its exit code.
func (c *Call) end(path string, err error) int {
	var usage UsageError
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrFailed):
		return Failed
	case errors.Is(err, ErrProblems):
		return Problems
	case errors.As(err, &usage):
		PrintError(c.Stderr, path, err, " (see "+path+" -h)")
		return Usage
	}
	PrintError(c.Stderr, path, err, "")
	return Failed
}
