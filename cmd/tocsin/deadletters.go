package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/sinks/clickhouse"
)

const deadLettersUsage = `tocsin deadletters: records that are no events, and what is done about them

  tocsin deadletters list [FILTER]                   those that wait for somebody; no values of records
  tocsin deadletters show PLACE [--raw]              everything about one, and what became of it
  tocsin deadletters replay PLACE... [--reason TEXT] produce each again, as it was, to its partition
  tocsin deadletters replay PLACE --file FILE        produce mended bytes in its stead; - is standard input
  tocsin deadletters discard PLACE... --reason TEXT  set each aside, for good

PLACE is topic/partition/offset. In place of places, replay and discard take a
FILTER, and then --yes: --topic, --partition, --stage, --code, --from, --to.

  tocsin deadletters list --code too_large --json
  tocsin deadletters show ledger.events/1/7 --raw | jq . > mended.json
  tocsin deadletters replay ledger.events/1/7 --file mended.json
  tocsin deadletters replay --topic ledger.events --code too_large --yes
  tocsin deadletters discard ledger.events/1/9 --reason "a test of the vendor, ticket 4711"

The row of a dead letter stays as it is. A replay is a record of its own, with
an offset, a row and verdicts. Exit code 0: done; 1: refused or failed, and
what was done before that is printed; 2: called wrongly.

`

// letters is a call of tocsin deadletters.
type letters struct {
	verb           string
	config         string
	places         []clickhouse.Place
	filter         clickhouse.LetterFilter
	filtered       bool // a flag of the filter is given
	all, asJSON    bool
	raw            bool
	yes, again     bool
	file           string
	reason, actor  string
	stdin          io.Reader
	stdout, stderr io.Writer

	cluster string
	topics  []string // those that the configuration has read
}

// runDeadLetters is the command tocsin deadletters.
func runDeadLetters(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	l, err := parseLetters(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "tocsin deadletters: %v\n", err)
		return exitUsage
	}
	l.stdin, l.stdout, l.stderr = stdin, stdout, stderr
	c, ok := readConfig("deadletters", l.config, stderr)
	if !ok {
		return exitFailed
	}
	l.cluster, l.topics = c.Kafka.Cluster, c.Kafka.Topics
	var usage usageError
	switch err := l.do(ctx, &c); {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "tocsin deadletters: %v\n", err)
		return exitUsage
	case err != nil:
		printError(stderr, "deadletters", err)
		return exitFailed
	}
	return exitOK
}

func (l *letters) do(ctx context.Context, c *config) (err error) {
	sink, err := clickhouse.Open(ctx, c.sink())
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

// parseLetters reads the command line, in which flags may stand behind places.
func parseLetters(args []string, stderr io.Writer) (*letters, error) {
	l := &letters{}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		l.verb, args = args[0], args[1:]
	}
	flags := flag.NewFlagSet("tocsin deadletters "+l.verb, flag.ContinueOnError)
	flags.SetOutput(io.Discard) // runDeadLetters prints the error, once
	flags.StringVar(&l.config, "config", "tocsin.yaml", "configuration `file`")
	var partition, limit int
	var from, to string
	if l.verb != "show" {
		flags.StringVar(&l.filter.Topic, "topic", "", "dead letters of this `topic`")
		flags.IntVar(&partition, "partition", -1, "of this `partition` of the topic")
		flags.StringVar(&l.filter.Stage, "stage", "", "with this failure `stage`: envelope, decode, schema or store")
		flags.StringVar(&l.filter.Code, "code", "", "with this failure `code`, such as too_large")
		flags.StringVar(&from, "from", "", "with a Kafka timestamp at this `time` or later: RFC 3339, or a date, in UTC")
		flags.StringVar(&to, "to", "", "with a Kafka timestamp before this `time`")
		flags.IntVar(&limit, "limit", 0, "at most this `many`; 0 is no limit")
	}
	switch l.verb {
	case "list":
		flags.BoolVar(&l.all, "all", false, "also those that were replayed or discarded")
	case "show":
		flags.BoolVar(&l.raw, "raw", false, "write the value of the record to standard output, byte for byte, and nothing else")
	case "replay", "discard":
		flags.BoolVar(&l.yes, "yes", false, "do it to all that the filter chooses")
		flags.StringVar(&l.reason, "reason", "", "why, in a `text` that is kept; no values of records")
		flags.StringVar(&l.actor, "actor", "", "who does it, a `name` that is kept; default: the user of the operating system")
	}
	if l.verb == "replay" {
		flags.BoolVar(&l.again, "again", false, "also what was replayed or discarded before")
		flags.StringVar(&l.file, "file", "", "produce the bytes of this `file` in place of those that are stored; - is standard input")
	}
	flags.BoolVar(&l.asJSON, "json", false, "print JSON, an object a line")
	var places []string
	for rest := args; ; {
		if err := flags.Parse(rest); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				flags.SetOutput(stderr)
				fmt.Fprint(stderr, deadLettersUsage)
				flags.PrintDefaults()
			}
			return nil, err
		}
		if flags.NArg() == 0 {
			break
		}
		places, rest = append(places, flags.Arg(0)), flags.Args()[1:]
	}
	flags.Visit(func(f *flag.Flag) {
		l.filtered = l.filtered || slices.Contains([]string{"topic", "partition", "stage", "code", "from", "to"}, f.Name)
		if f.Name == "partition" {
			n := int32(min(partition, math.MaxInt32))
			l.filter.Partition = &n
		}
	})
	l.filter.Limit = limit
	for _, bound := range []struct {
		name, text string
		to         *time.Time
	}{{"from", from, &l.filter.From}, {"to", to, &l.filter.To}} {
		if bound.text == "" {
			continue
		}
		t, err := parseBound(bound.text)
		if err != nil {
			return nil, fmt.Errorf("--%s %s: %w", bound.name, bound.text, err)
		}
		*bound.to = t
	}
	for _, text := range places {
		p, err := parsePlace(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(l.places, p) {
			l.places = append(l.places, p)
		}
	}
	return l, l.check()
}

