package calendar_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/rules/calendar"
)

// TestRestore: calendars come back from their files as they were, overrides
// included, and count every clock from every day to the same instant.
func TestRestore(t *testing.T) {
	overridden, err := calendar.Load(write(t, map[string]string{"a.csv": header +
		"2026-12-24,sec,closed,\"Order, \"\"of state\"\"\",sec.gov,2026-12-18\n2026-12-25,sec,open,Correction,sec.gov,\n2027-03-26,nyse,open,Correction,nyse.com,\n"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, was := range []*calendar.Calendars{calendar.Default(), overridden} {
		is, err := calendar.Restore(was.Files())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(was.Files(), is.Files()); diff != "" || was.Version() != is.Version() {
			t.Errorf("%s became %s\n%s", was.Version(), is.Version(), diff)
		}
		for day := calendar.NewDate(2003, time.December, 30); day < calendar.NewDate(2031, time.January, 3); day++ {
			for _, clock := range calendar.Clocks() {
				at := day.At(13, 0, calendar.NewYork())
				a, errA := was.Deadline(clock.Code, at)
				b, errB := is.Deadline(clock.Code, at)
				if !a.DueAt.Equal(b.DueAt) || (errA == nil) != (errB == nil) || (errA != nil && errA.Error() != errB.Error()) {
					t.Fatalf("%s from %s: %s %v became %s %v", clock.Code, day, a.DueAt, errA, b.DueAt, errB)
				}
			}
		}
	}
	if calendar.Default().Version() == overridden.Version() {
		t.Error("overrides do not change the version")
	}
}

// edited is the embedded calendars' files with a text replaced in one.
func edited(t *testing.T, file, old, new string) map[string]string {
	t.Helper()
	files := calendar.Default().Files()
	if !strings.Contains(files[file], old) {
		t.Fatalf("%s has no %q", file, old)
	}
	files[file] = strings.Replace(files[file], old, new, 1)
	return files
}

// TestRestoreForeignData: what counts is what the files say, not what this
// release ships.
func TestRestoreForeignData(t *testing.T) {
	const event = "2026-12-23T20:00:00-05:00"
	for _, c := range []struct {
		name  string
		files map[string]string
		due   string
	}{
		{"a holiday that is none", edited(t, "closures.csv", "2026-12-25,sec,closed,Christmas Day,5 U.S.C. 6103; Executive Order 11582,\n", ""), "2026-12-29T22:30:00Z"},
		{"a holiday more", edited(t, "closures.csv", "2026-12-25,sec", "2026-12-24,sec,closed,Order,sec.gov,\n2026-12-25,sec"), "2026-12-31T22:30:00Z"},
		{"another cutoff", edited(t, "clocks.csv", "O4,business,4,occurrence,sec,17:30", "O4,business,4,occurrence,sec,17:00"), "2026-12-30T22:00:00Z"},
		{"another count", edited(t, "clocks.csv", "O4,business,4,occurrence,sec,17:30", "O4,business,5,occurrence,sec,17:30"), "2026-12-31T22:30:00Z"},
		{"more years", edited(t, "years.csv", "2004,2030", "2003,2035"), "2026-12-30T22:30:00Z"},
	} {
		cals, err := calendar.Restore(c.files)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		d, err := cals.Deadline(calendar.O4, at(t, event))
		if err != nil || d.DueAt.Format(time.RFC3339) != c.due {
			t.Errorf("%s: due %s, want %s (%v)", c.name, d.DueAt.Format(time.RFC3339), c.due, err)
		}
		if cals.Version() == calendar.Default().Version() || d.CalendarVersion != cals.Version() {
			t.Errorf("%s: version %s of the deadline, %s of the calendars", c.name, d.CalendarVersion, cals.Version())
		}
	}
}

// TestRestoreYears: a day beyond the years of old data stays uncovered in a
// release that covers it.
func TestRestoreYears(t *testing.T) {
	files := calendar.Default().Files()
	files["years.csv"] = "first,last\n2026,2026\n"
	var kept []string
	for i, line := range strings.SplitAfter(files["closures.csv"], "\n") {
		if i == 0 || strings.HasPrefix(line, "2026-") {
			kept = append(kept, line)
		}
	}
	files["closures.csv"] = strings.Join(kept, "")
	cals, err := calendar.Restore(files)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := cals.Deadline(calendar.O4, at(t, "2026-12-23T20:00:00-05:00")); err != nil || d.DueDate.String() != "2026-12-30" {
		t.Errorf("due %s, %v", d.DueDate, err)
	}
	files["years.csv"], files["closures.csv"] = "first,last\n1900,2199\n", kept[0]
	if wide, err := calendar.Restore(files); err != nil {
		t.Error(err)
	} else if first, last := wide.Market(calendar.SEC).Covers(); first.String() != "1900-01-01" || last.String() != "2199-12-31" {
		t.Errorf("covers %s to %s", first, last)
	}
	for _, event := range []string{"2025-12-30T12:00:00-05:00", "2026-12-29T12:00:00-05:00", "2027-01-02T12:00:00-05:00"} {
		_, err := cals.Deadline(calendar.O4, at(t, event))
		var beyond *calendar.NotCoveredError
		if !errors.As(err, &beyond) || !strings.Contains(err.Error(), "2026-01-01 to 2026-12-31") {
			t.Errorf("%s: %v", event, err)
		}
	}
	if first, last := cals.Market(calendar.NYSE).Covers(); first.String() != "2026-01-01" || last.String() != "2026-12-31" {
		t.Errorf("covers %s to %s", first, last)
	}
}

func TestRestoreErrors(t *testing.T) {
	without := func(name string) map[string]string {
		files := calendar.Default().Files()
		delete(files, name)
		return files
	}
	more := maps.Clone(calendar.Default().Files())
	more["zones.csv"] = "zone\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"no years", without("years.csv"), "years.csv:1:1: the file is empty"},
		{"no closures", without("closures.csv"), "closures.csv:1:1: the file is empty"},
		{"no clocks", without("clocks.csv"), "clocks.csv:1:1: the file is empty"},
		{"a file of a later release", more, "the file zones.csv is unknown to this release: use the one that wrote it"},
		{"no year", edited(t, "years.csv", "2030", "soon"), `years.csv:2:6: "soon" is not a year`},
		{"a year before the first", edited(t, "years.csv", "2004", "1899"), `years.csv:2:1: "1899" is not a year from 1900 to 2199`},
		{"a year after the last", edited(t, "years.csv", "2030", "2200"), `years.csv:2:6: "2200" is not a year from 1900 to 2199`},
		{"years without end", edited(t, "years.csv", "2030", "999999"), `years.csv:2:6: "999999" is not a year from 1900 to 2199`},
		{"years reversed", edited(t, "years.csv", "2004,2030", "2030,2004"), "years.csv:2:6: the last year is before the first"},
		{"two ranges", edited(t, "years.csv", "2004,2030\n", "2004,2030\n2031,2032\n"), "years.csv: 2 lines of years instead of one"},
		{"a day of another year", edited(t, "years.csv", "2004", "2005"), "closures.csv:2:1: 2004-01-01 is outside the years 2005-2030"},
		{"an open day", edited(t, "closures.csv", "2004-01-01,sec,closed", "2004-01-01,sec,open"), "2004-01-01 is entered as open"},
		{"a clock that is counted on", edited(t, "clocks.csv", "O4,business", "O5,business"), "clocks.csv: the clock O4 with method business is missing"},
		{"a count of none", edited(t, "clocks.csv", "BD2,business,2", "BD2,business,0"), `"0" is not a count: write a number of at least 1`},
		{"no count", edited(t, "clocks.csv", "BD2,business,2", "BD2,business,"), "a clock has a count exactly if it has a deadline"},
		{"an unknown method", edited(t, "clocks.csv", "BD2,business", "BD2,lunar"), `method "lunar" is unknown`},
	} {
		if _, err := calendar.Restore(c.files); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
