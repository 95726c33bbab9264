package main

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

	"tocsin/rules"
	"tocsin/rules/event"
)

const evalUsage = `usage: tocsin rules eval [PACK] --events FILE [flags]

Judges every event of a file by a pack (sox409 unless one is named) and prints
the candidates, one row a matter. It needs no server. FILE is of JSON lines, one
CloudEvent each, or general ledger detail in the layout of the AICPA Audit Data
Standard; it may be gzip, and - is standard input. The flags about a ledger are
those of tocsin load.

  tocsin rules eval --events gl_detail.csv
  tocsin rules eval my-rules --events events.jsonl --why
  tocsin rules eval --events events.jsonl --rule CON-01,DEB-01 --json

A line that cannot be read is listed, the rest is judged, and the exit code is 1.

`

// evalFlags are the flags of tocsin rules eval.
type evalFlags struct {
	load     loadFlags
	pack     string
	calendar string
	only     string
	observed time.Time
	asJSON   bool
	why      bool
}

func parseEval(args []string, stderr io.Writer) (*evalFlags, error) {
	f := &evalFlags{}
	flags := flag.NewFlagSet("tocsin rules eval", flag.ContinueOnError)
	flags.StringVar(&f.load.file, "events", "", "`FILE` of events; - is standard input")
	flags.StringVar(&f.load.format, "format", "auto", "`FORMAT` of the file: ads-gl, cloudevents, or auto")
	flags.StringVar(&f.calendar, "calendar", "", "`directory` of calendar overrides, for a pack that has none of its own")
	flags.StringVar(&f.only, "rule", "", "judge by these rules alone: `ID[,ID]`")
	flags.BoolVar(&f.asJSON, "json", false, "print each candidate as a JSON line, with its explanation")
	flags.BoolVar(&f.why, "why", false, "print below each row why, in one sentence")
	observed := flags.String("observed", "", "`INSTANT` at which the events are seen; without it, each when it happened")
	f.load.ledgerFlags(flags)
	named, err := arguments(flags, evalUsage, args, stderr)
	if err != nil {
		return nil, err
	}
	switch {
	case f.load.file == "":
		return nil, errors.New("name the file of events: --events FILE; tocsin rules eval -h shows examples")
	case len(named) > 1:
		return nil, errors.New("name one pack, and the events with --events")
	case !slices.Contains([]string{"auto", "ads-gl", "cloudevents"}, f.load.format):
		return nil, errors.New("--format is ads-gl, cloudevents or auto")
	}
	f.pack = strings.Join(append(named, defaultPack)[:1], "")
	if f.observed, err = parseObserved(*observed); err != nil {
		return nil, err
	}
	return f, f.load.checkLedger()
}

// defaultPack is the shipped pack that commands take when none is named.
const defaultPack = "sox409"

// runEval is tocsin rules eval.
func runEval(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	const command = "tocsin rules eval"
	f, err := parseEval(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintln(stderr, command+":", err)
		return exitUsage
	}
	pack, engine, err := openRules(f.pack, f.calendar)
	if err != nil {
		printPackError(command, err, stderr)
		return exitUsage
	}
	only, err := f.rules(engine)
	if err != nil {
		fmt.Fprintln(stderr, command+":", err)
		return exitUsage
	}
	unread, err := f.judge(ctx, pack, engine, only, stdin, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, command+":", err)
		return exitFailed
	}
	if unread > 0 {
		return exitFailed
	}
	return exitOK
}

// rules are the ids of --rule, or nil for all.
func (f *evalFlags) rules(engine *rules.Engine) ([]string, error) {
	if f.only == "" {
		return nil, nil
	}
	only := strings.Split(f.only, ",")
	for _, id := range only {
		if !slices.ContainsFunc(engine.Rules(), func(r *rules.Rule) bool { return r.ID == id }) {
			return nil, fmt.Errorf("--rule: the pack has no rule %s", id)
		}
	}
	return only, nil
}

// judge judges the file and prints what comes of it. unread is the number of
// lines that could not be read.
func (f *evalFlags) judge(ctx context.Context, pack *rules.Pack, engine *rules.Engine, only []string, stdin io.Reader, stdout, stderr io.Writer) (unread int, err error) {
	events, err := openEvents(ctx, &f.load, stdin, stderr)
	if err != nil {
		return 0, err
	}
	defer events.close()
	out := bufio.NewWriter(stdout)
	sheet := &candidateSheet{out: out, asJSON: f.asJSON, matters: map[string]*matter{}}
	var verdicts []rules.Verdict
	err = events.each(ctx, func(e *event.Event) error {
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
	fmt.Fprintf(stderr, "%s, %s judged by %s: %s in %s, %d not decided\n", pack.ID, plural(sheet.events, "event"),
		plural(len(engine.Rules()), "rule"), plural(sheet.found, "candidate"), plural(len(sheet.order), "matter"), sheet.undecided)
	if unread = events.unread.refused(); unread > 0 {
		err = events.unread.Write(stderr)
	}
	return unread, err
}

// candidateSheet collects candidates by matter: the same matter is one row,
// however many events speak of it, as it is one alert.
type candidateSheet struct {
	out     *bufio.Writer
	asJSON  bool
	matters map[string]*matter
	order   []*matter

	events, found, undecided int
}

// matter is a row: the first verdict about it, and how many there were.
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

// print writes the table: the most urgent first.
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

// oneLine keeps a text from a source out of the table's structure.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
