package packs

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/rules"
)

// explainCommand is tocsin rules explain.
var explainCommand = &cli.Command{
	Name: "explain", Summary: "explain why a rule fired or did not, and the least change that would reverse it",
	Usage: "[PACK] --event FILE [--rule ID] [flags]",
	Description: `Reports for each rule for an event's type whether it fired, why, how far the
values are from their limits, and the least change that would have reversed it.
FILE holds one event, a CloudEvent in JSON; - is standard input; --line selects one
event of a file of JSON lines. A stored event is named by its place in Kafka,
TOPIC/PARTITION/OFFSET (or TOPIC/ID/PARTITION/OFFSET, if the topic was deleted and
created again), and needs the worker's configuration; it is judged by the rules of
its day, unless a pack is named.`,
	Example: `tocsin rules explain --event contract.json
tocsin rules explain my-rules --event events.jsonl --line 12 --rule CON-01
tocsin rules explain --event ledger/3/1048576 --config tocsin.yaml`,
	Args: anyPack,
	Define: func(flags *flag.FlagSet) cli.Action {
		f := defineExplain(flags)
		return func(ctx context.Context, call *cli.Call) (err error) {
			f.pack = strings.Join(call.Args, "")
			if f.event == "" {
				return cli.Usagef("name the event: --event FILE")
			}
			if f.observed, err = parseObserved(f.seen); err != nil {
				return cli.Misused(err)
			}
			subject, err := f.find(ctx, call.Stdin)
			if err != nil {
				return err
			}
			out := bufio.NewWriter(call.Stdout)
			return errors.Join(f.explain(subject, out), out.Flush())
		}
	},
}

// explainFlags are the flags of tocsin rules explain.
type explainFlags struct {
	subjectFlags
	seen   string // parsed into observed
	rule   string
	asJSON bool
}

func defineExplain(flags *flag.FlagSet) *explainFlags {
	f := &explainFlags{}
	flags.StringVar(&f.event, "event", "", "`FILE` of one event, or TOPIC/PARTITION/OFFSET of a stored one")
	flags.IntVar(&f.line, "line", 0, "`LINE` of a file of JSON lines, counted from 1")
	flags.StringVar(&f.rule, "rule", "", "this rule alone: `ID`")
	flags.StringVar(&f.config, "config", "", "the worker's configuration `FILE`, for a stored event")
	flags.StringVar(&f.calendar, "calendar", "", "`DIRECTORY` of calendar overrides, for a pack that has none of its own")
	flags.BoolVar(&f.asJSON, "json", false, "print a JSON line for each rule")
	flags.StringVar(&f.seen, "observed", "", "`INSTANT` at which the event is seen; default: the event's own time, or Kafka's timestamp of a stored event")
	return f
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
		if err := known(s.engine, f.rule); err != nil {
			return cli.Misused(err)
		}
		return fmt.Errorf("the rule %s does not apply to events of type %s: give another event, or omit --rule", f.rule, s.event.Type().Name)
	}
	return fmt.Errorf("the pack has no rule for events of type %s", s.event.Type().Name)
}

func (f *explainFlags) write(s *subject, a *rules.Explained, out *bufio.Writer) error {
	if f.asJSON {
		line := candidateOf(s.event, &a.Verdict)
		line.Profile, line.TriggerTime, line.TriggerField = a.Profile, triggerTime(a.Trigger), a.TriggerField
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
	trigger := "none: no time is known"
	if !a.Trigger.IsZero() {
		trigger = a.Trigger.Format(time.RFC3339) + " from " + a.TriggerField
	}
	seen := "at no time that can be"
	if at := rules.Observed(s.observed); !at.IsZero() {
		seen = at.Format(time.RFC3339)
	}
	fmt.Fprintf(out, "  trigger %s, seen %s, materiality profile %s\n\n", trigger, seen, profile)
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
