// Package audit implements tocsin audit and tocsin reconcile. The audit compares
// the rows of ClickHouse with each other, with the commits of the consumer group
// and with the alert stream. Reconcile publishes the alerts that the stream lacks.
package audit

import (
	"cmp"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"tocsin/cmd/tocsin/audit/original"
	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/sinks/clickhouse"
	"tocsin/sinks/nats"
)

// Command is tocsin audit.
var Command = &cli.Command{
	Name: "audit", Summary: "prove that every record is stored once, unaltered, and every candidate published",
	Description: `Compares the rows of ClickHouse with their chain, with the commits of the
consumer group, and with the alert stream. It changes nothing. Exit code 3 means
that it found problems.`,
	Example: "tocsin audit --config tocsin.yaml\ntocsin audit --rejudge --from 2026-01-01T00:00:00Z --json\ntocsin audit --last 26h --textfile /var/lib/tocsin-auditor/audit.prom",
	Define: func(flags *flag.FlagSet) cli.Action {
		path := config.Flag(flags)
		topic := flags.String("topic", "", "audit this `topic` only")
		window := windowFlags(flags)
		rejudge := flags.Bool("rejudge", false, "judge every record again under the rules that judged it, and compare")
		unanchored := flags.Bool("unanchored", false, "do not read the consumer group's commits from Kafka: the audit then cannot find removed last rows")
		depth := flags.String("kafka", string(original.Gaps), "how much of what Kafka still holds to compare: none, `gaps` (is there a record where there is no row), sample (rows too, some of each partition) or all")
		within := flags.Duration("kafka-time", kafkaTime, "end the comparison with Kafka after this `duration`")
		asJSON := flags.Bool("json", false, "print JSON")
		file := textfileFlag(flags)
		return file.after(func(ctx context.Context, call *cli.Call) error {
			now := time.Now()
			if err := window.begin(now); err != nil {
				return err
			}
			if err := cli.Word("--kafka", *depth, original.Depths...); err != nil {
				return cli.Usagef("%v", err)
			}
			c, err := config.Read(*path, os.LookupEnv)
			if err != nil {
				return err
			}
			a := &audit{config: &c, topic: *topic, from: window.from, to: window.to, unanchored: *unanchored, kafkaUntil: now.Add(*within), progress: cli.NewProgress(call.Stderr),
				report: &report{Scope: newScope(&c, *topic, window.from, window.to, now), Rejudged: *rejudge, Rules: []judgedBy{}, Partitions: []*partition{}, Problems: []problem{}}}
			if a.depth = original.Depth(*depth); a.unanchored {
				a.depth = original.None
			}
			a.report.Unexamined = a.unexamined()
			file.report = a.report
			return a.print(ctx, *asJSON, call.Stdout)
		})
	},
}

// print runs the audit and prints the report.
func (a *audit) print(ctx context.Context, asJSON bool, stdout io.Writer) error {
	if !asJSON {
		a.report.Scope.write(stdout)
		a.println = func(line string) {
			a.progress.Clear()
			fmt.Fprintln(stdout, line)
		}
		a.report.println = a.println
	}
	err := a.run(ctx)
	a.progress.Clear()
	if err != nil {
		return err
	}
	a.report.finish(time.Now())
	if !asJSON {
		a.report.writeEnd(stdout)
	} else if err := a.report.writeJSON(stdout); err != nil {
		return err
	}
	return a.report.outcome()
}

// audit is one run of the command. It changes nothing.
type audit struct {
	config     *config.Config
	topic      string // empty: all
	from, to   time.Time
	unanchored bool
	depth      original.Depth
	kafka      *original.Broker // nil: nothing is compared with Kafka
	kafkaUntil time.Time
	db         *clickhouse.Sink
	stream     *nats.Sink
	past       *past // nil: no row is judged again
	anchors    map[clickhouse.Part]*original.Anchor
	report     *report
	progress   *cli.Progress
	println    func(line string) // prints a line during the audit; nil: prints none
}

func (a *audit) run(ctx context.Context) (err error) {
	if a.db, err = clickhouse.Open(ctx, a.config.Store()); err != nil {
		return err
	}
	defer a.db.Close()
	if a.report.Rejudged {
		a.past = newPast(a.db)
	}
	if a.stream, err = nats.Open(ctx, a.config.NATS.Publisher()); err != nil {
		return err
	}
	defer a.stream.Close()
	// The commits are read before the rows, so every row that they promise is
	// stored by then.
	if !a.unanchored {
		if a.anchors, err = original.Anchors(ctx, a.config); err != nil {
			return fmt.Errorf("%w; --unanchored audits without the group's commits", err)
		}
	}
	if a.depth != original.None {
		if a.kafka, err = original.Open(ctx, &a.config.Kafka); err != nil {
			return fmt.Errorf("%w; --kafka none audits without Kafka's records", err)
		}
		defer a.kafka.Close()
	}
	extents, err := a.extents(ctx)
	if err != nil {
		return err
	}
	if len(extents) == 0 {
		if a.topic != "" {
			return fmt.Errorf("no row of topic %q is stored: the configured topics are %s", a.topic, strings.Join(a.config.Kafka.Topics, ", "))
		}
		a.report.Notes = append(a.report.Notes, fmt.Sprintf("no row of kafka.cluster %q is stored", a.config.Kafka.Cluster))
	}
	a.report.several = severalIDs(extents)
	for _, e := range extents {
		part := &partition{Topic: e.Topic, TopicID: e.TopicID, Partition: e.Partition}
		a.report.Partitions = append(a.report.Partitions, part)
		if err := a.partition(ctx, part, e); err != nil {
			return fmt.Errorf("%s/%d: %w", e.Topic, e.Partition, err)
		}
		if a.println != nil {
			a.println(part.line(a.report.Rejudged, a.report.several[e.Topic]))
		}
	}
	if a.topic != "" {
		return nil
	}
	return a.alerts(ctx, extents)
}

