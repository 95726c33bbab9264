package audit

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"time"

	"tocsin/cmd/tocsin/cli"
)

// --last counts back from the start of the audit, and has no end: rows that workers
// store meanwhile belong to the audit too.
func TestLastEndsAtTheStart(t *testing.T) {
	flags := flag.NewFlagSet("audit", flag.ContinueOnError)
	w := windowFlags(flags)
	if err := flags.Set("last", "26h"); err != nil {
		t.Fatal(err)
	}
	if err := w.begin(time.Date(2026, 11, 23, 18, 0, 0, 0, time.FixedZone("", -5*3600))); err != nil {
		t.Fatal(err)
	}
	if want := "2026-11-22T21:00:00Z"; w.from.Format(time.RFC3339) != want || !w.to.IsZero() {
		t.Errorf("the window is from %s to %s, want it from %s without an end", w.from, w.to, want)
	}
}

func TestWindowRejectsContradictions(t *testing.T) {
	for _, f := range []struct{ args, want string }{
		{"--last 26", "--last \"26\": want a duration above zero, such as 26h or 90m"},
		{"--last 0", "want a duration above zero"},
		{"--last -1h", "want a duration above zero"},
		{"--last 1d", "want a duration above zero"},
		{"--last 26h --from 2026-01-01", "--last excludes --from and --to"},
		{"--to 2026-01-01 --last 26h", "--last excludes --from and --to"},
		{"--from 2026-01-02 --to 2026-01-01", "--from must be before --to"},
		{"--last 26h --textfile audit.txt", "want a name that ends in .prom"},
	} {
		var out, errs bytes.Buffer
		if code := Command.Run(t.Context(), strings.Fields(f.args), nil, &out, &errs); code != cli.Usage || !strings.Contains(errs.String(), f.want) {
			t.Errorf("%s: exit code %d, %s", f.args, code, errs.String())
		}
	}
}
