package audit

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/rules/diag"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// ReconcileCommand is tocsin reconcile.
var ReconcileCommand = &cli.Command{
	Name: "reconcile", Summary: "publish candidates that ClickHouse holds and the alert stream lacks",
	Description: `Looks in the alert stream for the alert of every candidate that is stored and
younger than nats.max_age, and publishes those that are missing. Exit code 3
means that some could not be published.`,
	Example: "tocsin reconcile --dry-run --config tocsin.yaml",
	Define: func(flags *flag.FlagSet) cli.Action {
		path := config.Flag(flags)
		dry := flags.Bool("dry-run", false, "print what would be published and publish nothing")
		asJSON := flags.Bool("json", false, "print JSON")
		return func(ctx context.Context, call *cli.Call) error {
			c, err := config.Read(*path, os.LookupEnv)
			if err != nil {
				return err
			}
			r := &reconciliation{DryRun: *dry, Candidates: []Reconciled{}}
			return r.print(ctx, &c, *asJSON, call.Stdout)
		}
	},
}

// print reconciles, and prints each missing alert and the totals.
func (r *reconciliation) print(ctx context.Context, c *config.Config, asJSON bool, stdout io.Writer) error {
	err := r.run(ctx, c, func(one Reconciled) {
		if !asJSON {
			fmt.Fprintln(stdout, one)
		}
	})
	if asJSON {
		err = errors.Join(err, cli.WriteJSON(stdout, r))
	} else {
		fmt.Fprintf(stdout, "%s, %d missing from the stream, %d published, %d failed\n", diag.Plural(r.Held, "candidate"), r.Missing, r.Published, r.Failed)
	}
	if err == nil && r.Failed > 0 {
		return cli.ErrProblems
	}
	return err
}

// reconciliation is the command's result. Its JSON is API.
type reconciliation struct {
	DryRun     bool         `json:"dry_run"`
	Held       int          `json:"candidates"` // in ClickHouse, and young enough to be in the stream
	Missing    int          `json:"missing"`
	Published  int          `json:"published"`
	Failed     int          `json:"failed"`
	Candidates []Reconciled `json:"missing_candidates"` // the first of them
}

// run checks every matter that the stream must still hold.
func (r *reconciliation) run(ctx context.Context, c *config.Config, each func(Reconciled)) error {
	db, err := clickhouse.Open(ctx, c.Store())
	if err != nil {
		return err
	}
	defer db.Close()
	stream, err := nats.Open(ctx, c.NATS.Publisher())
	if err != nil {
		return err
	}
	defer stream.Close()
	to := NewReconciler(c, db, stream)
	to.dry = r.DryRun
	remembered := c.NATS.Remembered(time.Now())
	r.Held, err = to.Look(ctx, remembered, time.Time{}, remembered, func(one Reconciled) {
		r.Missing++
		switch {
		case one.Err != nil:
			r.Failed++
		case !r.DryRun:
			r.Published++
		}
		each(one)
		if len(r.Candidates) < shownProblems {
			r.Candidates = append(r.Candidates, one)
		}
	})
	return err
}
