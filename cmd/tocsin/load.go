package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/tocsin/adsgl"
)

const loadUsage = `usage: tocsin load --format ads-gl|cloudevents FILE (--topic TOPIC | --out PATH) [flags]

Reads a file and produces one event for each journal (ads-gl: general ledger
detail in the layout of the AICPA Audit Data Standard) or each line
(cloudevents: JSON lines). FILE may be gzip; - is standard input.

  tocsin load --format ads-gl gl_detail.csv --topic ledger --brokers kafka:9092
  tocsin load --format ads-gl gl_detail.csv.gz --out -
  tocsin load --format cloudevents events.jsonl --topic ledger

The file is read to its end before anything is produced: a line that cannot be
read fails the load, and then nothing was sent; --skip-bad leaves such lines
out. Ids come from the journals, so a file loaded twice gives the same events.

`

// loadFlags are the flags of tocsin load.
type loadFlags struct {
	format, file, topic, out, brokers string
	decimal, timezone, manual         string
	skipBad, asJSON                   bool
	ads                               adsgl.Options
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
		fmt.Fprintln(stderr, "tocsin load:", err)
		return exitFailed
	}
	return exitOK
}

func parseLoad(args []string, stderr io.Writer) (*loadFlags, error) {
	f := &loadFlags{}
	flags := flag.NewFlagSet("tocsin load", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // runLoad prints the error, once
	flags.StringVar(&f.format, "format", "", "`FORMAT` of the file: ads-gl or cloudevents")
	flags.StringVar(&f.topic, "topic", "", "Kafka `TOPIC` to produce to")
	flags.StringVar(&f.brokers, "brokers", os.Getenv("TOCSIN_KAFKA"), "brokers, as `HOST:PORT[,HOST:PORT]`; default: $TOCSIN_KAFKA")
	flags.StringVar(&f.out, "out", "", "write the events as JSON lines to `PATH` instead; - is standard output")
	flags.BoolVar(&f.skipBad, "skip-bad", false, "leave out lines that cannot be read")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON on standard output (on standard error with --out -)")
	flags.StringVar(&f.ads.GroupCurrency, "group-currency", "USD", "ISO `CODE` of the group currency")
	flags.StringVar(&f.ads.Currency, "currency", "", "ISO `CODE` of lines that name no currency")
	flags.StringVar(&f.ads.Registrant, "registrant", "", "SEC Central Index Key (`CIK`) of the registrant")
	flags.StringVar(&f.ads.Source, "source", "ads-gl", "CloudEvents `source`: the ledger that the file was taken from")
	flags.StringVar(&f.timezone, "timezone", "UTC", "IANA `ZONE` of entry times")
	flags.StringVar(&f.decimal, "decimal", "", "decimal `MARK`, . or , (default: the point; what may be either is refused)")
	flags.StringVar((*string)(&f.ads.Credits), "credits", "auto", "what a minus sign next to an indicator means: signed (credits carry one), unsigned (the other side), auto")
	flags.StringVar(&f.manual, "manual-source", "", "journal sources that people key, as `NAME[,NAME]`; sets is_manual")
	var files []string
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				flags.SetOutput(stderr)
				fmt.Fprint(stderr, loadUsage)
				flags.PrintDefaults()
			}
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		files, rest = append(files, flags.Arg(0)), flags.Args()[1:]
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
	case f.topic != "" && f.brokers == "":
		return errors.New("--topic needs --brokers HOST:PORT (or $TOCSIN_KAFKA)")
	case f.decimal != "" && f.decimal != "." && f.decimal != ",":
		return errors.New("--decimal is . or ,")
	case !slices.Contains([]adsgl.Credits{adsgl.Guess, adsgl.Signed, adsgl.Unsigned}, f.ads.Credits):
		return errors.New("--credits is auto, signed or unsigned")
	case f.ads.Registrant != "" && (len(f.ads.Registrant) > 10 || strings.Trim(f.ads.Registrant, "0123456789") != ""):
		return errors.New("--registrant is a Central Index Key: at most ten digits")
	}
	for name, code := range map[string]string{"--group-currency": f.ads.GroupCurrency, "--currency": f.ads.Currency} {
		if code != "" && (len(code) != 3 || strings.Trim(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
			return fmt.Errorf("%s is an ISO 4217 code such as USD", name)
		}
	}
	f.file = files[0]
	if f.ads.Registrant != "" {
		f.ads.Registrant = strings.Repeat("0", 10-len(f.ads.Registrant)) + f.ads.Registrant
	}
	if f.decimal != "" {
		f.ads.Decimal = f.decimal[0]
	}
	if f.manual != "" {
		f.ads.ManualSources = strings.Split(f.manual, ",")
	}
	zone, err := time.LoadLocation(f.timezone)
	if err != nil || f.timezone == "" || f.timezone == "Local" {
		return errors.New("--timezone is an IANA zone such as America/New_York")
	}
	f.ads.Zone = zone
	return nil
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
	target, err := f.target(ctx, src, stdout)
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
