// Command tocsin is the worker and its tools.
//
//	tocsin run          consume, judge, store, publish
//	tocsin check        read configuration and servers, refuse hazards
//	tocsin migrate      bring ClickHouse and the alert stream to this version
//	tocsin audit        prove that every record is stored once, and unaltered
//	tocsin reconcile    publish candidates that the alert stream lacks
//	tocsin deadletters  look at records that are no events, send them again, set them aside
//	tocsin load         turn files into events
//	tocsin rules        check, test and explain packs of rules, judge files by them
//	tocsin materiality  show the materiality of a registrant on a day
//	tocsin schema       JSON Schemas, field and function reference
//	tocsin deadline     count a filing deadline
//	tocsin version
//
// Exit codes: 0 done, and nothing is wrong; 1 it could not be carried out, or
// not all of it; 2 called wrongly; 3 carried out, and problems were found (by
// audit and reconcile). Errors go to standard error, results to standard output.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of every command.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitProblems = 3
)

// command is one subcommand. Streams and arguments are passed, so that a test
// runs a command as a user does.
type command struct {
	name, summary string
	run           func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int
}

// plain adapts a command that needs neither context nor standard input.
func plain(run func(args []string, stdout, stderr io.Writer) int) func(context.Context, []string, io.Reader, io.Writer, io.Writer) int {
	return func(_ context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
		return run(args, stdout, stderr)
	}
}

var commands = []command{
	{"run", "consume, judge, store, publish", runWorker},
	{"check", "read configuration, rules and servers, and refuse hazards", runCheck},
	{"migrate", "bring ClickHouse and the alert stream to this version", runMigrate},
	{"audit", "prove that every record is stored once, unaltered, and every candidate published", runAudit},
	{"reconcile", "publish candidates that ClickHouse holds and the alert stream lacks", runReconcile},
	{"deadletters", "look at records that are no events, send them again, set them aside", runDeadLetters},
	{"load", "turn a general ledger or a file of events into records", runLoad},
	{"rules", "check, test and explain a pack of rules, and judge files by it", runRules},
	{"materiality", "show the materiality of a registrant on a day, number by number", plain(runMateriality)},
	{"schema", "print JSON Schemas, the field and the function reference", plain(runSchema)},
	{"deadline", "count a Form 8-K deadline", plain(runDeadline)},
	{"version", "print the version and what it is built from", plain(runVersion)},
}

func main() {
	// The first signal ends the work politely; a second one, by the default
	// action, ends the process.
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, release)
	os.Exit(dispatch(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

func dispatch(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		if len(args) == 0 {
			return exitUsage
		}
		return exitOK
	}
	for _, c := range commands {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdin, stdout, stderr)
		}
	}
	fmt.Fprintf(stderr, "tocsin: there is no command %q; tocsin help lists them\n", args[0])
	return exitUsage
}

func usage(w io.Writer) {
	fmt.Fprint(w, "tocsin watches ledger and system events for Form 8-K disclosure candidates.\n\n")
	for _, c := range commands {
		fmt.Fprintf(w, "  tocsin %-11s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\ntocsin COMMAND -h explains a command.\n")
}
