package calendar_test

import (
	"encoding/csv"
	"os"
	"strings"
	"testing"
	"time"

	"tocsin/rules/calendar"
)

// at parses an instant in the offset it is written in.
func at(t testing.TB, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func date(t testing.TB, s string) calendar.Date {
	t.Helper()
	d, err := calendar.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// csvRows reads a CSV file with a header into one map a row.
func csvRows(t testing.TB, path string) []map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var rows []map[string]string
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, name := range all[0] {
			row[name] = cells[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// The 28 worked examples, by every clock of four business days.
func TestVectors(t *testing.T) {
	rows := csvRows(t, "testdata/vectors.csv")
	if len(rows) != 28 {
		t.Fatalf("%d vectors instead of 28", len(rows))
	}
	cals := calendar.Default()
	for _, row := range rows {
		for _, clock := range []calendar.Clock{calendar.O4, calendar.D4, calendar.N4, calendar.AM4} {
			d, err := cals.Deadline(clock, at(t, row["event_time"]))
			if err != nil {
				t.Errorf("%s %s: %v", row["id"], clock, err)
				continue
			}
			for _, c := range []struct{ what, got, want string }{
				{"date in New York", d.TriggerDateET.String(), row["et_date"]},
				{"local date", d.TriggerDateLocal.String(), row["local_date"]},
				{"due date", d.DueDate.String(), row["due_date_et"]},
				{"due instant", d.DueAt.Format("2006-01-02T15:04Z07:00"), row["due_at_utc"]},
				{"conservative due date", d.DueDateConservative.String(), row["due_date_conservative"]},
				{"last counted day", d.Days[3].String(), row["due_date_et"]},
				{"version", d.CalendarVersion, cals.Version()},
			} {
				if c.got != c.want {
					t.Errorf("%s %s: %s is %s, want %s", row["id"], clock, c.what, c.got, c.want)
				}
			}
		}
	}
}

// The days counted in the worked examples that skip most.
func TestCountedDays(t *testing.T) {
	for _, c := range []struct{ name, at, days string }{
		{"three days closed by order", "2025-12-22T09:00:00-05:00", "2025-12-23 2025-12-29 2025-12-30 2025-12-31"},
		{"Thanksgiving", "2026-11-23T18:30:00-05:00", "2026-11-24 2026-11-25 2026-11-27 2026-11-30"},
		{"a holiday observed in the year before", "2027-12-28T12:00:00-05:00", "2027-12-29 2027-12-30 2028-01-03 2028-01-04"},
		{"Sunday before a closed Monday", "2027-07-04T12:00:00-04:00", "2027-07-06 2027-07-07 2027-07-08 2027-07-09"},
	} {
		d, err := calendar.Default().Deadline(calendar.O4, at(t, c.at))
		if err != nil {
			t.Fatal(err)
		}
		if got := join(d.Days); got != c.days {
			t.Errorf("%s: counted %s, want %s", c.name, got, c.days)
		}
	}
}

func join(days []calendar.Date) string {
	var s []string
	for _, d := range days {
		s = append(s, d.String())
	}
	return strings.Join(s, " ")
}

// The wrong ways to count give the wrong dates that are expected of them, so
// the vectors do tell the right way from these.
func TestNegativeControls(t *testing.T) {
	dir := t.TempDir()
	naive := "date,market,status,reason,source,announced\n" +
		"2025-12-24,sec,open,without the order,control,\n2025-12-26,sec,open,without the order,control,\n"
	if err := os.WriteFile(dir+"/naive.csv", []byte(naive), 0o600); err != nil {
		t.Fatal(err)
	}
	federalOnly, err := calendar.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	cals := calendar.Default()
	for _, c := range []struct {
		name, from, wrong, right string
		cal                      *calendar.Calendar
	}{
		{"W15 by statute only", "2025-12-22", "2025-12-29", "2025-12-31", federalOnly.Market(calendar.SEC)},
		{"W21 by the exchange", "2026-11-09", "2026-11-13", "2026-11-16", cals.Market(calendar.NYSE)},
		{"W22 by the exchange", "2026-03-31", "2026-04-07", "2026-04-06", cals.Market(calendar.NYSE)},
	} {
		wrong, err := c.cal.AddBusinessDays(date(t, c.from), 4)
		if err != nil {
			t.Fatal(err)
		}
		right, err := cals.AddBusinessDays(date(t, c.from), 4)
		if err != nil {
			t.Fatal(err)
		}
		if wrong.String() != c.wrong || right.String() != c.right {
			t.Errorf("%s: %s and %s, want %s and %s", c.name, wrong, right, c.wrong, c.right)
		}
	}
	utc, err := cals.AddBusinessDays(calendar.DateOf(at(t, "2026-07-15T00:30:00Z")), 4)
	if err != nil || utc.String() != "2026-07-21" {
		t.Errorf("W28 by the date in UTC: %s %v, want 2026-07-21", utc, err)
	}
}
