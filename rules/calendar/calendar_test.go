package calendar_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/rules/calendar"
)

// closedWeekdays lists the weekdays of a year on which a market is closed.
func closedWeekdays(c *calendar.Calendar, year int) string {
	var out []string
	for _, e := range c.Closures(calendar.NewDate(year, time.January, 1), calendar.NewDate(year, time.December, 31)) {
		if w := e.Date.Weekday(); w != time.Saturday && w != time.Sunday {
			out = append(out, e.Date.String()[5:])
		}
	}
	return strings.Join(out, " ")
}

// Published closed weekdays of EDGAR and of the NYSE.
func TestClosedWeekdays(t *testing.T) {
	for _, c := range []struct {
		market calendar.Market
		year   int
		want   string
	}{
		{calendar.SEC, 2018, "01-01 01-15 02-19 05-28 07-04 09-03 10-08 11-12 11-22 12-05 12-24 12-25"},
		{calendar.SEC, 2021, "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31"},
		{calendar.SEC, 2022, "01-17 02-21 05-30 06-20 07-04 09-05 10-10 11-11 11-24 12-26"},
		{calendar.SEC, 2025, "01-01 01-09 01-20 02-17 05-26 06-19 07-04 09-01 10-13 11-11 11-27 12-24 12-25 12-26"},
		{calendar.SEC, 2026, "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25"},
		{calendar.SEC, 2027, "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31"},
		{calendar.SEC, 2028, "01-17 02-21 05-29 06-19 07-04 09-04 10-09 11-10 11-23 12-25"},
		{calendar.NYSE, 2020, "01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25"},
		{calendar.NYSE, 2021, "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24"},
		{calendar.NYSE, 2022, "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26"},
		{calendar.NYSE, 2027, "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24"},
	} {
		if got := closedWeekdays(calendar.Default().Market(c.market), c.year); got != c.want {
			t.Errorf("%s %d:\n got %s\nwant %s", c.market, c.year, got, c.want)
		}
	}
}

func TestClosuresSayWhy(t *testing.T) {
	got := calendar.Default().Market(calendar.SEC).Closures(date(t, "2025-12-24"), date(t, "2025-12-28"))
	if len(got) != 5 || got[3].Reason != "Saturday" || got[4].Reason != "Sunday" {
		t.Fatalf("%+v", got)
	}
	for _, c := range got[:3] {
		if c.Reason == "" || c.Source == "" || c.Status != calendar.Closed {
			t.Errorf("%s: no reason or source: %+v", c.Date, c)
		}
	}
}

