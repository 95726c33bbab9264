package main

import (
	"context"
	"flag"
	"fmt"
	"io"

	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

func runMigrate(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "tocsin.yaml", "configuration `file`")
	plan := flags.Bool("plan", false, "print what would be done and do nothing")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	c, ok := readConfig("migrate", *path, stderr)
	if !ok {
		return exitFailed
	}
	if err := migrate(ctx, &c, *plan, stdout); err != nil {
		printError(stderr, "migrate", err)
		return exitFailed
	}
	return exitOK
}

func migrate(ctx context.Context, c *config, plan bool, stdout io.Writer) error {
	say := func(line string) { fmt.Fprintln(stdout, line) }
	if plan {
		steps, err := clickhouse.Plan(ctx, c.sink())
		if err != nil {
			return err
		}
		for _, s := range steps {
			say(s)
		}
		if len(steps) == 0 {
			say("ClickHouse is up to date")
		}
		line, err := nats.Plan(ctx, c.NATS.sink())
		if line != "" {
			say(line)
		}
		return err
	}
	if err := clickhouse.Migrate(ctx, c.sink(), say); err != nil {
		return err
	}
	return nats.Migrate(ctx, c.NATS.sink(), say)
}
