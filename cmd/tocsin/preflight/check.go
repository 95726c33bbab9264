// Package preflight implements tocsin check, and the same checks before and while a
// worker works. It finds conditions that lose or double a record, now or later.
package preflight

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/rules/diag"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

const (
	// checkTimeout bounds each server's part of the check.
	checkTimeout = 15 * time.Second
	// marksTimeout bounds the comparison of marks, rows and records: some queries for
	// each partition.
	marksTimeout = time.Minute
	// shownMarks is the number of partitions that are named.
	shownMarks = 10
)

// Command is tocsin check.
var Command = &cli.Command{
	Name: "check", Summary: "read configuration, rules and servers, and refuse hazards",
	Description: `Looks at everything that a worker needs, in the order in which it needs it: the
configuration, the rules, Kafka, ClickHouse, NATS. Each line is ok, warn or FAIL.
Exit code 0 means that a worker starts; warnings do not change it.`,
	Example: "tocsin check --config tocsin.yaml\ntocsin check --offline --json",
	Define: func(flags *flag.FlagSet) cli.Action {
		path := config.Flag(flags)
		asJSON := flags.Bool("json", false, "print JSON")
		offline := flags.Bool("offline", false, "check the files and no server")
		return func(ctx context.Context, call *cli.Call) error {
			return run(ctx, *path, *offline, *asJSON, call.Stdout)
		}
	},
}

// run checks and prints.
func run(ctx context.Context, path string, offline, asJSON bool, stdout io.Writer) error {
	results := check(ctx, path, offline)
	if asJSON {
		if err := cli.WriteJSON(stdout, results); err != nil {
			return err
		}
	} else {
		for _, f := range results {
			f.write(stdout)
		}
	}
	if slices.ContainsFunc(results, func(f result) bool { return f.Level == levelFailure }) {
		return cli.ErrFailed
	}
	return nil
}

// check looks at everything, in the order in which a worker needs it, and goes
// on after a failure so that all problems show at once.
func check(ctx context.Context, path string, offline bool) (all []result) {
	add := func(part, message string, err error) {
		if err != nil {
			all = append(all, failures(part, err)...)
			return
		}
		all = append(all, fine(part, "%s", message))
	}
	c, err := config.Read(path, os.LookupEnv)
	add("configuration", path, err)
	if err != nil {
		return all
	}
	p := probe{&c, time.Now}
	all = append(all, p.logins()...)
	pack, engine, err := c.Rules.Open()
	if err == nil {
		add("rules", fmt.Sprintf("pack %s, %s, digest %s, calendar %s", pack.ID, diag.Plural(len(engine.Rules()), "rule"), engine.Digest(), engine.CalendarVersion()), nil)
	} else {
		add("rules", "", err)
	}
	if offline {
		return all
	}
	bounded := func(f func(ctx context.Context) []result) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		all = append(all, f(ctx)...)
	}
	read := false // the topics and the group
	bounded(func(ctx context.Context) []result {
		topics, err := p.checkKafka(ctx)
		if read = err == nil; !read {
			return failures(partKafka, err)
		}
		return append(p.lookAtKafka(ctx), fine(partKafka, "%s", topics))
	})
	var sink *clickhouse.Sink
	bounded(func(ctx context.Context) []result {
		found := p.lookAtClickHouse(ctx)
		if sink, err = clickhouse.Open(ctx, c.Store()); err != nil {
			return append(found, failures(partClickHouse, err)...)
		}
		return append(found, fine(partClickHouse, "reachable, schema and settings are right"))
	})
	if sink != nil {
		if read {
			all = append(all, p.marks(ctx, sink)...)
		}
		if err := sink.Close(); err != nil {
			all = append(all, failures(partClickHouse, err)...)
		}
	}
	bounded(func(ctx context.Context) []result {
		stream, err := nats.Open(ctx, c.NATS.Publisher())
		if err != nil {
			return failures(partNATS, err)
		}
		defer stream.Close()
		return append(p.lookAtNATS(ctx, stream), fine(partNATS, "reachable, stream %s is right", c.NATS.Stream))
	})
	return all
}

// marks compares the group's marks with the stored rows and with Kafka's first and
// last offsets, as a worker does when it begins.
func (p probe) marks(ctx context.Context, store pipeline.Store) (all []result) {
	ctx, cancel := context.WithTimeout(ctx, marksTimeout)
	defer cancel()
	stops, err := pipeline.Foresee(ctx, *p.Loop(), store)
	for _, err := range stops[:min(len(stops), shownMarks)] {
		all = append(all, failures(partMarks, err)...)
	}
	if more := len(stops) - shownMarks; more > 0 {
		all = append(all, failures(partMarks, fmt.Errorf("a worker could not begin in %s more", diag.Plural(more, "partition")))...)
	}
	switch {
	case err != nil:
		return append(all, failures(partMarks, fmt.Errorf("the marks of group %s could not be compared with rows and records: %w", p.Kafka.Group, err))...)
	case len(stops) == 0:
		return []result{fine(partMarks, "group %s finds its way in every partition", p.Kafka.Group)}
	}
	return all
}
