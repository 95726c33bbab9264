package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// migrateCommand is tocsin migrate.
var migrateCommand = &cli.Command{
	Name: "migrate", Summary: "bring ClickHouse and the alert stream to this version",
	Description: `Creates what is missing and upgrades what is older: the tables and views of
ClickHouse, and the alert stream. A second run changes nothing.`,
	Example: "tocsin migrate --plan --config tocsin.yaml\ntocsin migrate --config tocsin.yaml",
	Define: func(flags *flag.FlagSet) cli.Action {
		path := config.Flag(flags)
		plan := flags.Bool("plan", false, "print the steps and carry out none")
		return func(ctx context.Context, call *cli.Call) error {
			c, err := config.Read(*path, os.LookupEnv)
			if err != nil {
				return err
			}
			print := func(line string) { fmt.Fprintln(call.Stdout, line) }
			if *plan {
				return planMigration(ctx, &c, print)
			}
			if err := clickhouse.Migrate(ctx, c.Store(), print); err != nil {
				return err
			}
			return nats.Migrate(ctx, c.NATS.Publisher(), print)
		}
	},
}

func planMigration(ctx context.Context, c *config.Config, print func(line string)) error {
	steps, err := clickhouse.Plan(ctx, c.Store())
	if err != nil {
		return err
	}
	for _, s := range steps {
		print(s)
	}
	if len(steps) == 0 {
		print("ClickHouse is up to date")
	}
	line, err := nats.Plan(ctx, c.NATS.Publisher())
	if line != "" {
		print(line)
	}
	return err
}