// check refuses what does not go together.
func (l *letters) check() error {
	stages := []string{"", "envelope", "decode", "schema", "store"}
	switch {
	case !slices.Contains([]string{"list", "show", "replay", "discard"}, l.verb):
		return errors.New("say list, show, replay or discard; tocsin deadletters -h explains")
	case !slices.Contains(stages, l.filter.Stage):
		return fmt.Errorf("--stage is one of %s", strings.Join(stages[1:], ", "))
	case l.filter.Partition != nil && l.filter.Topic == "":
		return errors.New("--partition needs --topic")
	case l.filter.Partition != nil && *l.filter.Partition < 0:
		return errors.New("--partition is a number from 0 on")
	case l.filter.Limit < 0:
		return errors.New("--limit is a number from 0 on; 0 is no limit")
	case l.verb == "list" && len(l.places) > 0:
		return errors.New("list takes a filter and no places; show takes a place")
	case l.verb == "show" && len(l.places) != 1:
		return errors.New("show takes one place: topic/partition/offset")
	case l.raw && l.asJSON:
		return errors.New("--raw writes the value alone: say --raw or --json")
	case l.verb == "list" || l.verb == "show":
		return nil
	case len(l.places) > 0 && l.filtered:
		return errors.New("name places or give a filter, not both")
	case len(l.places) == 0 && !l.filtered:
		return errors.New("name places, topic/partition/offset, or give a filter: --topic, --stage, --code, --from, --to")
	case l.again && l.filtered:
		return errors.New("a filter chooses open dead letters only: --again wants places")
	case l.file != "" && len(l.places) != 1:
		return errors.New("--file mends one record: name one place")
	case l.verb == "discard" && strings.TrimSpace(l.reason) == "":
		return errors.New("--reason says why, for whoever asks later: it is required")
	}
	return l.known()
}

// known has the call say who makes it.
func (l *letters) known() error {
	if l.actor != "" {
		return nil
	}
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return errors.New("the operating system does not know who you are: say it with --actor NAME")
	}
	l.actor = u.Username
	return nil
}

// parsePlace reads topic/partition/offset.
func parsePlace(text string) (p clickhouse.Place, err error) {
	parts := strings.Split(text, "/")
	if len(parts) == 3 && parts[0] != "" {
		partition, err1 := strconv.ParseInt(parts[1], 10, 32)
		offset, err2 := strconv.ParseInt(parts[2], 10, 64)
		if err1 == nil && err2 == nil && partition >= 0 && offset >= 0 {
			return clickhouse.Place{Topic: parts[0], Partition: int32(partition), Offset: offset}, nil
		}
	}
	return p, fmt.Errorf("%q is no place: want topic/partition/offset, such as ledger.events/1/7", text)
}

func parseBound(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("want an instant such as 2026-11-23T18:30:00-05:00, or a date")
}
