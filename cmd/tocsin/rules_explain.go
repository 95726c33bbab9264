package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/rules"
	"tocsin/rules/event"
)

const explainUsage = `usage: tocsin rules explain [PACK] --event FILE [--rule ID] [flags]

Says of each rule for an event's type whether it fired, why, how far the values
are from their limits, and what the least change would be that had turned it
round. FILE holds one event, a CloudEvent in JSON; - is standard input; --line
takes one out of a file of JSON lines. A stored event is named by where it stood
in Kafka, as TOPIC/PARTITION/OFFSET, and needs the worker's configuration; it is
judged by the rules of its day, unless a pack is named.

  tocsin rules explain --event contract.json
  tocsin rules explain my-rules --event events.jsonl --line 12 --rule CON-01
  tocsin rules explain --event ledger/3/1048576 --config tocsin.yaml

`

// explainFlags are the flags of tocsin rules explain.
type explainFlags struct {
	pack, calendar, event, rule, config string
	line                                int
	observed                            time.Time
	asJSON                              bool
}

func parseExplain(args []string, stderr io.Writer) (*explainFlags, error) {
	f := &explainFlags{}
	flags := flag.NewFlagSet("tocsin rules explain", flag.ContinueOnError)
	flags.StringVar(&f.event, "event", "", "`FILE` of one event, or TOPIC/PARTITION/OFFSET of a stored one")
	flags.IntVar(&f.line, "line", 0, "which `LINE` of a file of JSON lines, from 1")
	flags.StringVar(&f.rule, "rule", "", "this rule alone: `ID`")
	flags.StringVar(&f.config, "config", "", "the worker's configuration `FILE`, for a stored event")
	flags.StringVar(&f.calendar, "calendar", "", "`directory` of calendar overrides, for a pack that has none of its own")
	flags.BoolVar(&f.asJSON, "json", false, "print a JSON line for each rule")
	observed := flags.String("observed", "", "`INSTANT` at which the event is seen; without it, when it happened, or when Kafka had it")
	named, err := arguments(flags, explainUsage, args, stderr)
	if err != nil {
		return nil, err
	}
	if len(named) > 1 {
		return nil, errors.New("name one pack, and the event with --event")
	}
	f.pack = strings.Join(named, "")
	if f.event == "" {
		return nil, errors.New("name the event: --event FILE; tocsin rules explain -h shows examples")
	}
	f.observed, err = parseObserved(*observed)
	return f, err
}

// runExplain is tocsin rules explain.
func runExplain(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	const command = "tocsin rules explain"
	f, err := parseExplain(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, command+":", err)
		return exitUsage
	}
	subject, err := f.find(ctx, stdin)
	if err != nil {
		printPackError(command, err, stderr)
		return exitFailed
	}
	out := bufio.NewWriter(stdout)
	if err := errors.Join(f.explain(subject, out), out.Flush()); err != nil {
		fmt.Fprintln(stderr, command+":", err)
		return exitFailed
	}
	return exitOK
}

// subject is an event to be explained, and the rules to explain it by.
type subject struct {
	event    *event.Event
	observed time.Time
	engine   *rules.Engine
}

// find gets the event from a file, or from ClickHouse.
func (f *explainFlags) find(ctx context.Context, stdin io.Reader) (*subject, error) {
	if at, ok := storedPlace(f.event); ok {
		return f.stored(ctx, at)
	}
	value, err := f.read(stdin)
	if err != nil {
		return nil, err
	}
	s := &subject{event: event.New(event.Types()[0])}
	if failure := event.NewDecoder(event.Limits{MaxBytes: maxLoadRecord}).Decode(s.event, value, nil); failure != nil {
		return nil, fmt.Errorf("the event in %s is refused: %s %s", f.event, failure.Field, failure.Detail)
	}
	if s.observed, err = seenAt(s.event, f.observed); err != nil {
		return nil, err
	}
	pack := f.pack
	if pack == "" {
		pack = defaultPack
	}
	_, s.engine, err = openRules(pack, f.calendar)
	return s, err
}

// read returns the bytes of one event.
func (f *explainFlags) read(stdin io.Reader) ([]byte, error) {
	in := stdin
	if f.event != "-" {
		file, err := os.Open(f.event)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	if f.line == 0 {
		text, err := io.ReadAll(io.LimitReader(in, maxLoadRecord+1))
		if err != nil {
			return nil, fmt.Errorf("read the event: %w", err)
		}
		if n := strings.Count(strings.TrimSpace(string(text)), "\n{"); n > 0 && !json.Valid(text) {
			return nil, fmt.Errorf("%s holds %d events: name one with --line", f.event, n+1)
		}
		return text, nil
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLoadRecord+2)
	for at := 1; lines.Scan(); at++ {
		if at == f.line {
			return lines.Bytes(), nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the event: %w", err)
	}
	return nil, fmt.Errorf("%s has no line %d", f.event, f.line)
}

// explain prints the reasoning of each rule for the event's type.
func (f *explainFlags) explain(s *subject, out *bufio.Writer) error {
	explained := 0
	for _, r := range s.engine.Rules() {
		if f.rule != "" && r.ID != f.rule {
			continue
		}
		a, ok := s.engine.Explain(r.ID, s.event, s.observed)
		if !ok {
			continue
		}
		explained++
		if err := f.write(s, &a, out); err != nil {
			return err
		}
	}
	switch {
	case explained > 0:
		return nil
	case f.rule != "":
		return fmt.Errorf("the pack has no rule %s for events of type %s", f.rule, s.event.Type().Name)
	}
	return fmt.Errorf("the pack has no rule for events of type %s", s.event.Type().Name)
}

func (f *explainFlags) write(s *subject, a *rules.Account, out *bufio.Writer) error {
	if f.asJSON {
		line := candidateOf(s.event, &a.Verdict)
		line.Profile, line.TriggerTime, line.TriggerField = a.Profile, a.Trigger.Format(time.RFC3339Nano), a.TriggerField
		line.Explanation.Sentence, line.Explanation.Change, line.Explanation.Steps = a.Sentence, a.Change, a.Explanation
		return writeLine(out, line)
	}
	r := a.Verdict.Rule
	fmt.Fprintf(out, "%s revision %d, item %s: %s\n", r.ID, r.Revision, r.Item, r.Title)
	fmt.Fprintf(out, "  %s\n", a.Sentence)
	if f := a.Verdict.Finding; f != nil {
		fmt.Fprintf(out, "  severity %s, due %s, matter %s\n", f.Severity, dueText(f), oneLine(f.Key))
	}
	profile := a.Profile
	if profile == "" {
		profile = "none"
	}
	fmt.Fprintf(out, "  trigger %s from %s, seen %s, materiality profile %s\n\n", a.Trigger.Format(time.RFC3339), a.TriggerField, s.observed.Format(time.RFC3339), profile)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "    PART\tVALUE\tLIMIT\tDISTANCE")
	for _, step := range a.Explanation {
		fmt.Fprintf(table, "    %s\t%s\t%s\t%s\n", oneLine(step.Text), oneLine(step.Value), orDash(step.Limit), orDash(step.Distance))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(a.Change) > 0 {
		fmt.Fprintln(table, "\n    CHANGE\tFROM\tTO\tBY")
	}
	for _, c := range a.Change {
		fmt.Fprintf(table, "    %s\t%s\t%s\t%s\n", c.Text, oneLine(c.From), oneLine(c.To), orDash(c.By))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return out.WriteByte('\n')
}
