package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"tocsin/pipeline"
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
	r := &reconciliation{config: &c, DryRun: *dry, Candidates: []reconciled{}}
	err := r.run(ctx, func(one reconciled) {
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
	if err != nil {
		printError(stderr, "reconcile", err)
		return exitFailed
	}
	if r.Failed > 0 {
		return exitFailed
	}
	return exitOK
}

// reconciliation publishes what ClickHouse holds and the alert stream lacks.
// It may run while workers do: the stream takes an alert about a matter once,
// whoever sends it.
type reconciliation struct {
	config     *config
	DryRun     bool         `json:"dry_run"`
	Held       int          `json:"candidates"` // in ClickHouse
	Missing    int          `json:"missing"`
	Published  uint64       `json:"published"`
	Failed     int          `json:"failed"`
	Candidates []reconciled `json:"missing_candidates"` // the first of them
}

// reconciled is one candidate that the stream lacked.
type reconciled struct {
	ID        string `json:"candidate_id"`
	Rule      string `json:"rule"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Says      string `json:"says"`
}

func (r reconciled) String() string {
	return fmt.Sprintf("%s  rule %s, %s/%d offset %d: %s", r.ID, r.Rule, r.Topic, r.Partition, r.Offset, r.Says)
}

func (r *reconciliation) run(ctx context.Context, each func(reconciled)) error {
	db, err := clickhouse.Open(ctx, r.config.ClickHouse.sink())
	if err != nil {
		return err
	}
	defer db.Close()
	judges, err := newPast(r.config, db)
	if err != nil {
		return err
	}
	stream, err := nats.Open(ctx, r.config.NATS.sink(judges.library.calendars))
	if err != nil {
		return err
	}
	defer stream.Close()

	var some []clickhouse.Candidate
	settle := func() error {
		missing, err := missingOf(ctx, stream, some)
		if err != nil {
			return err
		}
		some = some[:0]
		for _, m := range missing {
			r.Missing++
			one := reconciled{ID: m.ID, Rule: m.Rule, Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Says: "would be published"}
			if !r.DryRun {
				if err := republish(ctx, db, stream, judges, m); err != nil {
					if _, waits := pipeline.Waiting(err); waits || ctx.Err() != nil {
						return err
					}
					r.Failed++
					one.Says = "not published: " + err.Error()
				} else {
					one.Says = "published"
				}
			}
			each(one)
			if len(r.Candidates) < shownProblems {
				r.Candidates = append(r.Candidates, one)
			}
		}
		r.Published = stream.Stats().Published
		return nil
	}
	for c, err := range db.Matters(ctx, r.config.Kafka.Cluster) {
		if err != nil {
			return err
		}
		r.Held++
		if some = append(some, c); len(some) == auditChunk {
			if err := settle(); err != nil {
				return err
			}
		}
	}
	return settle()
}

// republish publishes a candidate as it was published first: from the first
// row that raised it, under the rules that judged it then.
func republish(ctx context.Context, db *clickhouse.Sink, stream *nats.Sink, judges *past, c clickhouse.Candidate) error {
	for l, err := range db.Links(ctx, c.Part, c.Offset, c.Offset) {
		if err != nil {
			return err
		}
		if l.Stored != l.Computed {
			return errors.New("the record was altered: see tocsin audit")
		}
	}
	for j, err := range db.Judged(ctx, c.Part, c.Offset, c.Offset) {
		if err != nil {
			return err
		}
		row, err := judges.judge(ctx, j)
		if err != nil {
			return err
		}
		for _, v := range row.Verdicts {
			if v.Candidate() && v.Finding.CandidateID == c.ID {
				return stream.Publish(ctx, []pipeline.Alert{{Topic: c.Topic, Partition: c.Partition, Offset: c.Offset, Observed: j.Timestamp,
					Digest: j.Digest, Event: row.Event, Verdict: v}})
			}
		}
	}
	return errors.New("judging the record again does not give it: see tocsin audit --rejudge")
}