func TestNotCovered(t *testing.T) {
	cals := calendar.Default()
	for _, c := range []struct {
		name  string
		clock calendar.Clock
		at    string
	}{
		{"before the first day", calendar.O4, "2003-12-31T23:59:59-05:00"},
		{"before it in the source's zone only", calendar.O4, "2003-12-31T21:30:00-08:00"},
		{"after the last day", calendar.O4, "2031-01-01T00:00:00-05:00"},
		{"the count runs past the last day", calendar.O4, "2030-12-26T12:00:00-05:00"},
		{"71 days run past it", calendar.CD71, "2030-11-01T12:00:00-05:00"},
		{"the exchange", calendar.FD, "2030-12-31T12:00:00-05:00"},
		{"awareness count", calendar.A4, "2030-12-20T12:00:00-05:00"},
		{"delay", calendar.AG, "2030-12-02T12:00:00-05:00"},
	} {
		_, err := cals.Deadline(c.clock, at(t, c.at))
		var nc *calendar.NotCoveredError
		if !errors.As(err, &nc) || !strings.Contains(err.Error(), "2004-01-01 to 2030-12-31") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, s := range []string{"2003-12-31", "2031-01-01"} {
		if _, err := cals.IsOpen(date(t, s)); err == nil {
			t.Errorf("%s is covered", s)
		}
		if _, err := cals.BusinessDaysBetween(date(t, "2026-01-02"), date(t, s)); err == nil {
			t.Errorf("counts to %s", s)
		}
	}
	if _, err := cals.AddBusinessDays(date(t, "2004-01-02"), -1); err == nil {
		t.Error("counts back past the first day")
	}
	if _, err := cals.Deadline(calendar.O4, at(t, "2004-01-01T12:00:00-05:00")); err != nil {
		t.Errorf("the first day: %v", err)
	}
	if d, err := cals.Deadline(calendar.O4, at(t, "2030-12-24T12:00:00-05:00")); err != nil || d.DueDate.String() != "2030-12-31" {
		t.Errorf("the last count: %s, %v", d.DueDate, err)
	}
}

const header = "date,market,status,reason,source,announced\n"

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOverrides(t *testing.T) {
	event := at(t, "2026-12-23T20:00:00-05:00")
	for _, c := range []struct{ name, text, due string }{
		{"none", header, "2026-12-30"},
		{"a closed day", header + "2026-12-24,sec,closed,Executive order,sec.gov,2026-12-18\n", "2026-12-31"},
		{"an opened holiday", header + "2026-12-25,sec,open,Correction,sec.gov,\n", "2026-12-29"},
		{"a spreadsheet's file", "\ufeff" + strings.ReplaceAll(header+"2026-12-24,sec,closed,Executive order,sec.gov,2026-12-18\n", "\n", "\r\n"), "2026-12-31"},
		{"another market", header + "2026-12-24,nyse,closed,Mourning,nyse.com,\n", "2026-12-30"},
	} {
		cals, err := calendar.Load(write(t, map[string]string{"more.csv": c.text, "README.md": "why", ".data": "x"}))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		d, err := cals.Deadline(calendar.O4, event)
		if err != nil || d.DueDate.String() != c.due {
			t.Errorf("%s: due %s, want %s (%v)", c.name, d.DueDate, c.due, err)
		}
		if changed := c.text != header; changed == (cals.Version() == calendar.Default().Version()) {
			t.Errorf("%s: version %s", c.name, cals.Version())
		}
	}
	if d, _ := calendar.Default().Deadline(calendar.O4, event); d.DueDate.String() != "2026-12-30" {
		t.Error("an override changed the default")
	}
}

func TestOverrideErrors(t *testing.T) {
	if _, err := calendar.LoadFS(os.DirFS(filepath.Join(t.TempDir(), "gone")), "gone"); err == nil || !strings.HasPrefix(err.Error(), "calendar overrides: ") {
		t.Errorf("a file system that cannot be read: %v", err)
	}
	ok := header + "2026-12-24,sec,closed,Order,sec.gov,\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"unknown status", map[string]string{"a.csv": header + "2026-12-24,sec,shut,Order,sec.gov,\n"}, []string{"a.csv:2:16: status \"shut\" is unknown: write closed or open"}},
		{"unknown market", map[string]string{"a.csv": header + "2026-12-24,nasdaq,closed,Order,sec.gov,\n"}, []string{"a.csv:2:12: market \"nasdaq\""}},
		{"no such day", map[string]string{"a.csv": header + "# first\n2026-02-30,sec,closed,Order,sec.gov,\n"}, []string{"a.csv:3:1: \"2026-02-30\" is not a date"}},
		{"a weekend", map[string]string{"a.csv": header + "2026-12-26,sec,closed,Order,sec.gov,\n"}, []string{"a.csv:2:1: 2026-12-26 is a Saturday"}},
		{"not covered", map[string]string{"a.csv": header + "2031-12-24,sec,closed,Order,sec.gov,\n"}, []string{"a.csv:2:1: 2031-12-24 is outside the years 2004-2030"}},
		{"no reason, no source", map[string]string{"a.csv": header + "2026-12-24,sec,closed,,,\n"}, []string{"a.csv:2:23: reason is empty", "a.csv:2:24: source is empty"}},
		{"announcement", map[string]string{"a.csv": header + "2026-12-24,sec,closed,Order,sec.gov,Friday\n"}, []string{"a.csv:2:37: \"Friday\" is not a date"}},
		{"two lines in a cell", map[string]string{"a.csv": header + "2026-12-24,sec,closed,\"Order\n-- rules/A.yaml --\n\",sec.gov,\n"}, []string{"a.csv:2:23: reason holds a line break: write it in one line"}},
		{"twice in a file", map[string]string{"a.csv": ok + "2026-12-24,sec,open,Order,sec.gov,\n"}, []string{"a.csv:3:1: 2026-12-24 is entered for sec a second time (first on line 2)"}},
		{"twice in two files", map[string]string{"a.csv": ok, "b.csv": ok}, []string{"b.csv: 2026-12-24 is entered for sec in", "a.csv too"}},
		{"header", map[string]string{"a.csv": "date,status\n"}, []string{"a.csv:1:1: the header is \"date,status\": it must be \"date,market,status,reason,source,announced\""}},
		{"empty file", map[string]string{"a.csv": ""}, []string{"a.csv:1:1: the file is empty"}},
		{"cells", map[string]string{"a.csv": header + "2026-12-24,sec,closed\n"}, []string{"a.csv:2:1: 3 cells instead of 6"}},
		{"quotes", map[string]string{"a.csv": header + "2026-12-24,sec,closed,\"Or\"der,sec.gov,\n"}, []string{"a.csv:2:", "quote the cell"}},
		{"not csv", map[string]string{"a.yaml": "closed: all"}, []string{"a.yaml: not a .csv file"}},
		{"every fault at once", map[string]string{"a.csv": header + "x,sec,closed,Order,s,\n2026-12-24,sec,shut,Order,s,\n", "b.csv": ""}, []string{"a.csv:2:1", "a.csv:3:16", "b.csv:1:1"}},
	} {
		_, err := calendar.Load(write(t, c.files))
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", c.name, err, want)
			}
		}
	}
	if _, err := calendar.Load(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such directory: %v", err)
	}
}

