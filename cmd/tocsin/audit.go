package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

func runAudit(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin audit", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "tocsin.yaml", "configuration `file`")
	topic := flags.String("topic", "", "audit this `topic` only")
	var from, to time.Time
	flags.Func("from", "audit batches with records of this `instant` (RFC 3339) or later, by Kafka's timestamp", instantFlag(&from))
	flags.Func("to", "audit batches with records before this `instant` (RFC 3339)", instantFlag(&to))
	rejudge := flags.Bool("rejudge", false, "judge every record again under the rules that judged it, and compare")
	unanchored := flags.Bool("unanchored", false, "do not ask Kafka what the consumer group committed: without it nobody can tell that the last rows were taken away")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "tocsin audit: takes no arguments, only flags: %q\n", flags.Arg(0))
		return exitUsage
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		fmt.Fprintln(stderr, "tocsin audit: --from must be before --to")
		return exitUsage
	}
	c, ok := readConfig("audit", *path, stderr)
	if !ok {
		return exitFailed
	}
	a := &audit{config: &c, topic: *topic, from: from, to: to, unanchored: *unanchored, progress: newAuditProgress(stderr),
		report: &auditReport{Rejudged: *rejudge, Partitions: []*auditPartition{}, Problems: []problem{}}}
	if !*asJSON {
		a.say = func(line string) {
			a.progress.clear()
			fmt.Fprintln(stdout, line)
		}
		a.report.print = a.say
	}
	err := a.run(ctx)
	a.progress.clear()
	if err != nil {
		printError(stderr, "audit", err)
		return exitFailed
	}
	a.report.finish()
	if !*asJSON {
		a.report.writeEnd(stdout)
	} else if err := a.report.writeJSON(stdout); err != nil {
		printError(stderr, "audit", err)
		return exitFailed
	}
	return a.report.exitCode()
}

func instantFlag(to *time.Time) func(string) error {
	return func(text string) (err error) {
		if *to, err = time.Parse(time.RFC3339, text); err != nil {
			return fmt.Errorf("want RFC 3339, as 2026-01-31T00:00:00Z")
		}
		return nil
	}
}

// audit holds what ClickHouse has against itself, against the consumer group's
// commits and against the alert stream. It changes nothing.
type audit struct {
	config     *config
	topic      string // empty: all
	from, to   time.Time
	unanchored bool
	db         *clickhouse.Sink
	stream     *nats.Sink
	past       *past // nil: nothing is judged again
	anchors    map[clickhouse.Part]*anchor
	report     *auditReport
	progress   *auditProgress
	say        func(line string) // nil: nothing is printed on the way
}

func (a *audit) run(ctx context.Context) (err error) {
	if a.db, err = clickhouse.Open(ctx, a.config.sink()); err != nil {
		return err
	}
	defer a.db.Close()
	if a.report.Rejudged {
		a.past = newPast(a.config, a.db)
	}
	if a.stream, err = nats.Open(ctx, a.config.NATS.sink()); err != nil {
		return err
	}
	defer a.stream.Close()
	// The commits are read before the rows: what they promise is stored by now.
	if a.unanchored {
		a.report.Notes = append(a.report.Notes, "the ends of the chains were not held against the consumer group's commits")
	} else if a.anchors, err = a.config.anchors(ctx); err != nil {
		return fmt.Errorf("%w; --unanchored audits without the group's commits", err)
	}
	extents, err := a.extents(ctx)
	if err != nil {
		return err
	}
	if len(extents) == 0 {
		if a.topic != "" {
			return fmt.Errorf("nothing is stored of topic %q: the configured topics are %s", a.topic, strings.Join(a.config.Kafka.Topics, ", "))
		}
		a.report.Notes = append(a.report.Notes, fmt.Sprintf("nothing is stored of kafka.cluster %q", a.config.Kafka.Cluster))
	}
	for _, e := range extents {
		part := &auditPartition{Topic: e.Topic, Partition: e.Partition}
		a.report.Partitions = append(a.report.Partitions, part)
		if err := a.partition(ctx, part, e); err != nil {
			return fmt.Errorf("%s/%d: %w", e.Topic, e.Partition, err)
		}
		if a.say != nil {
			a.say(part.line(a.report.Rejudged))
		}
	}
	if a.topic != "" {
		a.report.Notes = append(a.report.Notes, "whether each alert of the stream has a row was not asked, because an alert belongs to no topic: leave --topic away")
		return nil
	}
	return a.alerts(ctx)
}

