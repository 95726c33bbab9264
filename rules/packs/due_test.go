package packs_test

import (
	"encoding/csv"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"

	"tocsin/rules"
	"tocsin/rules/calendar"
	"tocsin/rules/packs"
)

// due is an instant that a clock runs from, and the one at which the report is
// due.
type due struct{ from, at string }

// otherClocks are worked examples of the clocks that do not count four business
// days.
var otherClocks = map[calendar.Clock][]due{
	calendar.A4:   {{"2026-04-06T12:00:00-04:00", "2026-04-15T17:30:00-04:00"}},
	calendar.CD71: {{"2026-09-14T12:00:00-04:00", "2026-11-30T17:30:00-05:00"}},
	calendar.FD: {
		{"2026-03-10T08:00:00-04:00", "2026-03-11T09:30:00-04:00"},
		{"2026-03-10T11:00:00-04:00", "2026-03-11T11:00:00-04:00"},
		{"2026-03-13T18:00:00-04:00", "2026-03-16T09:30:00-04:00"},
		{"2026-04-02T15:00:00-04:00", "2026-04-06T09:30:00-04:00"},
		{"2026-11-10T16:05:00-05:00", "2026-11-11T16:05:00-05:00"},
	},
}

// The candidates of every shipped rule with a filing deadline are due when the
// worked examples of its clock say, whatever the rule's trigger is.
func TestDueDates(t *testing.T) {
	examples := fourDays(t)
	pack, _ := packs.Open("sox409")
	whole, mistakes := rules.Load(pack, "sox409", nil)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	tried := map[calendar.Clock]int{}
	for _, r := range whole.Rules() {
		info, _ := r.Clock.Info()
		if !info.Deadline || r.ID == "DEB-06" { // whose condition moves with its trigger
			continue
		}
		of := examples
		if others, is := otherClocks[r.Clock]; is {
			of = others
		}
		files := fstest.MapFS{"cases/" + r.ID + ".yaml": {Data: []byte(triggered(t, read(t, pack, "cases/"+r.ID+".yaml"), of))}}
		for _, file := range append(glob(t, pack, "profiles/*"), "pack.yaml", "accounts.yaml", "rules/"+r.ID+".yaml") {
			files[file] = &fstest.MapFile{Data: []byte(read(t, pack, file))}
		}
		p, mistakes := rules.Load(files, "due", nil)
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		for i, result := range p.RunCases().Results {
			want, err := time.Parse(time.RFC3339, of[i].at)
			if err != nil {
				t.Fatal(err)
			}
			f := result.Verdict.Finding
			switch {
			case f == nil:
				t.Errorf("%s from %s: %s", r.ID, of[i].from, result.Verdict.Outcome)
			case !f.Deadline.DueAt.Equal(want):
				t.Errorf("%s from %s is due %s, want %s", r.ID, of[i].from, f.Deadline.DueAt, of[i].at)
			}
			tried[r.Clock]++
		}
	}
	t.Logf("candidates compared, by clock: %v", tried)
	for _, clock := range []calendar.Clock{calendar.O4, calendar.D4, calendar.N4, calendar.AM4, calendar.A4, calendar.CD71, calendar.FD} {
		if tried[clock] == 0 {
			t.Errorf("no rule has the clock %s", clock)
		}
	}
}

// fourDays reads the worked examples of four business days.
func fourDays(t *testing.T) []due {
	t.Helper()
	file, err := os.Open("../calendar/testdata/vectors.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := func(name string) int {
		for i, cell := range rows[0] {
			if cell == name {
				return i
			}
		}
		t.Fatal("no column " + name)
		return 0
	}
	from, at := column("event_time"), column("due_at_utc")
	var all []due
	for _, row := range rows[1:] {
		all = append(all, due{row[from], strings.Replace(row[at], "Z", ":00Z", 1)})
	}
	if len(all) != 28 {
		t.Fatalf("%d examples, want 28", len(all))
	}
	return all
}

// triggered makes cases of the event that a rule's cases have in common, each
// with the trigger of an example.
func triggered(t *testing.T, cases string, examples []due) string {
	t.Helper()
	var doc struct {
		Base  yaml.Node `yaml:"base"`
		Cases []struct {
			Event  *yaml.Node        `yaml:"event"`
			Expect map[string]string `yaml:"expect"`
		} `yaml:"cases"`
	}
	if err := yaml.Unmarshal([]byte(cases), &doc); err != nil {
		t.Fatal(err)
	}
	first := doc.Cases[0]
	if first.Event != nil || first.Expect["outcome"] != "match" {
		t.Fatalf("the first case does not show what matches:\n%.300s", cases)
	}
	base, err := yaml.Marshal(&doc.Base)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "schema: tocsin.cases/v1\nbase:\n  %s\ncases:\n", strings.ReplaceAll(strings.TrimSpace(string(base)), "\n", "\n  "))
	for i, e := range examples {
		trigger := fmt.Sprintf("data: { %s: %s }", first.Expect["trigger_field"], e.from)
		if field := first.Expect["trigger_field"]; field == "" || field == "event_time" {
			trigger = "time: " + e.from
		}
		fmt.Fprintf(&b, "  - { name: example %d, event: { %s }, expect: { outcome: match } }\n", i, trigger)
	}
	return b.String()
}
