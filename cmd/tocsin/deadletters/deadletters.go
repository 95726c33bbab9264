// Package deadletters implements tocsin deadletters, which lists, shows, replays and
// discards the records that are no events.
package deadletters

import (
	"context"
	"errors"
	"flag"
	"os"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/clickhouse"
)

// Command is tocsin deadletters.
var Command = &cli.Command{
	Name: "deadletters", Summary: "list records that are no events, send them again, set them aside",
	Description: `A dead letter is a record that is no event. Its row stays as it is. A replay is a
record of its own, with an offset, a row and verdicts.

PLACE is topic/partition/offset. If a topic was deleted and created again, that may
name several records; list prints topic/ID/partition/offset, which names one. In place
of places, replay and discard take a filter and --yes: --topic, --topic-id,
--partition, --stage, --code, --from, --to.`,
	Example: `tocsin deadletters list --code too_large --json
tocsin deadletters show ledger.events/1/7 --raw | jq . > fixed.json
tocsin deadletters replay ledger.events/1/7 --file fixed.json
tocsin deadletters replay --topic ledger.events --code too_large --yes
tocsin deadletters discard ledger.events/1/9 --reason "a test of the vendor, ticket 4711"`,
	Commands: []*cli.Command{
		{
			Name: "list", Summary: "list dead letters that await action",
			Usage:       "[FILTER] [--all] [flags]",
			Description: "The list holds no values of records.",
			Example:     "tocsin deadletters list --topic ledger.events --from 2026-01-31 --json",
			Args:        cli.Args{What: "a filter and no places"},
			Define:      define("list"),
		}, {
			Name: "show", Summary: "show one record and the actions on it",
			Usage:       "PLACE [--raw] [flags]",
			Description: "PLACE is topic/partition/offset or topic/ID/partition/offset.",
			Example:     "tocsin deadletters show ledger.events/1/7\ntocsin deadletters show ledger.events/1/7 --raw | jq .",
			Args:        cli.Args{Min: 1, Max: 1, What: "one place, topic/partition/offset or topic/ID/partition/offset"},
			Define:      define("show"),
		}, {
			Name: "replay", Summary: "produce records again, unaltered or corrected, to their partitions",
			Usage: "PLACE... | FILTER --yes [--file FILE] [flags]",
			Description: `PLACE is topic/partition/offset or topic/ID/partition/offset. Produces each record
again, to its partition; --file produces other bytes in its place. A record of a topic
that was deleted and created again goes to the new topic with --again only. A failure
ends the replay. The output lists the records that were sent before it.`,
			Example: "tocsin deadletters replay ledger.events/1/7 --file fixed.json\ntocsin deadletters replay --code too_large --yes",
			Args:    cli.Args{Max: -1},
			Define:  define("replay"),
		}, {
			Name: "discard", Summary: "set records aside for good",
			Usage:       "PLACE... | FILTER --yes --reason TEXT [flags]",
			Description: "PLACE is topic/partition/offset or topic/ID/partition/offset. Notes that the records\nare set aside, with the person and the reason: all of them, or none.",
			Example:     `tocsin deadletters discard ledger.events/1/9 --reason "a test of the vendor, ticket 4711"`,
			Args:        cli.Args{Max: -1},
			Define:      define("discard"),
		},
	},
}

// define returns the function that defines the flags of a verb.
func define(verb string) func(*flag.FlagSet) cli.Action {
	return func(flags *flag.FlagSet) cli.Action {
		l, finish := defineLetters(verb, flags)
		return func(ctx context.Context, call *cli.Call) error {
			if err := finish(call.Args); err != nil {
				return cli.Misused(err)
			}
			l.stdin, l.stdout, l.stderr = call.Stdin, call.Stdout, call.Stderr
			c, err := config.Read(l.config, os.LookupEnv)
			if err != nil {
				return err
			}
			l.cluster, l.topics = c.Kafka.Cluster, c.Kafka.Topics
			return l.do(ctx, &c)
		}
	}
}

func (l *letters) do(ctx context.Context, c *config.Config) (err error) {
	sink, err := clickhouse.Open(ctx, c.Store())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sink.Close()) }()
	switch l.verb {
	case "list":
		return l.list(ctx, sink)
	case "discard":
		return l.discard(ctx, sink)
	}
	r, err := newReplayer(l, sink, &c.Kafka)
	if err != nil {
		return err
	}
	defer r.client.Close()
	if l.verb == "show" {
		return l.show(ctx, sink, r)
	}
	return r.replay(ctx)
}