// extents returns the partitions to audit: those with rows, and those that the
// group committed and that have no row. The age of rows that are gone is unknown, so
// only a range that ends in the past leaves the latter out.
func (a *audit) extents(ctx context.Context) ([]clickhouse.Extent, error) {
	all, err := a.db.Extents(ctx, a.config.Kafka.Cluster, a.topic, a.from, a.to)
	if err != nil || !a.to.IsZero() {
		return all, err
	}
	for part, anchor := range a.anchors {
		stored := slices.ContainsFunc(all, func(e clickhouse.Extent) bool { return e.Part == part })
		if !stored && (anchor.Foreign || anchor.Head != trail.Seed(part.TopicID, part.Partition)) && slices.Contains(a.config.Kafka.Topics, part.Topic) && (a.topic == "" || a.topic == part.Topic) {
			all = append(all, clickhouse.Extent{Part: part, Last: -1})
		}
	}
	slices.SortFunc(all, func(x, y clickhouse.Extent) int {
		return cmp.Or(strings.Compare(x.Topic, y.Topic), strings.Compare(x.TopicID, y.TopicID), int(x.Partition-y.Partition))
	})
	return all, nil
}

// severalIDs returns the topic names under which there are logs of several ids: the
// topic was deleted and created again.
func severalIDs(extents []clickhouse.Extent) map[string]bool {
	ids, several := make(map[string]string), make(map[string]bool)
	for _, e := range extents {
		if id, ok := ids[e.Topic]; ok && id != e.TopicID {
			several[e.Topic] = true
		}
		ids[e.Topic] = e.TopicID
	}
	return several
}

// partition audits one partition.
func (a *audit) partition(ctx context.Context, part *partition, e clickhouse.Extent) error {
	// The ranges that were reported, so that none is reported twice.
	var reported []trail.Span
	report := func(kind string, first, last int64, message string) {
		part.Problems++
		if len(reported) < shownProblems {
			reported = append(reported, trail.Span{First: first, Last: last})
		}
		a.report.problem(problem{Kind: kind, Topic: part.Topic, TopicID: part.TopicID, Partition: part.Partition, First: first, Last: last, Message: message})
	}
	t, err := a.chain(ctx, part, &e, report)
	if err != nil {
		return err
	}
	part.First, part.Last = e.First, e.Last
	where := fmt.Sprintf("%s/%d ", e.Topic, e.Partition)
	a.progress.Begin(where+"chain", "rows", int64(e.Rows))
	for l, err := range a.db.Links(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		t.Add(l)
		a.progress.Done(1)
	}
	t.End()
	part.ChainHead = hex.EncodeToString(t.Head[:])
	part.Rows, part.Doubled, part.ChainOK = t.Rows, t.Doubled, !t.Broken
	part.GapCount, part.GapOffsets, part.Gaps = t.Gaps.Count, t.Gaps.Offsets, t.Gaps.Shown

	a.progress.Begin(where+"batches", "batches", 0)
	known := func(first, last int64) bool {
		return slices.ContainsFunc(reported, func(s trail.Span) bool { return s.First <= last && s.Last >= first })
	}
	b := trail.NewBatches(known, report)
	for h, err := range a.db.Headers(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		b.Add(h)
		a.report.judged(h.Rules, h.Held)
		a.progress.Done(1)
	}
	b.End()
	part.Batches = b.Count
	for u, err := range a.db.Unkept(ctx, e.Part, e.First, e.Last) {
		if err != nil {
			return err
		}
		report(kindNoRules, u.Lowest, u.Highest, fmt.Sprintf("packs lacks the rules %s, which judged %d rows there, or holds them altered", u.Rules, u.Rows))
	}

	fresh := func(kind string, first, last int64, message string) {
		if kind != original.NotStored || !known(first, last) { // the chain shows missing rows too
			report(kind, first, last, message)
		}
	}
	if err := a.originals(ctx, part, e.Part, &t.Gaps, e.First, e.Last, fresh); err != nil {
		return err
	}
	a.progress.Begin(where+"candidates", "candidates", 0)
	if err := a.candidates(ctx, part, e); err != nil {
		return err
	}
	if a.past == nil {
		return nil
	}
	a.progress.Begin(where+"verdicts", "rows", int64(e.Rows))
	return a.rejudge(ctx, part, e.Part, e.First, e.Last)
}

// chain begins the chain of a partition at its first row, or at the row before the
// range. The chain ends at the group's commit or, when rows follow the range, with
// the next batch, by which chain extends e. Without an end the audit could not find
// removed last rows of the range.
func (a *audit) chain(ctx context.Context, part *partition, e *clickhouse.Extent, report trail.Report) (*trail.Chain, error) {
	head := trail.Seed(e.TopicID, e.Partition)
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
	case end.Foreign:
		report(kindNoMark, end.Offset, end.Offset, "the consumer group's commit there carries no mark of Tocsin: another program set it, or the group's offsets were reset")
		end = nil
	case end.Offset < e.First:
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
	if end == nil {
		return trail.NewChain(head, before, nil, report), nil
	}
	return trail.NewChain(head, before, &end.Anchor, report), nil
}
