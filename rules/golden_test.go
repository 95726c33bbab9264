package rules_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"tocsin/rules"
	"tocsin/rules/diag/diagtest"
	"tocsin/rules/event"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden runs f on each archive of a folder and compares what it returns with
// the archive's last file, want.
func golden(t *testing.T, pattern string, f func(t *testing.T, a *txtar.Archive) string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files %s: %v", pattern, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			last := len(a.Files) - 1
			want := string(a.Files[last].Data)
			got := f(t, &txtar.Archive{Files: a.Files[:last]})
			if *update {
				a.Files[last].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// open is a pack as a file system, without the files that the test itself reads.
func open(t testing.TB, a *txtar.Archive) fs.FS {
	t.Helper()
	pack := &txtar.Archive{}
	for _, f := range a.Files {
		if !strings.HasPrefix(f.Name, "events/") {
			pack.Files = append(pack.Files, f)
		}
	}
	fsys, err := txtar.FS(pack)
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// TestMistakes: every mistake of a pack is reported in one run, each with place,
// caret, code and remedy.
func TestMistakes(t *testing.T) {
	golden(t, "testdata/mistakes/*.txtar", func(t *testing.T, a *txtar.Archive) string {
		pack, mistakes := rules.Load(open(t, a), "pack", nil)
		if pack != nil && len(mistakes) == 0 {
			mistakes, pack = pack.Check(), nil
		}
		if pack != nil || len(mistakes) == 0 {
			t.Fatal("the pack loads")
		}
		diagtest.Complete(t, mistakes)
		var out bytes.Buffer
		if err := mistakes.Write(&out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	})
}

// seen is when every event of a verdict golden file reached Kafka.
var seen = time.Date(2026, 11, 24, 15, 0, 0, 0, time.UTC)

// verdict is a verdict as golden files show it.
type verdict struct {
	Event         string            `json:"event"`
	Rule          string            `json:"rule"`
	Outcome       string            `json:"outcome"`
	Candidate     string            `json:"candidate,omitempty"`
	Severity      string            `json:"severity,omitempty"`
	Key           string            `json:"key,omitempty"`
	Registrant    string            `json:"registrant,omitempty"`
	Profile       string            `json:"profile,omitempty"`
	Trigger       string            `json:"trigger,omitempty"`
	TriggerField  string            `json:"trigger_field,omitempty"`
	DueAt         string            `json:"due_at,omitempty"`
	DeadlineError string            `json:"deadline_error,omitempty"`
	Value         string            `json:"value,omitempty"`
	Reason        string            `json:"reason,omitempty"`
	Sentence      string            `json:"sentence,omitempty"`
	Change        []rules.Change    `json:"change,omitempty"`
	Checklist     []rules.Question  `json:"checklist,omitempty"`
	Explanation   rules.Explanation `json:"explanation,omitempty"`
}

func show(name string, v *rules.Verdict) verdict {
	out := verdict{Event: name, Rule: v.Rule.ID, Outcome: v.Outcome.String()}
	f := v.Finding
	if f == nil {
		return out
	}
	out.Candidate, out.Severity, out.Key, out.Registrant, out.Profile = f.CandidateID, f.Severity.String(), f.Key, f.Registrant, f.Profile
	out.Trigger, out.TriggerField, out.DeadlineError = f.Trigger.Format(time.RFC3339), f.TriggerField, f.DeadlineError
	out.Value, out.Reason, out.Explanation = f.Value, f.Reason, f.Explanation
	out.Sentence, out.Change, out.Checklist = f.Sentence, f.Change, f.Checklist
	if !f.Deadline.DueAt.IsZero() {
		out.DueAt = f.Deadline.DueAt.Format(time.RFC3339)
	}
	return out
}

// TestVerdicts judges the events of a file by the pack in it.
func TestVerdicts(t *testing.T) {
	golden(t, "testdata/verdicts/*.txtar", func(t *testing.T, a *txtar.Archive) string {
		pack, mistakes := rules.Load(open(t, a), "pack", nil)
		if err := mistakes.Err(); err != nil {
			t.Fatal(err)
		}
		engine := rules.NewEngine(pack)
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		for _, f := range a.Files {
			name, ok := strings.CutPrefix(f.Name, "events/")
			if !ok {
				continue
			}
			var ev event.Event
			if failure := event.NewDecoder(event.Limits{}).Decode(&ev, f.Data, nil); failure != nil {
				t.Fatalf("%s: %v", name, failure)
			}
			for _, v := range engine.Judge(nil, &ev, seen) {
				if err := enc.Encode(show(name, &v)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return out.String()
	})
}
