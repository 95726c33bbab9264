package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// checkTimeout bounds each server's part of the check.
const checkTimeout = 15 * time.Second

func runCheck(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin check", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "tocsin.yaml", "configuration `file`")
	asJSON := flags.Bool("json", false, "print JSON")
	offline := flags.Bool("offline", false, "check the files and no server")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	findings := check(ctx, *path, *offline)
	failed := slices.ContainsFunc(findings, func(f finding) bool { return f.Level == levelFailure })
	if *asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(findings); err != nil {
			fmt.Fprintln(stderr, "tocsin check:", err)
			return exitFailed
		}
	} else {
		for _, f := range findings {
			f.write(stdout)
		}
	}
	if failed {
		return exitFailed
	}
	return exitOK
}

// check looks at everything, in the order in which a worker needs it, and goes
// on after a failure so that all problems show at once.
func check(ctx context.Context, path string, offline bool) (all []finding) {
	add := func(part, says string, err error) {
		if err != nil {
			all = append(all, failures(part, err)...)
			return
		}
		all = append(all, fine(part, "%s", says))
	}
	c, err := loadConfig(path, os.LookupEnv)
	add("configuration", path, err)
	if err != nil {
		return all
	}
	all = append(all, c.checkLogins(now())...)
	pack, engine, err := c.Rules.openEngine()
	if err == nil {
		add("rules", fmt.Sprintf("pack %s, %d rules, digest %s, calendar %s", pack.ID, len(engine.Rules()), engine.Digest(), engine.CalendarVersion()), nil)
	} else {
		add("rules", "", err)
	}
	if offline {
		return all
	}
	bounded := func(f func(ctx context.Context) []finding) {
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		all = append(all, f(ctx)...)
	}
	bounded(func(ctx context.Context) []finding {
		says, err := c.checkKafka(ctx)
		if err != nil {
			return failures(partKafka, err)
		}
		return append(c.lookAtKafka(ctx, now), fine(partKafka, "%s", says))
	})
	bounded(func(ctx context.Context) []finding {
		found := c.lookAtClickHouse(ctx, now)
		sink, err := clickhouse.Open(ctx, c.sink())
		if err != nil {
			return append(found, failures(partClickHouse, err)...)
		}
		if err := sink.Close(); err != nil {
			return append(found, failures(partClickHouse, err)...)
		}
		return append(found, fine(partClickHouse, "reachable, schema and settings are right"))
	})
	bounded(func(ctx context.Context) []finding {
		stream, err := nats.Open(ctx, c.NATS.sink())
		if err != nil {
			return failures(partNATS, err)
		}
		defer stream.Close()
		return append(c.lookAtNATS(ctx, stream, now), fine(partNATS, "reachable, stream %s is right", c.NATS.Stream))
	})
	return all
}