// The version is stored with every verdict: a change of the embedded data
// changes it, and this line, knowingly.
func TestVersion(t *testing.T) {
	const want = "2004-2030/sha256:d9572b931bbc"
	if got := calendar.Default().Version(); got != want {
		t.Errorf("version %s, want %s: if the data changed on purpose, enter the new version here", got, want)
	}
	dir := write(t, map[string]string{"a.csv": header + "2026-12-24,sec,closed,Order,sec.gov,\n"})
	a, errA := calendar.Load(dir)
	b, errB := calendar.Load(dir)
	if errA != nil || errB != nil || a.Version() != b.Version() {
		t.Errorf("two loads of one directory differ: %v %v", errA, errB)
	}
}

func TestDate(t *testing.T) {
	for _, s := range []string{"", "2026-2-3", "2026-02-30", "26-02-03", "2026-02-03T00:00:00Z", " 2026-02-03"} {
		if d, err := calendar.ParseDate(s); err == nil {
			t.Errorf("%q is %s", s, d)
		}
	}
	var zero calendar.Date
	if !zero.IsZero() || zero.String() != "" || calendar.NewDate(1, time.January, 1) != 1 {
		t.Error("the zero date is not absent")
	}
	if d := calendar.NewDate(2026, time.January, 32); d.String() != "2026-02-01" {
		t.Errorf("January 32 is %s", d)
	}
	old := time.Date(1969, time.December, 31, 23, 0, 0, 0, time.UTC)
	if d := calendar.DateOf(old); d.String() != "1969-12-31" {
		t.Errorf("%s is on %s", old, d)
	}
	type holder struct {
		D calendar.Date `json:"d"`
	}
	for _, want := range []holder{{date(t, "2028-02-29")}, {}} {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got holder
		if err := json.Unmarshal(text, &got); err != nil || got != want {
			t.Errorf("%s becomes %+v, %v", text, got, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"d":"2026-02-30"}`), &holder{}); err == nil {
		t.Error("a day that does not exist is read from JSON")
	}
}
