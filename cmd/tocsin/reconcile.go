package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

func runReconcile(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin reconcile", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "tocsin.yaml", "configuration `file`")
	dry := flags.Bool("dry-run", false, "say what would be published and publish nothing")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "tocsin reconcile: takes no arguments, only flags: %q\n", flags.Arg(0))
		return exitUsage
	}
	c, ok := readConfig("reconcile", *path, stderr)
	if !ok {
		return exitFailed
	}
	r := &reconciliation{DryRun: *dry, Candidates: []reconciled{}}
	err := r.run(ctx, &c, func(one reconciled) {
		if !*asJSON {
			fmt.Fprintln(stdout, one)
		}
	})
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		err = errors.Join(err, enc.Encode(r))
	} else {
		fmt.Fprintf(stdout, "%d candidates, %d missing from the stream, %d published, %d failed\n", r.Held, r.Missing, r.Published, r.Failed)
	}
	switch {
	case err != nil:
		printError(stderr, "reconcile", err)
		return exitFailed
	case r.Failed > 0:
		return exitProblems
	}
	return exitOK
}

// reconciliation is the command's result. Its JSON is API.
type reconciliation struct {
	DryRun     bool         `json:"dry_run"`
	Held       int          `json:"candidates"` // in ClickHouse, and young enough that the stream must hold them
	Missing    int          `json:"missing"`
	Published  int          `json:"published"`
	Failed     int          `json:"failed"`
	Candidates []reconciled `json:"missing_candidates"` // the first of them
}

// run looks at every matter that the stream must still hold.
func (r *reconciliation) run(ctx context.Context, c *config, each func(reconciled)) error {
	db, err := clickhouse.Open(ctx, c.sink())
	if err != nil {
		return err
	}
	defer db.Close()
	stream, err := nats.Open(ctx, c.NATS.sink())
	if err != nil {
		return err
	}
	defer stream.Close()
	to := &reconciler{cluster: c.Kafka.Cluster, db: db, stream: stream, past: newPast(c, db), dry: r.DryRun}
	remembered := c.NATS.remembered(now())
	r.Held, err = to.look(ctx, remembered, time.Time{}, remembered, func(one reconciled) {
		r.Missing++
		switch {
		case one.err != nil:
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

// reconciled is one candidate that the stream lacked.
type reconciled struct {
	ID        string `json:"candidate_id"`
	Rule      string `json:"rule"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Says      string `json:"says"`
	err       error  // why it could not be published
}

// String is the candidate in a line.
func (r reconciled) String() string {
	return fmt.Sprintf("%s  rule %s, %s/%d offset %d: %s", r.ID, r.Rule, r.Topic, r.Partition, r.Offset, r.Says)
}