// extents are the partitions to audit: those that are stored, and those that
// the group committed and of which nothing is stored.
func (a *audit) extents(ctx context.Context) ([]clickhouse.Extent, error) {
	all, err := a.db.Extents(ctx, a.config.Kafka.Cluster, a.topic, a.from, a.to)
	if err != nil || !a.from.IsZero() || !a.to.IsZero() {
		return all, err
	}
	for part, anchor := range a.anchors {
		stored := slices.ContainsFunc(all, func(e clickhouse.Extent) bool { return e.Part == part })
		if !stored && (anchor.foreign || anchor.head != (pipeline.Hash{})) && slices.Contains(a.config.Kafka.Topics, part.Topic) && (a.topic == "" || a.topic == part.Topic) {
			all = append(all, clickhouse.Extent{Part: part, Last: -1})
		}
	}
	slices.SortFunc(all, func(x, y clickhouse.Extent) int {
		if by := strings.Compare(x.Topic, y.Topic); by != 0 {
			return by
		}
		return int(x.Partition - y.Partition)
	})
	return all, nil
}

// partition audits one partition.
func (a *audit) partition(ctx context.Context, part *auditPartition, e clickhouse.Extent) error {
	// What was told of its rows, so that it is not told again.
	var told []span
	report := func(kind string, first, last int64, says string) {
		part.Problems++
		if len(told) < shownProblems {
			told = append(told, span{first, last})
		}
		a.report.problem(problem{Kind: kind, Topic: part.Topic, Partition: part.Partition, First: first, Last: last, Says: says})
	}
	t, err := a.trail(ctx, part, &e, report)
	if err != nil {
		return err
	}
	part.First, part.Last = e.First, e.Last
	where := fmt.Sprintf("%s/%d ", e.Topic, e.Partition)
	a.progress.begin(where+"chain", "rows", int64(e.Rows))
	for l, err := range a.db.Links(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		t.add(l)
		a.progress.done(1)
	}
	t.end()
	part.Rows, part.Doubled, part.ChainOK = t.rows, t.doubled, !t.broken
	part.GapCount, part.GapOffsets, part.Gaps = t.gaps.Count, t.gaps.Offsets, t.gaps.Shown

	a.progress.begin(where+"batches", "batches", 0)
	b := batchTrail{report: report, told: func(first, last int64) bool {
		return slices.ContainsFunc(told, func(s span) bool { return s.First <= last && s.Last >= first })
	}}
	for h, err := range a.db.Headers(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		b.add(h)
		a.progress.done(1)
	}
	b.end()
	part.Batches = b.batches
	for u, err := range a.db.Unkept(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		report(kindNoRules, u.Lowest, u.Highest, fmt.Sprintf("the rules %s, which judged %d rows there, are not in packs as they were", u.Rules, u.Rows))
	}

	a.progress.begin(where+"candidates", "candidates", 0)
	if err := a.candidates(ctx, part, e); err != nil {
		return err
	}
	if a.past == nil {
		return nil
	}
	a.progress.begin(where+"verdicts", "rows", int64(e.Rows))
	return a.rejudge(ctx, part, e.Part, e.First, e.Last)
}

// trail begins the chain of a partition, from nothing or from the row before
// the range, and says where it ends: at the group's commit or, when there are
// rows after the range, in the batch after it, which e is made to take in:
// without one or the other the last rows of the range could be taken away.
func (a *audit) trail(ctx context.Context, part *auditPartition, e *clickhouse.Extent, report func(kind string, first, last int64, says string)) (*trail, error) {
	var head pipeline.Hash
	var before *int64
	part.ChainFrom = "its beginning"
	if !a.from.IsZero() {
		h, at, ok, err := a.db.ChainBefore(ctx, e.Part, e.First)
		if err != nil {
			return nil, err
		}
		if ok {
			head, before, part.ChainFrom = h, &at, fmt.Sprintf("the row at offset %d, which is trusted", at)
		}
	}
	end := a.anchors[e.Part]
	switch {
	case end == nil:
	case end.foreign:
		report(kindNoMark, end.offset, end.offset, "the consumer group's commit there carries no mark of Tocsin: another program set it, or the group's offsets were reset")
		end = nil
	case end.offset < e.First:
		end = nil
	}
	if !a.to.IsZero() {
		after, ok, err := a.db.Next(ctx, e.Part, e.Last+1)
		if err != nil {
			return nil, err
		}
		if ok {
			end = nil
			for l, err := range a.db.Links(ctx, e.Part, after, after) {
				if err != nil {
					return nil, err
				}
				e.Last = max(after, l.BatchLast)
			}
		}
	}
	part.Anchored = end != nil
	return newTrail(head, before, end, report), nil
}
