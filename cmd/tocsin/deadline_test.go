package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// The digest of the data is left out of the cases, so that an entry more in the
// calendar does not change them all.
var digest = regexp.MustCompile(`sha256:[0-9a-f]{12}\b`)

// The command as its users see it: every case of testdata/deadline.txtar.
func TestDeadlineOutput(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/deadline.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(archive.Files) < 30 {
		t.Fatalf("%d cases: the file is not read to its end", len(archive.Files))
	}
	for _, f := range archive.Files {
		var stdout, stderr bytes.Buffer
		code := deadlineCommand.Run(t.Context(), strings.Fields(f.Name), nil, &stdout, &stderr)
		if (code == 0) != (stderr.Len() == 0) || code != 0 && stdout.Len() > 0 {
			t.Errorf("%s: exit %d with %d bytes of output and %d of error", f.Name, code, stdout.Len(), stderr.Len())
		}
		got := fmt.Sprintf("%s%sexit %d\n", &stdout, &stderr, code)
		got = digest.ReplaceAllString(got, "sha256:DIGEST")
		if diff := cmp.Diff(string(f.Data), got); diff != "" {
			t.Errorf("tocsin deadline %s (-want +got):\n%s", f.Name, diff)
		}
	}
}

// The JSON keys are those of the fields every alert carries.
func TestDeadlineKeys(t *testing.T) {
	var stdout, stderr bytes.Buffer
	args := []string{"--item", "1.05", "--at", "2026-02-12T18:00:00-05:00", "--json", "--now", "2026-02-13"}
	if code := deadlineCommand.Run(t.Context(), args, nil, &stdout, &stderr); code != 0 {
		t.Fatalf("exit %d: %s", code, &stderr)
	}
	var got map[string]any
	if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"trigger_basis": "determination", "deadline_class": "D4",
		"trigger_date_et": "2026-02-12", "trigger_date_local": "2026-02-12",
		"due_date": "2026-02-19", "due_at": "2026-02-19T22:30:00Z",
		"due_date_conservative": "2026-02-19", "due_at_conservative": "2026-02-19T22:30:00Z",
		"business_days_remaining": 3.0,
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	for _, key := range []string{"trigger_time", "calendar_version", "counted_days", "closures"} {
		if got[key] == nil {
			t.Errorf("%s is missing", key)
		}
	}
}

func TestDeadlineHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := deadlineCommand.Run(t.Context(), []string{"-h"}, nil, &stdout, &stderr)
	if help := stdout.String() + stderr.String(); code != 0 || !strings.Contains(help, "--item 1.01") || !strings.Contains(help, "-calendar") {
		t.Errorf("exit %d: %s", code, help)
	}
}
