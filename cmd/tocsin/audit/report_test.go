package audit

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/cli"
	"tocsin/sinks/clickhouse"
)

// TestAuditorsPageExplainsEveryProblem: its table and the code list the same kinds.
func TestAuditorsPageExplainsEveryProblem(t *testing.T) {
	page, err := os.ReadFile("../../../sinks/clickhouse/AUDIT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| problem | it means | do |")
	table, _, _ = strings.Cut(table, "\n\n")
	var explained []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z ]+)` \\|").FindAllStringSubmatch(table, -1) {
		explained = append(explained, m[1])
	}
	known := slices.Clone(kinds)
	slices.Sort(explained)
	slices.Sort(known)
	if diff := cmp.Diff(known, explained); diff != "" || len(known) == 0 {
		t.Errorf("(-code +page)\n%s", diff)
	}
}

// TestAuditReportIsBounded: an audit that finds every row wrong does not fill the
// memory.
func TestAuditReportIsBounded(t *testing.T) {
	r := &report{}
	for range 3 * shownProblems {
		r.problem(problem{Kind: trail.Altered, Topic: "t"})
	}
	for i := range 3 * shownDigests {
		r.notRejudged(strings.Repeat("d", i), errors.New("gone"))
	}
	r.finish(time.Now())
	var text bytes.Buffer
	r.writeEnd(&text)
	if len(r.Problems) != shownProblems || r.Omitted != 2*shownProblems || r.Total.Problems != 3*shownProblems ||
		len(r.NotJudged) != shownDigests || r.Total.NotJudged != 3*shownDigests || r.outcome() != cli.ErrProblems || !strings.Contains(text.String(), "3000 problems") {
		t.Errorf("%d problems, %d omitted, %d digests, outcome %v\n%s", len(r.Problems), r.Omitted, len(r.NotJudged), r.outcome(), text.String())
	}
}

func TestAuditExitCodes(t *testing.T) {
	for _, f := range []struct {
		problems, unjudged int64
		want               error
	}{{0, 0, nil}, {1, 0, cli.ErrProblems}, {0, 1, cli.ErrFailed}, {1, 1, cli.ErrProblems}} {
		r := &report{Total: total{Problems: f.problems, NotJudged: f.unjudged}}
		if r.finish(time.Now()); r.outcome() != f.want || r.OK != (f.want == nil) {
			t.Errorf("%+v: outcome %v, ok %v", f, r.outcome(), r.OK)
		}
	}
	var out, errs bytes.Buffer
	for _, args := range [][]string{{"--nonsense"}, {"argument"}, {"--from", "yesterday"}, {"--kafka", "everything"}, {"--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"}} {
		if code := Command.Run(t.Context(), args, nil, &out, &errs); code != cli.Usage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

// The lines of a partition and of a problem have the topic's id where a name has
// logs of several ids, and nowhere else.
func TestAuditReportTellsLogsOfOneNameApart(t *testing.T) {
	extents := []clickhouse.Extent{
		{Part: clickhouse.Part{Topic: "again", TopicID: "first"}},
		{Part: clickhouse.Part{Topic: "again", TopicID: "first", Partition: 1}},
		{Part: clickhouse.Part{Topic: "again", TopicID: "second"}},
		{Part: clickhouse.Part{Topic: "once", TopicID: "only"}},
		{Part: clickhouse.Part{Topic: "once", TopicID: "only", Partition: 1}},
		{Part: clickhouse.Part{Topic: "upgraded", TopicID: ""}},
		{Part: clickhouse.Part{Topic: "upgraded", TopicID: "new"}},
	}
	var names, problems []string
	r := &report{several: severalIDs(extents), println: func(line string) { problems = append(problems, strings.TrimPrefix(line, "altered        ")) }}
	for _, e := range extents {
		p := &partition{Topic: e.Topic, TopicID: e.TopicID, Partition: e.Partition}
		name, _, _ := strings.Cut(p.line(false, r.several[e.Topic]), " rows ")
		names = append(names, strings.TrimSpace(name))
		r.problem(problem{Kind: trail.Altered, Topic: e.Topic, TopicID: e.TopicID, Partition: e.Partition, First: 3, Last: 4, Message: "no"})
	}
	want := []string{"again/0 topic id first", "again/1 topic id first", "again/0 topic id second", "once/0", "once/1", "upgraded/0 topic id none", "upgraded/0 topic id new"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for i, name := range want {
		want[i] = name + " offsets 3-4: no"
	}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}
