package packs

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/load"
	"tocsin/rules"
	"tocsin/rules/diag"
	"tocsin/rules/event"
)

// evalCommand is tocsin rules eval.
var evalCommand = &cli.Command{
	Name: "eval", Summary: "judge a file of events, without any server",
	Usage: "[PACK] --events FILE [flags]",
	Description: `Judges every event of a file by a pack (sox409 unless one is named) and prints
the candidates, one row a matter. It needs no server. FILE holds JSON lines, one
CloudEvent each, or general ledger detail in the layout of the AICPA Audit Data
Standard. It may be compressed by gzip; - is standard input. The flags about a
ledger are those of tocsin load.

Lines that cannot be read are listed; the rest is judged, and the exit code is 1.`,
	Example: `tocsin rules eval --events gl_detail.csv
tocsin rules eval my-rules --events events.jsonl --why
tocsin rules eval --events events.jsonl --rule CON-01,DEB-01 --json`,
	Args: anyPack,
	Define: func(flags *flag.FlagSet) cli.Action {
		f := defineEval(flags)
		return func(ctx context.Context, call *cli.Call) error {
			if err := f.check(); err != nil {
				return cli.Misused(err)
			}
			return f.eval(ctx, named(call.Args), call)
		}
	},
}

// evalFlags are the flags of tocsin rules eval.
type evalFlags struct {
	input    load.Input
	calendar *string
	only     string
	seen     string
	observed time.Time // parsed from seen
	asJSON   bool
	why      bool
}

func defineEval(flags *flag.FlagSet) *evalFlags {
	f := &evalFlags{calendar: calendarFlag(flags)}
	flags.StringVar(&f.input.File, "events", "", "`FILE` of events; - is standard input")
	flags.StringVar(&f.input.Format, "format", "auto", "`FORMAT` of the file: ads-gl, cloudevents, or auto")
	flags.StringVar(&f.only, "rule", "", "judge by these rules alone: `ID[,ID]`")
	flags.BoolVar(&f.asJSON, "json", false, "print each candidate as a JSON line, with its explanation")
	flags.BoolVar(&f.why, "why", false, "print the reason below each row, in one sentence")
	flags.StringVar(&f.seen, "observed", "", "`INSTANT` at which the events are seen; default: each event's own time")
	f.input.LedgerFlags(flags)
	return f
}

// check checks the values of the flags.
func (f *evalFlags) check() (err error) {
	if f.input.File == "" {
		return errors.New("--events is missing: name the file of events, or - for standard input")
	}
	if err := cli.Word("--format", f.input.Format, "ads-gl", "cloudevents", "auto"); err != nil {
		return err
	}
	if f.observed, err = parseObserved(f.seen); err != nil {
		return err
	}
	return f.input.CheckLedger()
}

func (f *evalFlags) eval(ctx context.Context, name string, call *cli.Call) error {
	pack, engine, err := openRules(name, *f.calendar)
	if err != nil {
		return unusable(err)
	}
	only, err := f.rules(engine)
	if err != nil {
		return cli.Misused(err)
	}
	unread, err := f.judge(ctx, pack, engine, only, call.Stdin, call.Stdout, call.Stderr)
	if err == nil && unread > 0 {
		return cli.ErrFailed
	}
	return err
}

// rules returns the ids of --rule, or nil for all rules.
func (f *evalFlags) rules(engine *rules.Engine) ([]string, error) {
	if f.only == "" {
		return nil, nil
	}
	only := strings.Split(f.only, ",")
	for _, id := range only {
		if err := known(engine, id); err != nil {
			return nil, err
		}
	}
	return only, nil
}

// judge judges the file and prints its candidates. unread is the number of lines
// that could not be read.
func (f *evalFlags) judge(ctx context.Context, pack *rules.Pack, engine *rules.Engine, only []string, stdin io.Reader, stdout, stderr io.Writer) (unread int, err error) {
	events, err := f.input.Open(ctx, stdin, stderr)
	if err != nil {
		return 0, err
	}
	defer events.Close()
	out := bufio.NewWriter(stdout)
	sheet := &candidateSheet{out: out, asJSON: f.asJSON, matters: map[string]*matter{}}
	var verdicts []rules.Verdict
	err = events.Each(ctx, func(e *event.Event) error {
		at, err := seenAt(e, f.observed)
		if err != nil {
			return err
		}
		sheet.events++
		verdicts = engine.Judge(verdicts[:0], e, at)
		for i := range verdicts {
			if only != nil && !slices.Contains(only, verdicts[i].Rule.ID) {
				continue
			}
			if err := sheet.add(e, &verdicts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && !f.asJSON {
		err = sheet.print(f.why)
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		return 0, err
	}
	fmt.Fprintf(stderr, "%s, %s judged by %s: %s in %s, %d not decided\n", pack.ID, diag.Plural(sheet.events, "event"),
		diag.Plural(len(engine.Rules()), "rule"), diag.Plural(sheet.found, "candidate"), diag.Plural(len(sheet.order), "matter"), sheet.undecided)
	if unread = events.Unread.BadLines(); unread > 0 {
		err = events.Unread.Write(stderr)
	}
	return unread, err
}

// candidateSheet collects candidates by matter. A matter is one row, however many
// events are about it, because it is one alert.
type candidateSheet struct {
	out     *bufio.Writer
	asJSON  bool
	matters map[string]*matter
	order   []*matter

	events, found, undecided int
}

// matter is a row: the first verdict about the matter, and the number of events.
type matter struct {
	verdict rules.Verdict
	first   string // the event
	events  int
}

func (s *candidateSheet) add(e *event.Event, v *rules.Verdict) error {
	if !v.Candidate() {
		return nil
	}
	s.found++
	if v.Outcome != rules.Match {
		s.undecided++
	}
	m := s.matters[v.Finding.CandidateID]
	if m == nil {
		m = &matter{verdict: *v, first: strings.Clone(eventName(e))}
		s.matters[v.Finding.CandidateID] = m
		s.order = append(s.order, m)
	}
	m.events++
	if !s.asJSON {
		return nil
	}
	return writeLine(s.out, candidateOf(e, v))
}

// print writes the table, the most urgent matters first.
func (s *candidateSheet) print(why bool) error {
	if len(s.order) == 0 {
		_, err := fmt.Fprintln(s.out, "no candidates")
		return err
	}
	slices.SortStableFunc(s.order, func(a, b *matter) int {
		f, g := a.verdict.Finding, b.verdict.Finding
		return cmp.Or(cmp.Compare(f.Severity, g.Severity), cmp.Compare(a.verdict.Rule.ID, b.verdict.Rule.ID), f.Trigger.Compare(g.Trigger))
	})
	var rows strings.Builder
	table := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SEVERITY\tRULE\tITEM\tOUTCOME\tDUE\tVALUE\tEVENTS\tMATTER")
	for _, m := range s.order {
		f := m.verdict.Finding
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", f.Severity, m.verdict.Rule.ID, m.verdict.Rule.Item, m.verdict.Outcome, dueText(f), orDash(f.Value), m.events, oneLine(f.Key))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i, row := range strings.Split(strings.TrimSuffix(rows.String(), "\n"), "\n") {
		fmt.Fprintln(s.out, row)
		if why && i > 0 {
			fmt.Fprintf(s.out, "    %s\n", s.order[i-1].verdict.Finding.Sentence)
		}
	}
	return nil
}

func dueText(f *rules.Finding) string {
	if f.Deadline.DueDate.IsZero() {
		return "-"
	}
	return f.Deadline.DueDate.String()
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return oneLine(text)
}

// oneLine joins the lines of a source's text, which would break the table.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
