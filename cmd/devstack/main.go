// Command devstack runs the servers a Tocsin worker needs on this machine, for
// development, demonstrations and tests: a broker that speaks the Kafka
// protocol, NATS JetStream and a real ClickHouse, all on loopback ports.
//
//	devstack up [-tocsin PATH] [-config FILE]   start them, and a worker, in the background
//	devstack status                             show what runs, and where
//	devstack down                               stop it
//	devstack demo [-tocsin PATH]                feed a company's day and show the candidates
//	devstack faults [-seed N] [-duration D]     run workers among faults and compare every row
//
// Everything it keeps lies in the directory -state (.tocsin): data, logs, and
// stack.env, which holds the addresses while it runs. A server whose address
// is in the environment (TOCSIN_KAFKA, TOCSIN_CLICKHOUSE, TOCSIN_NATS) is used
// instead of starting one.
//
// Exit codes: 0 done; 1 failed, or (status) something does not answer;
// 2 wrong usage; 3 (status) nothing runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"tocsin/cmd/devstack/stack"
)

// The exit codes of the program.
const (
	exitDone = iota
	exitFailed
	exitUsage
	exitNotRunning
)

const usage = `devstack runs Kafka, NATS and ClickHouse for development on this machine.

  devstack up [flags]       start them in the background, and a worker with -tocsin
  devstack status [flags]   show what runs, and where
  devstack down [flags]     stop it
  devstack demo [flags]     feed a company's day and show the candidates
  devstack faults [flags]   run workers among faults and compare every row and alert

devstack COMMAND -h shows the flags.
`

// command is a subcommand. It returns the exit code; an error means
// exitFailed, and is printed.
type command func(ctx context.Context, args []string) (int, error)

func main() {
	stack.Main() // does not return in the process that is one of its servers
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	commands := map[string]command{"up": up, "status": status, "down": down, "demo": demo, "faults": runFaults, serveCommand: serve}
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitUsage
	}
	cmd, known := commands[args[0]]
	if !known {
		if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
			fmt.Print(usage)
			return exitDone
		}
		fmt.Fprintf(os.Stderr, "devstack: no command %q\n\n%s", args[0], usage)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code, err := cmd(ctx, args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil && code == exitUsage: // the flag package has printed it
		return exitUsage
	case err != nil:
		fmt.Fprintln(os.Stderr, "devstack:", err)
		return exitFailed
	}
	return code
}

// parse parses the flags of a command that takes no other arguments.
func parse(flags *flag.FlagSet, args []string) (int, error) {
	flags.SetOutput(os.Stderr)
	if err := flags.Parse(args); err != nil {
		return exitUsage, err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("%s takes no arguments, only flags: %q", flags.Name(), flags.Args())
		fmt.Fprintln(os.Stderr, "devstack:", err)
		return exitUsage, err
	}
	return exitDone, nil
}

// defaultState is the directory of -state where none is named.
const defaultState = ".tocsin"

// stateFlag declares -state.
func stateFlag(flags *flag.FlagSet) *string {
	return flags.String("state", defaultState, "directory of data, logs and stack.env")
}

// say prints a line for the user; a closed standard output is not a failure of
// what was done.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
