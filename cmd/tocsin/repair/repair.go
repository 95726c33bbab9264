// Package repair implements tocsin repair, which restores lost rows from the records
// that Kafka still holds.
package repair

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"tocsin/cmd/tocsin/audit/original"
	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/rules/diag"
	"tocsin/sinks/clickhouse"
)

// Command is tocsin repair.
var Command = &cli.Command{
	Name: "repair", Summary: "restore rows that were lost, from the records that Kafka still holds",
	Description: `Follows the hash chain of every partition, as tocsin audit does, and restores the rows
that are missing from it: the records are read from Kafka and judged by the rules of
that day. A row is stored only if the chain then closes, which proves that record and
judgement are those that were lost. No row is altered. Restored rows have the column
repaired. tocsin reconcile then publishes alerts that are missing. Exit code 1 means
that some rows could not be restored.`,
	Example: "tocsin repair --dry-run --config tocsin.yaml",
	Define: func(flags *flag.FlagSet) cli.Action {
		path := config.Flag(flags)
		topic := flags.String("topic", "", "repair this `topic` only")
		digest := flags.String("rules", "", "judge by the rules with this `digest` of packs, where the rows beside the hole do not name those of that day")
		dry := flags.Bool("dry-run", false, "print what would be restored, and store nothing")
		return func(ctx context.Context, call *cli.Call) error {
			c, err := config.Read(*path, os.LookupEnv)
			if err != nil {
				return err
			}
			r := &repair{config: &c, topic: *topic, digest: *digest, dry: *dry, stdout: call.Stdout}
			return r.run(ctx)
		}
	},
}

// repair is one run of the command.
type repair struct {
	config  *config.Config
	topic   string // empty: all
	digest  string // of rules; empty: those of the rows beside a hole
	dry     bool
	stdout  io.Writer
	db      *clickhouse.Sink
	kafka   *original.Broker
	anchors map[clickhouse.Part]*original.Anchor

	holes, restored, failed int
}

func (r *repair) run(ctx context.Context) (err error) {
	if r.db, err = clickhouse.Open(ctx, r.config.Store()); err != nil {
		return err
	}
	defer r.db.Close()
	if r.kafka, err = original.Open(ctx, &r.config.Kafka); err != nil {
		return err
	}
	defer r.kafka.Close()
	// The commits are read before the rows, so every row that they promise is stored
	// by then.
	if r.anchors, err = original.Anchors(ctx, r.config); err != nil {
		return err
	}
	parts, err := r.parts(ctx)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if a := r.anchors[p]; a == nil || a.Foreign {
			r.failed++
			fmt.Fprintf(r.stdout, "%s/%d: not repaired: the group's commit carries no mark of Tocsin, so it is not known which rows should be there; see tocsin audit\n", p.Topic, p.Partition)
			continue
		}
		holes, err := r.find(ctx, p)
		if err != nil {
			return err
		}
		for _, s := range holes {
			r.holes++
			n, err := r.restore(ctx, p, s)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				r.failed++
				fmt.Fprintf(r.stdout, "%s/%d offsets %d-%d: not restored: %v\n", p.Topic, p.Partition, s.First, s.Last, err)
				continue
			}
			r.restored += n
			fmt.Fprintf(r.stdout, "%s/%d offsets %d-%d: %s %s\n", p.Topic, p.Partition, s.First, s.Last, diag.Plural(n, "row"), map[bool]string{true: "can be restored", false: "restored"}[r.dry])
		}
	}
	fmt.Fprintf(r.stdout, "%s, %s %s, %d not restored\n", diag.Plural(r.holes, "hole"), diag.Plural(r.restored, "row"), map[bool]string{true: "to restore", false: "restored"}[r.dry], r.failed)
	if r.restored > 0 && !r.dry {
		fmt.Fprintln(r.stdout, "tocsin audit --rejudge proves them; tocsin reconcile publishes their missing alerts")
	}
	if r.failed > 0 {
		return cli.ErrFailed
	}
	return nil
}

// parts returns the logs that Kafka holds and that have rows or a commit.
func (r *repair) parts(ctx context.Context) (all []clickhouse.Part, err error) {
	seen := make(map[clickhouse.Part]bool)
	add := func(p clickhouse.Part) {
		if _, held := r.kafka.Log(p.Topic, p.TopicID, p.Partition); held && !seen[p] && (r.topic == "" || r.topic == p.Topic) {
			seen[p] = true
			all = append(all, p)
		}
	}
	extents, err := r.db.Extents(ctx, r.config.Kafka.Cluster, r.topic, noTime, noTime)
	if err != nil {
		return nil, err
	}
	for _, e := range extents {
		add(e.Part)
	}
	for p := range r.anchors {
		add(p)
	}
	return all, nil
}

// find follows the chain of a log and returns the ranges of offsets whose rows are
// missing. It looks no further than the group's commit: later records are in flight.
func (r *repair) find(ctx context.Context, p clickhouse.Part) (holes []trail.Span, err error) {
	anchor := r.anchors[p]
	var other error
	chain := trail.NewChain(trail.Seed(p.TopicID, p.Partition), nil, &anchor.Anchor, func(kind string, first, last int64, message string) {
		if kind == trail.Missing {
			holes = append(holes, trail.Span{First: first, Last: last})
		} else if other == nil {
			other = fmt.Errorf("%s/%d offset %d: %s: %s", p.Topic, p.Partition, first, kind, message)
		}
	})
	for l, err := range r.db.Links(ctx, p, 0, anchor.Offset-1) {
		if err != nil {
			return nil, err
		}
		chain.Add(l)
	}
	chain.End()
	if len(holes) > 0 && other != nil {
		fmt.Fprintf(r.stdout, "beside missing rows, there is more that tocsin audit reports: %v\n", other)
	}
	// Where the first row does not begin the chain, the rows before it are missing.
	for i, s := range holes {
		at, ok, err := r.db.Next(ctx, p, s.First)
		if err != nil {
			return nil, err
		}
		if ok && at == s.First && at > 0 {
			holes[i] = trail.Span{First: 0, Last: at - 1}
		}
	}
	return holes, nil
}
