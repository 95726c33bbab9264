package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"tocsin/cmd/devstack/faults"
)

// runFaults runs workers among faults and compares what was produced with what
// they stored and published.
func runFaults(ctx context.Context, args []string) (int, error) {
	f := flag.NewFlagSet("faults", flag.ContinueOnError)
	o := faults.Options{Progress: os.Stderr}
	f.Uint64Var(&o.Seed, "seed", 1, "seed of the faults and the load: the same seed gives the same")
	f.DurationVar(&o.Duration, "duration", 3*time.Minute, "how long load and faults last")
	f.IntVar(&o.Workers, "workers", 3, "workers, 2 to 4")
	f.IntVar(&o.Rate, "rate", 1000, "records a second, on average")
	f.StringVar(&o.Without, "without", "", "take a `mechanism` out of the workers and see the run fail: "+strings.Join(faults.Mechanisms(), ", "))
	f.StringVar(&o.Scenario, "scenario", "", "make the directed run of half a minute that is named after a `mechanism`, or a random one: random (default the mechanism of -without, else random)")
	f.StringVar(&o.Protocol, "protocol", "", "group `protocol` of the workers, classic or consumer (default classic for odd seeds, consumer for even ones)")
	f.BoolVar(&o.Keep, "keep", false, "keep logs and data of a run that passed, too")
	weights := f.String("weights", "", "kind=cards,...: how often a fault of a kind is drawn")
	asJSON := f.Bool("json", false, "print the report as JSON")
	if code, err := parse(f, args); err != nil {
		return code, err
	}
	var err error
	if o.Weights, err = faults.ParseWeights(*weights); err != nil {
		fmt.Fprintln(os.Stderr, "devstack:", err)
		return exitUsage, err
	}
	switch o.Scenario {
	case "":
		o.Scenario = o.Without
	case "random":
		o.Scenario = ""
	}
	report, err := faults.Run(ctx, o)
	if err != nil {
		return exitFailed, err
	}
	if *asJSON {
		err = report.WriteJSON(os.Stdout)
	} else {
		err = report.Write(os.Stdout)
	}
	if err != nil || !report.Passed() {
		return exitFailed, err
	}
	return exitDone, nil
}
