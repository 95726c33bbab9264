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

// auditChunk is how many candidates the stream is asked for at a time.
const auditChunk = 500

func runAudit(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("tocsin audit", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("config", "tocsin.yaml", "configuration `file`")
	topic := flags.String("topic", "", "audit this `topic` only")
	var from, to time.Time
	flags.Func("from", "audit batches with records of this `instant` (RFC 3339) or later, by Kafka's timestamp", instantFlag(&from))
	flags.Func("to", "audit batches with records before this `instant` (RFC 3339)", instantFlag(&to))
	rejudge := flags.Bool("rejudge", false, "judge every record again under the rules that judged it, and compare")
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
	a := &audit{config: &c, topic: *topic, from: from, to: to, progress: newAuditProgress(stderr),
		report: &auditReport{Rejudged: *rejudge, Partitions: []*auditPartition{}, Problems: []problem{}, byDigest: make(map[string]int)}}
	say := func(line string) {
		a.progress.clear()
		fmt.Fprintln(stdout, line)
	}
	if !*asJSON {
		a.report.print, a.say = say, say
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
	if !a.report.OK {
		return exitFailed
	}
	return exitOK
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
// commits and against the alert stream. It writes nothing.
type audit struct {
	config   *config
	topic    string // empty: all
	from, to time.Time
	db       *clickhouse.Sink
	stream   *nats.Sink
	past     *past // nil: nothing is judged again
	anchors  map[clickhouse.Part]*anchor
	report   *auditReport
	progress *auditProgress
	say      func(line string) // nil: nothing is printed on the way
}

func (a *audit) run(ctx context.Context) (err error) {
	if a.db, err = clickhouse.Open(ctx, a.config.ClickHouse.sink()); err != nil {
		return err
	}
	defer a.db.Close()
	if a.report.Rejudged {
		if a.past, err = newPast(a.config, a.db); err != nil {
			return err
		}
	}
	if a.stream, err = nats.Open(ctx, a.config.NATS.sink(nil)); err != nil {
		return err
	}
	defer a.stream.Close()
	// The commits are read before the rows: what they promise is stored by now.
	if a.anchors, err = a.config.anchors(ctx); err != nil {
		a.report.Notes = append(a.report.Notes, "the ends of the chains were not held against the consumer group's commits: "+err.Error())
	}
	extents, err := a.extents(ctx)
	if err != nil {
		return err
	}
	if len(extents) == 0 {
		if a.topic != "" {
			return fmt.Errorf("nothing is stored of topic %q in that time: the configured topics are %s", a.topic, strings.Join(a.config.Kafka.Topics, ", "))
		}
		a.report.Notes = append(a.report.Notes, fmt.Sprintf("nothing is stored of kafka.cluster %q in that time", a.config.Kafka.Cluster))
	}
	for _, e := range extents {
		part := &auditPartition{Topic: e.Topic, Partition: e.Partition, First: e.First, Last: e.Last}
		a.report.Partitions = append(a.report.Partitions, part)
		if err := a.partition(ctx, part, e); err != nil {
			return fmt.Errorf("%s/%d: %w", e.Topic, e.Partition, err)
		}
		if a.say != nil {
			a.say(part.line(a.report.Rejudged))
		}
	}
	return nil
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
		if !stored && anchor.head != (pipeline.Hash{}) && (a.topic == "" || a.topic == part.Topic) {
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
	t, err := a.trail(ctx, part, e)
	if err != nil {
		return err
	}
	a.progress.begin(fmt.Sprintf("%s/%d chain", e.Topic, e.Partition), int64(e.Rows))
	for l, err := range a.db.Links(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		t.add(l)
		a.progress.rows(1)
	}
	t.end()
	part.Rows, part.Batches, part.Doubled, part.ChainOK = t.rows, t.batches, t.doubled, !t.broken
	part.GapCount, part.GapOffsets, part.Gaps = t.gaps.Count, t.gaps.Offsets, t.gaps.Shown
	if err := a.candidates(ctx, part, e); err != nil {
		return err
	}
	if a.past == nil {
		return nil
	}
	a.progress.begin(fmt.Sprintf("%s/%d verdicts", e.Topic, e.Partition), int64(e.Rows))
	return a.rejudge(ctx, part, e.Part, e.First, e.Last)
}

// trail begins the chain of a partition, from nothing or from the row before
// the range, and ends it, when the range does not end earlier, at the group's
// commit.
func (a *audit) trail(ctx context.Context, part *auditPartition, e clickhouse.Extent) (*trail, error) {
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
	var end *anchor
	if at := a.anchors[e.Part]; at != nil && a.to.IsZero() && at.offset > e.First {
		end, part.Anchored = at, true
	}
	return newTrail(head, before, end, func(kind string, first, last int64, says string) {
		part.Problems++
		a.report.problem(problem{Kind: kind, Topic: part.Topic, Partition: part.Partition, First: first, Last: last, Says: says})
	}), nil
}

// candidates holds the candidates of a range against the alert stream. Those
// beyond the group's commit may be on their way and are only counted.
func (a *audit) candidates(ctx context.Context, part *auditPartition, e clickhouse.Extent) error {
	var some []clickhouse.Candidate
	ask := func() error {
		missing, err := missingOf(ctx, a.stream, some)
		if err != nil {
			return err
		}
		for _, m := range missing {
			part.Problems++
			a.report.problem(problem{Kind: kindNotAlerted, Topic: m.Topic, Partition: m.Partition, First: m.Offset, Last: m.Offset, Rule: m.Rule, Candidate: m.ID,
				Says: "the alert stream does not hold it; tocsin reconcile publishes it"})
		}
		some = some[:0]
		return nil
	}
	for c, err := range a.db.Candidates(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		part.Candidates++
		if at := a.anchors[e.Part]; at != nil && c.Offset >= at.offset {
			part.InFlight++
			continue
		}
		if some = append(some, c); len(some) == auditChunk {
			if err := ask(); err != nil {
				return err
			}
		}
	}
	return ask()
}

// missingOf returns those of the candidates that the stream does not hold.
func missingOf(ctx context.Context, stream *nats.Sink, some []clickhouse.Candidate) ([]clickhouse.Candidate, error) {
	ids := make([]string, len(some))
	for i, c := range some {
		ids[i] = c.ID
	}
	ids, err := stream.Missing(ctx, ids)
	if err != nil {
		return nil, err
	}
	var missing []clickhouse.Candidate
	for _, c := range some {
		if slices.Contains(ids, c.ID) {
			missing = append(missing, c)
		}
	}
	return missing, nil
}
