package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/cmd/tocsin/audit/trail"
	"tocsin/cmd/tocsin/cli"
)

const withProblems = `# HELP tocsin_audit_duration_seconds Duration of the last audit.
# TYPE tocsin_audit_duration_seconds gauge
tocsin_audit_duration_seconds 90.5
# HELP tocsin_audit_finished_timestamp_seconds End of the last audit, carried out or not.
# TYPE tocsin_audit_finished_timestamp_seconds gauge
tocsin_audit_finished_timestamp_seconds 1.7952624905e+09
# HELP tocsin_audit_problems Problems that the last audit found, by kind.
# TYPE tocsin_audit_problems gauge
tocsin_audit_problems{kind="added"} 0
tocsin_audit_problems{kind="alerted twice"} 0
tocsin_audit_problems{kind="altered"} 1500
tocsin_audit_problems{kind="chain broken"} 0
tocsin_audit_problems{kind="differs"} 0
tocsin_audit_problems{kind="doubled"} 0
tocsin_audit_problems{kind="missing"} 0
tocsin_audit_problems{kind="no mark"} 0
tocsin_audit_problems{kind="no record"} 0
tocsin_audit_problems{kind="no row"} 1
tocsin_audit_problems{kind="no rules"} 0
tocsin_audit_problems{kind="not alerted"} 0
tocsin_audit_problems{kind="not stored"} 0
tocsin_audit_problems{kind="unlike record"} 0
# HELP tocsin_audit_rows Rows that the last audit examined.
# TYPE tocsin_audit_rows gauge
tocsin_audit_rows 12
# HELP tocsin_audit_success 1 where the last audit was carried out and nothing is wrong, otherwise 0.
# TYPE tocsin_audit_success gauge
tocsin_audit_success 0
`

// The file counts every problem, also those that the report does not list, and holds
// no topic, candidate or message.
func TestTextfile(t *testing.T) {
	r := &report{Partitions: []*partition{{Topic: "canary", Rows: 5}, {Topic: "canary", Rows: 7}}}
	for range shownProblems + 500 {
		r.problem(problem{Kind: trail.Altered, Topic: "canary", Message: "canary"})
	}
	r.problem(problem{Kind: kindNoRow, Candidate: "canary", Message: "canary"})
	path := filepath.Join(t.TempDir(), "audit.prom")
	begun := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	write := func(success bool) string {
		t.Helper()
		if err := (&textfile{path: path, report: r}).write(begun, begun.Add(90500*time.Millisecond), success); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if diff := cmp.Diff(withProblems, write(false)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v; the node exporter has a user of its own", info.Mode(), err)
	}
	r = &report{}
	zero := regexp.MustCompile(`(?m)^(tocsin_audit_(?:problems\{.*\}|rows)) \d+$`).ReplaceAllString(withProblems, "$1 0")
	if diff := cmp.Diff(strings.Replace(zero, "success 0\n", "success 1\n", 1), write(true)); diff != "" {
		t.Errorf("nothing is wrong (-want +got)\n%s", diff)
	}
	only(t, path)
}

// only fails if the file's directory holds another file, such as a temporary one.
func only(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("the directory has %v, %v", entries, err)
	}
}

// An audit that fails, at its very start too, replaces the file of the audit before.
func TestTextfileOfAnAuditThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.prom")
	if err := os.WriteFile(path, []byte("tocsin_audit_success 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	if code := Command.Run(t.Context(), []string{"--config", "gone.yaml", "--textfile", path}, nil, &out, &errs); code != cli.Failed {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), "\ntocsin_audit_success 0\n") || !strings.Contains(string(text), "\ntocsin_audit_rows 0\n") {
		t.Errorf("%v\n%s", err, text)
	}
	only(t, path)
}

// Where the file cannot be written, the audit fails and the message has place, cause
// and remedy. An audit with problems keeps its exit code.
func TestTextfileThatCannotBeWritten(t *testing.T) {
	for _, f := range []struct{ outcome, want error }{{nil, nil}, {cli.ErrProblems, cli.ErrProblems}, {cli.ErrFailed, cli.ErrFailed}} {
		var errs bytes.Buffer
		file := &textfile{path: filepath.Join(t.TempDir(), "gone", "audit.prom")}
		err := file.after(func(context.Context, *cli.Call) error { return f.outcome })(t.Context(), &cli.Call{Stdout: io.Discard, Stderr: &errs})
		text := errs.String()
		if f.want == nil {
			text = fmt.Sprint(err)
		}
		if err == nil || !errors.Is(err, f.want) && f.want != nil || !strings.Contains(text, "--textfile: the metrics of the audit are not written: open ") || !strings.Contains(text, "right to write") {
			t.Errorf("after %v: %v\n%s", f.outcome, err, text)
		}
	}
}

// Half a file is never at the path: what cannot be finished leaves the old file.
func TestTextfileIsReplacedAtOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.prom")
	if err := os.Mkdir(path, 0o700); err != nil { // a rename onto a directory fails
		t.Fatal(err)
	}
	if err := (&textfile{path: path}).write(time.Now(), time.Now(), true); err == nil {
		t.Error("a directory was replaced")
	}
	only(t, path)
}
