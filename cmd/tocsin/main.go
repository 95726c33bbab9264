// Command tocsin is the worker and its tools.
//
//	tocsin run          consume, judge, store, publish
//	tocsin check        read configuration, rules and servers, and refuse hazards
//	tocsin migrate      bring ClickHouse and the alert stream to this version
//	tocsin audit        prove that every record is stored once, unaltered, and every candidate published
//	tocsin reconcile    publish candidates that ClickHouse holds and the alert stream lacks
//	tocsin repair       restore rows that were lost, from the records that Kafka still holds
//	tocsin deadletters  list records that are no events, send them again, set them aside
//	tocsin load         turn a general ledger or a file of events into records
//	tocsin rules        check, test and explain a pack of rules, and judge files by it
//	tocsin materiality  show the materiality of a registrant on a day, number by number
//	tocsin schema       print JSON Schemas, the field and the function reference
//	tocsin deadline     count a Form 8-K deadline
//	tocsin version      print the version and what it is built from
//
// Exit codes: 0 done, and nothing is wrong; 1 failed, wholly or in part; 2 called
// wrongly; 3 done, and problems were found (audit and reconcile). Errors go to
// standard error, results to standard output.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/KimMachineGun/automemlimit/memlimit"

	"tocsin/cmd/tocsin/audit"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/deadletters"
	"tocsin/cmd/tocsin/load"
	"tocsin/cmd/tocsin/packs"
	"tocsin/cmd/tocsin/preflight"
	"tocsin/cmd/tocsin/repair"
	"tocsin/cmd/tocsin/worker"
)

// program is every command. The package's comment and the README show its list.
var program = &cli.Command{
	Summary: "watch ledger and system events for Form 8-K disclosure candidates",
	Description: `Exit codes: 0 done, and nothing is wrong; 1 failed, wholly or in part; 2 called
wrongly; 3 done, and problems were found (audit and reconcile). Errors go to
standard error, results to standard output.`,
	Commands: []*cli.Command{
		worker.Command, preflight.Command, migrateCommand, audit.Command, audit.ReconcileCommand, repair.Command,
		deadletters.Command, load.Command, packs.Command, packs.MaterialityCommand,
		schemaCommand, deadlineCommand, cli.VersionCommand,
	},
}

func main() {
	// The first signal cancels ctx, so that the work ends in order. A second one
	// ends the process by its default action.
	ctx, release := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, release)
	limitMemory()
	os.Exit(program.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// ofContainer is the part of a container's memory that is GOMEMLIMIT, unless that is set:
// deploy/README.md, "How much memory a worker needs".
const ofContainer = 0.9

// limitMemory has the garbage collector work harder before the kernel ends the process,
// where the process is in a container with a limit of memory.
func limitMemory() {
	_, err := memlimit.Set(memlimit.WithRatio(ofContainer))
	if err != nil && !errors.Is(err, memlimit.ErrNoCgroup) && !errors.Is(err, memlimit.ErrCgroupsNotSupported) {
		fmt.Fprintf(os.Stderr, "tocsin: the limit of the container's memory cannot be read: %v. Set GOMEMLIMIT to nine tenths of it\n", err)
	}
}
