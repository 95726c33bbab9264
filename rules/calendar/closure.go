package calendar

import (
	_ "embed" // the closures that ship with the program
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Market names one of the two calendars.
type Market string

// The calendars: SEC for filings (the days EDGAR accepts them), NYSE for
// Regulation FD.
const (
	SEC  Market = "sec"
	NYSE Market = "nyse"
)

// Status is what a closure entry does to its day.
type Status string

// The statuses of an entry. An early close is an open day.
const (
	Closed Status = "closed"
	Open   Status = "open"
)

// Closure is one entry of a calendar's data: a day that is not a business day
// in a market, or (Status Open) a day that a rule closes and an order opened.
type Closure struct {
	Date      Date   `json:"date"`
	Market    Market `json:"market"`
	Status    Status `json:"status"`
	Reason    string `json:"reason"`           // never empty
	Source    string `json:"source,omitempty"` // the order or announcement; empty for weekends only
	Announced Date   `json:"announced,omitzero"`
}

var closureColumns = []string{"date", "market", "status", "reason", "source", "announced"}

//go:embed closures.csv
var embeddedClosures string

// parseClosures reads a closures file: CSV with a header line, # comments,
// one entry a line, for days of the years. All faults are reported, each with
// file, line and column.
func parseClosures(name string, r io.Reader, y years) ([]Closure, error) {
	rows, err := readTable(name, r, closureColumns)
	if err != nil {
		return nil, err
	}
	var entries []Closure
	var faults []error
	type key struct {
		date   Date
		market Market
	}
	lines := map[key]int{}
	for _, row := range rows {
		c, errs := parseClosure(row, y)
		if len(errs) > 0 {
			faults = append(faults, errs...)
			continue
		}
		k := key{c.Date, c.Market}
		if first, ok := lines[k]; ok {
			faults = append(faults, row.fault(0, "%s is entered for %s a second time (first on line %d): keep one of the two lines", c.Date, c.Market, first))
			continue
		}
		lines[k] = row.line
		entries = append(entries, c)
	}
	return entries, errors.Join(faults...)
}

func parseClosure(row tableRow, y years) (Closure, []error) {
	var faults []error
	fault := func(col int, format string, args ...any) {
		faults = append(faults, row.fault(col, format, args...))
	}
	c := Closure{
		Market: Market(row.cells[1]), Status: Status(row.cells[2]),
		Reason: row.cells[3], Source: row.cells[4],
	}
	var err error
	if c.Date, err = ParseDate(row.cells[0]); err != nil {
		fault(0, "%w", err)
	} else if !y.covers(c.Date) {
		fault(0, "%s is outside the years %s that the calendar covers: enter a day within them", c.Date, y)
	} else if w := c.Date.Weekday(); w == time.Saturday || w == time.Sunday {
		fault(0, "%s is a %s, which is never a business day: check the date", c.Date, w)
	}
	if c.Market != SEC && c.Market != NYSE {
		fault(1, "market %q is unknown: write sec or nyse", row.cells[1])
	}
	if c.Status != Closed && c.Status != Open {
		fault(2, "status %q is unknown: write closed or open (a day with an early close is open)", row.cells[2])
	}
	if c.Reason == "" {
		fault(3, "reason is empty: say why the day is %s", c.Status)
	}
	if c.Source == "" {
		fault(4, "source is empty: name the announcement or order")
	}
	for i, text := range row.cells {
		if strings.ContainsAny(text, "\r\n") { // the archive of a pack is made of lines
			fault(i, "%s holds a line break: write it in one line", closureColumns[i])
		}
	}
	if row.cells[5] != "" {
		if c.Announced, err = ParseDate(row.cells[5]); err != nil {
			fault(5, "%w", err)
		}
	}
	return c, faults
}

const byteOrderMark = "\xef\xbb\xbf"

// tableRow is a line of a data file, with the place of each cell.
type tableRow struct {
	file    string
	line    int
	columns []int
	cells   []string
}

func (r tableRow) fault(cell int, format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: "+format, slices.Concat([]any{r.file, r.line, r.columns[cell]}, args)...)
}

// readTable reads CSV whose first line must be exactly the given columns. A
// byte order mark in front of it, as spreadsheets write one, is no part of it. Lines
// end in LF, CRLF, or in CR alone where the file has no LF.
func readTable(name string, r io.Reader, columns []string) ([]tableRow, error) {
	in, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	text := strings.TrimPrefix(string(in), byteOrderMark)
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return nil, fmt.Errorf("%s:1:1: the file is UTF-16: save it as CSV UTF-8", name)
	}
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	cr := csv.NewReader(strings.NewReader(text))
	cr.Comment = '#'
	cr.FieldsPerRecord = -1
	var rows []tableRow
	var faults []error
	for first := true; ; first = false {
		cells, err := cr.Read()
		if errors.Is(err, io.EOF) {
			if first {
				return nil, fmt.Errorf("%s:1:1: the file is empty: begin it with the line %q", name, strings.Join(columns, ","))
			}
			return rows, errors.Join(faults...)
		}
		if err != nil {
			var pe *csv.ParseError
			if errors.As(err, &pe) {
				return nil, errors.Join(append(faults, fmt.Errorf("%s:%d:%d: %w: quote the cell, and double each quote within it", name, pe.Line, pe.Column, pe.Err))...)
			}
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		row := tableRow{file: name, cells: cells, columns: make([]int, len(cells))}
		row.line, _ = cr.FieldPos(0)
		for i := range cells {
			_, row.columns[i] = cr.FieldPos(i)
			cells[i] = strings.TrimSpace(cells[i])
			if !first && i < len(columns) && !utf8.ValidString(cells[i]) {
				faults = append(faults, row.fault(i, "%s is not UTF-8: save the file as CSV UTF-8", columns[i]))
			}
		}
		if first {
			if !slices.Equal(cells, columns) {
				return nil, row.fault(0, "the header is %q: it must be %q", strings.Join(cells, ","), strings.Join(columns, ","))
			}
			continue
		}
		if len(cells) != len(columns) {
			faults = append(faults, row.fault(0, "%d cells instead of %d: write %s", len(cells), len(columns), strings.Join(columns, ",")))
			continue
		}
		rows = append(rows, row)
	}
}
