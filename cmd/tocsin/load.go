package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"tocsin/cmd/tocsin/adsgl"
)

const loadUsage = `usage: tocsin load --format ads-gl|cloudevents FILE (--topic TOPIC | --out PATH) [flags]

Reads a file and produces one event for each journal (ads-gl: general ledger
detail in the layout of the AICPA Audit Data Standard) or each line
(cloudevents: JSON lines). FILE may be gzip; - is standard input.

  tocsin load --format ads-gl gl_detail.csv --topic ledger --brokers kafka:9092
  tocsin load --format ads-gl gl_detail.csv.gz --out -
  tocsin load --format cloudevents events.jsonl --topic ledger --config tocsin.yaml

--config takes the brokers, and TLS and SASL, from the section kafka of a worker's
configuration; --brokers connects without either.

The file is read to its end before anything is produced: a line that cannot be
read fails the load, and then nothing was sent; --skip-bad leaves such lines
out. Ids come from the journals, so a file loaded twice gives the same events.

`

// loadFlags are the flags of tocsin load.
type loadFlags struct {
	format, file, topic, out  string
	brokers, config           string
	decimal, timezone, manual string
	skipBad, asJSON           bool
	ads                       adsgl.Options
}

// runLoad is the command tocsin load.
func runLoad(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	f, err := parseLoad(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, "tocsin load:", err)
		return exitUsage
	}
	if err := f.load(ctx, stdin, stdout, stderr); err != nil {
		printError(stderr, "load", err)
		return exitFailed
	}
	return exitOK
}

func parseLoad(args []string, stderr io.Writer) (*loadFlags, error) {
	f := &loadFlags{}
	flags := flag.NewFlagSet("tocsin load", flag.ContinueOnError)
	flags.StringVar(&f.format, "format", "", "`FORMAT` of the file: ads-gl or cloudevents")
	flags.StringVar(&f.topic, "topic", "", "Kafka `TOPIC` to produce to")
	flags.StringVar(&f.brokers, "brokers", "", "brokers, as `HOST:PORT[,HOST:PORT]`; default: $TOCSIN_KAFKA")
	flags.StringVar(&f.config, "config", "", "configuration `FILE`, whose section kafka says how to reach the brokers")
	flags.StringVar(&f.out, "out", "", "write the events as JSON lines to `PATH` instead; - is standard output")
	flags.BoolVar(&f.skipBad, "skip-bad", false, "leave out lines that cannot be read")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON on standard output (on standard error with --out -)")
	f.ledgerFlags(flags)
	files, err := arguments(flags, loadUsage, args, stderr)
	if err != nil {
		return nil, err
	}
	return f, f.check(files)
}

func (f *loadFlags) check(files []string) error {
	switch {
	case f.format != "ads-gl" && f.format != "cloudevents":
		return errors.New("--format is ads-gl or cloudevents; tocsin load -h shows examples")
	case len(files) != 1:
		return fmt.Errorf("one file to load is wanted, %d are named; - is standard input", len(files))
	case (f.topic == "") == (f.out == ""):
		return errors.New("say where to: either --topic TOPIC or --out PATH")
	case f.config != "" && f.topic == "":
		return errors.New("--config is for --topic: it says how to reach Kafka")
	case f.config != "" && f.brokers != "":
		return errors.New("--config says where the brokers are: leave --brokers out")
	}
	if f.config == "" && f.brokers == "" {
		f.brokers = os.Getenv("TOCSIN_KAFKA")
	}
	if f.topic != "" && f.config == "" && f.brokers == "" {
		return errors.New("--topic needs --brokers HOST:PORT (or $TOCSIN_KAFKA), or --config FILE")
	}
	f.file = files[0]
	return f.checkLedger()
}

// loader is a format: it reads the source and gives each record to take. Check
// reads all there is; send reads again and gives what check accepted.
type loader interface {
	check(ctx context.Context, src *loadSource) (loadReport, error)
	send(ctx context.Context, src *loadSource, take func(key string, value []byte) error) error
}

// loadReport is what a load says at its end.
type loadReport interface {
	Write(w io.Writer) error
	refused() int
}

// load reads the file, decides, and sends.
func (f *loadFlags) load(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	kafka, err := f.kafka()
	if err != nil {
		return err
	}
	shown := newLoadProgress(stderr)
	src, err := openLoadSource(f.file, stdin, shown)
	if err != nil {
		return err
	}
	defer src.close()
	var l loader = &eventLoader{}
	if f.format == "ads-gl" {
		l = &ledgerLoader{opt: f.ads}
	}
	report, err := l.check(ctx, src)
	shown.clear()
	if err != nil {
		return err
	}
	if n := report.refused(); n > 0 && !f.skipBad {
		err := f.print(report, stdout, stderr)
		return errors.Join(err, fmt.Errorf("%d lines could not be read, nothing was produced: mend them, or leave them out with --skip-bad", n))
	}
	target, err := f.target(ctx, kafka, src, stdout)
	if err != nil {
		return err
	}
	sent := 0
	err = l.send(ctx, src, func(key string, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		sent++
		shown.records(sent)
		return target.put(ctx, key, value)
	})
	shown.clear()
	if err := errors.Join(err, target.close(ctx)); err != nil {
		return fmt.Errorf("stopped after %d records were handed over; loading the file again gives the same ids: %w", sent, err)
	}
	return f.print(report, stdout, stderr)
}

// kafka says how to reach Kafka.
func (f *loadFlags) kafka() (*kafkaConfig, error) {
	if f.config == "" {
		return &kafkaConfig{Brokers: split([]string{f.brokers})}, nil
	}
	c, err := loadConfig(f.config, os.LookupEnv)
	return &c.Kafka, err
}

// print writes the report where the flags say.
func (f *loadFlags) print(report loadReport, stdout, stderr io.Writer) error {
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
