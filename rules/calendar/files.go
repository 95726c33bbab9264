package calendar

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The files of Files.
const (
	yearsFile    = "years.csv"
	closuresFile = "closures.csv"
	clocksFile   = "clocks.csv"
)

var yearColumns = []string{"first", "last"}

// Files returns the data as texts by file name, from which Restore makes the
// same calendars in every later release: the covered years, every closed day
// (holidays are written out, so that no later rule for them moves one) and the
// clocks. Equal calendars have equal files. Each text ends in a line feed.
func (c *Calendars) Files() map[string]string { return maps.Clone(c.files) }

// Restore is the reverse of Files: its calendars give the same deadlines, the same
// errors and the same Version, whatever data this release ships. Errors: a missing
// or unknown file, and a malformed one, with file, line and column.
func Restore(files map[string]string) (*Calendars, error) {
	for name := range files {
		if name != yearsFile && name != closuresFile && name != clocksFile {
			return nil, fmt.Errorf("restore calendars: the file %s is unknown to this release: use the one that wrote it", name)
		}
	}
	y, err := parseYears(files[yearsFile])
	if err != nil {
		return nil, fmt.Errorf("restore calendars: %w", err)
	}
	entries, err := parseClosures(closuresFile, strings.NewReader(files[closuresFile]), y)
	if err != nil {
		return nil, fmt.Errorf("restore calendars: %w", err)
	}
	clocks, err := parseClocks(clocksFile, files[clocksFile])
	if err != nil {
		return nil, fmt.Errorf("restore calendars: %w", err)
	}
	closed := map[Market]map[Date]Closure{SEC: {}, NYSE: {}}
	for _, e := range entries {
		if e.Status != Closed {
			return nil, fmt.Errorf("restore calendars: %s: %s is entered as %s: only closed days belong there", closuresFile, e.Date, e.Status)
		}
		closed[e.Market][e.Date] = e
	}
	return newCalendars(newCalendar(SEC, y, closed[SEC]), newCalendar(NYSE, y, closed[NYSE]), y, clocks), nil
}

func formatYears(y years) string {
	return formatTable(yearColumns, [][]string{{strconv.Itoa(y.first), strconv.Itoa(y.last)}})
}

// parseYears bounds the years too: a calendar holds a number for each day.
func parseYears(text string) (y years, err error) {
	rows, err := readTable(yearsFile, strings.NewReader(text), yearColumns)
	if err != nil {
		return y, err
	}
	if len(rows) != 1 {
		return y, fmt.Errorf("%s: %d lines of years instead of one", yearsFile, len(rows))
	}
	for i, to := range []*int{&y.first, &y.last} {
		if *to, err = strconv.Atoi(rows[0].cells[i]); err != nil || *to < 1900 || *to > 2199 {
			return y, rows[0].fault(i, "%q is not a year from 1900 to 2199", rows[0].cells[i])
		}
	}
	if y.last < y.first {
		return y, rows[0].fault(1, "the last year is before the first")
	}
	return y, nil
}

// formatClosures writes each market's closed weekdays, in the form that
// parseClosures reads.
func formatClosures(markets ...*Calendar) string {
	var rows [][]string
	for _, m := range markets {
		for _, d := range slices.Sorted(maps.Keys(m.closures)) {
			e := m.closures[d]
			rows = append(rows, []string{e.Date.String(), string(e.Market), string(e.Status), e.Reason, e.Source, e.Announced.String()})
		}
	}
	return formatTable(closureColumns, rows)
}

func formatTable(columns []string, rows [][]string) string {
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll(append([][]string{columns}, rows...)); err != nil {
		panic("calendar: a buffer refused a line: " + err.Error())
	}
	return b.String()
}
