package main

import (
	"bytes"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAuditorsPageExplainsEveryProblem: its table and the code know the same
// kinds.
func TestAuditorsPageExplainsEveryProblem(t *testing.T) {
	page, err := os.ReadFile("../../sinks/clickhouse/AUDIT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| problem | it means | do |")
	table, _, _ = strings.Cut(table, "\n\n")
	var explained []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z ]+)` \\|").FindAllStringSubmatch(table, -1) {
		explained = append(explained, m[1])
	}
	code, err := os.ReadFile("audit_report.go")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, m := range regexp.MustCompile(`(?m)^\tkind[A-Za-z]+ += "([a-z ]+)"`).FindAllStringSubmatch(string(code), -1) {
		known = append(known, m[1])
	}
	slices.Sort(explained)
	slices.Sort(known)
	if diff := cmp.Diff(known, explained); diff != "" || len(known) == 0 {
		t.Errorf("(-code +page)\n%s", diff)
	}
}

// TestAuditReportIsBounded: a table that is all wrong fills no memory.
func TestAuditReportIsBounded(t *testing.T) {
	r := &auditReport{}
	for range 3 * shownProblems {
		r.problem(problem{Kind: kindAltered, Topic: "t"})
	}
	for i := range 3 * shownDigests {
		r.notRejudged(strings.Repeat("d", i), errors.New("gone"))
	}
	r.finish()
	var text bytes.Buffer
	r.writeEnd(&text)
	if len(r.Problems) != shownProblems || r.Omitted != 2*shownProblems || r.Total.Problems != 3*shownProblems ||
		len(r.NotJudged) != shownDigests || r.Total.NotJudged != 3*shownDigests || r.exitCode() != exitProblems || !strings.Contains(text.String(), "3000 problems") {
		t.Errorf("%d problems, %d omitted, %d digests, exit code %d\n%s", len(r.Problems), r.Omitted, len(r.NotJudged), r.exitCode(), text.String())
	}
}

func TestAuditExitCodes(t *testing.T) {
	for _, f := range []struct {
		problems, unjudged int64
		want               int
	}{{0, 0, exitOK}, {1, 0, exitProblems}, {0, 1, exitFailed}, {1, 1, exitProblems}} {
		r := &auditReport{Total: auditTotal{Problems: f.problems, NotJudged: f.unjudged}}
		if r.finish(); r.exitCode() != f.want || r.OK != (f.want == exitOK) {
			t.Errorf("%+v: exit code %d, ok %v", f, r.exitCode(), r.OK)
		}
	}
	var out, errs bytes.Buffer
	for _, args := range [][]string{{"--nonsense"}, {"argument"}, {"--from", "yesterday"}, {"--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z"}} {
		if code := runAudit(t.Context(), args, nil, &out, &errs); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}

func TestParseAnchor(t *testing.T) {
	head := strings.Repeat("ab", 32)
	for _, f := range []struct {
		metadata string
		foreign  bool
		fails    bool
	}{
		{`{"tocsin":1,"head":"` + head + `","last":7,"rules":"r","more":1}`, false, false},
		{"", true, false}, {"{}", true, false}, {`{"tocsin":1,"head":"ab"}`, true, false}, {`{"tocsin":2,"head":"` + head + `"}`, false, true},
	} {
		a, err := parseAnchor(5, f.metadata)
		if (err != nil) != f.fails || err == nil && (a.foreign != f.foreign || a.offset != 5 || !f.foreign && a.head[31] != 0xab) {
			t.Errorf("%s: %+v, %v", f.metadata, a, err)
		}
	}
}
