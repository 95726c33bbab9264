// Package load implements tocsin load, which turns a general ledger or a file of
// events into records.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/rules/diag"
)

// Command is tocsin load.
var Command = &cli.Command{
	Name: "load", Summary: "turn a general ledger or a file of events into records",
	Usage: "--format ads-gl|cloudevents FILE (--topic TOPIC | --out PATH | --inspect) [flags]",
	Description: `Reads a file and produces one event for each journal (ads-gl: general ledger
detail in the layout of the AICPA Audit Data Standard) or each line
(cloudevents: JSON lines). FILE may be gzip; - is standard input.

--inspect prints what each column is taken for, the first journals, the totals and
what the file does not decide, and produces nothing. --columns reads other layouts:
SAP, Oracle and QuickBooks ship.

--config takes the brokers, TLS and SASL from the section kafka of a worker's
configuration. --brokers connects without TLS and SASL.

The load reads the file to its end before it produces anything. If a line cannot be
read, the load fails and sends nothing; --skip-bad leaves such lines out. Ids come
from the journals, so a file loaded twice gives the same events.`,
	Example: `tocsin load --inspect gl_detail.csv
tocsin load --format ads-gl gl_detail.csv --topic ledger --brokers kafka:9092
tocsin load --format ads-gl gl_detail.csv.gz --out -
tocsin load --format cloudevents events.jsonl --topic ledger --config tocsin.yaml`,
	Args: cli.Args{Min: 1, Max: 1, What: "one file, or - for standard input"},
	Define: func(flags *flag.FlagSet) cli.Action {
		f := define(flags)
		return func(ctx context.Context, call *cli.Call) error {
			if err := f.check(call.Args[0]); err != nil {
				return cli.Misused(err)
			}
			if f.inspect {
				return f.inspected(ctx, call.Stdin, call.Stdout, call.Stderr)
			}
			return f.load(ctx, call.Stdin, call.Stdout, call.Stderr)
		}
	},
}

// call holds the flags of tocsin load.
type call struct {
	Input
	topic, out      string
	brokers, config string
	skipBad, asJSON bool
	inspect         bool
}

func define(flags *flag.FlagSet) *call {
	f := &call{}
	flags.StringVar(&f.Format, "format", "", "`FORMAT` of the file: ads-gl or cloudevents")
	flags.StringVar(&f.topic, "topic", "", "Kafka `TOPIC` to produce to")
	flags.StringVar(&f.brokers, "brokers", "", "brokers, as `HOST:PORT[,HOST:PORT]`; default: $TOCSIN_KAFKA")
	flags.StringVar(&f.config, "config", "", "configuration `FILE` whose section kafka connects to the brokers")
	flags.StringVar(&f.out, "out", "", "write the events as JSON lines to `PATH` instead; - is standard output")
	flags.BoolVar(&f.skipBad, "skip-bad", false, "leave out lines that cannot be read")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON on standard output (on standard error with --out -)")
	flags.BoolVar(&f.inspect, "inspect", false, "print how the file is read, and produce nothing")
	f.LedgerFlags(flags)
	return f
}

func (f *call) check(file string) error {
	switch {
	case f.inspect && (f.topic != "" || f.out != "" || f.config != "" || f.brokers != ""):
		return errors.New("--inspect produces nothing: omit --topic, --out, --brokers and --config")
	case f.inspect && f.Format == "":
		f.Format = "ads-gl"
	case f.inspect && f.Format == "cloudevents":
		return errors.New("--inspect is for a ledger: --format ads-gl")
	}
	if err := cli.Word("--format", f.Format, "ads-gl", "cloudevents"); err != nil {
		return err
	}
	switch {
	case f.inspect:
		f.File = file
		return f.CheckLedger()
	case (f.topic == "") == (f.out == ""):
		return errors.New("name the destination: either --topic TOPIC or --out PATH")
	case f.config != "" && f.topic == "":
		return errors.New("--config is for --topic: it configures the connection to Kafka")
	case f.config != "" && f.brokers != "":
		return errors.New("--config names the brokers: omit --brokers")
	}
	if f.config == "" && f.brokers == "" {
		f.brokers = os.Getenv("TOCSIN_KAFKA")
	}
	if f.topic != "" && f.config == "" && f.brokers == "" {
		return errors.New("--topic needs --brokers HOST:PORT (or $TOCSIN_KAFKA), or --config FILE")
	}
	if f.topic != "" && f.config == "" {
		if _, err := config.PlainKafka(f.brokers); err != nil {
			return err
		}
	}
	f.File = file
	return f.CheckLedger()
}

// load reads the whole file, checks its report, and then sends the records.
func (f *call) load(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	kafka, err := f.kafka()
	if err != nil {
		return err
	}
	if err := checkOut(f.out); err != nil {
		return err
	}
	shown := cli.NewProgress(stderr)
	src, err := openSource(f.File, stdin, shown)
	if err != nil {
		return err
	}
	defer src.close()
	l := f.loader()
	report, err := l.check(ctx, src)
	shown.Clear()
	if err != nil {
		return err
	}
	if n := report.BadLines(); n > 0 && !f.skipBad {
		err := f.print(report, stdout, stderr)
		return errors.Join(err, fmt.Errorf("%s could not be read, nothing was produced: correct the file, or leave such lines out with --skip-bad", diag.Plural(n, "line")))
	}
	if report.Records() == 0 {
		err := f.print(report, stdout, stderr)
		return errors.Join(err, errors.New("nothing could be read, and nothing was produced"))
	}
	target, err := newTarget(ctx, f.out, f.topic, kafka, src, stdout)
	if err != nil {
		return err
	}
	sent := 0
	err = l.send(ctx, src, func(key string, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		sent++
		return target.put(ctx, key, value)
	})
	shown.Clear()
	if err := errors.Join(err, target.close(ctx)); err != nil {
		return fmt.Errorf("stopped after %d records were handed over; loading the file again gives the same ids: %w", sent, err)
	}
	return f.print(report, stdout, stderr)
}

// kafka returns the settings of the connection to the brokers.
func (f *call) kafka() (*config.Kafka, error) {
	if f.config == "" {
		k, _ := config.PlainKafka(f.brokers) // check has refused wrong ones; --out needs none
		return k, nil
	}
	c, err := config.Read(f.config, os.LookupEnv)
	return &c.Kafka, err
}

// print writes the report to the stream that the flags choose.
func (f *call) print(report Report, stdout, stderr io.Writer) error {
	if !f.asJSON {
		return report.Write(stderr)
	}
	to := stdout
	if f.out == "-" {
		to = stderr
	}
	enc := json.NewEncoder(to)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}
