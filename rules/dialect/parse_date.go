package dialect

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"

	"tocsin/rules/calendar"
)

// writtenDate is a date as people write it, with a time of day or without.
var writtenDate = regexp.MustCompile(`\b(?:([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})|([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4}))([Tt ][0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?\b`)

// isoDate is a written date with the year first, or "" when that is no day, or when
// day and month may be either.
func isoDate(written string) string {
	m := writtenDate.FindStringSubmatch(written)
	if m == nil {
		return ""
	}
	number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
	year, month, day := number(1), number(2), number(3)
	if m[1] == "" {
		year, month, day = number(6), number(4), number(5)
		if month > 12 { // 23.11.2026
			month, day = day, month
		} else if day <= 12 && day != month {
			return ""
		}
	}
	d, err := calendar.ParseDate(fmt.Sprintf("%04d-%02d-%02d", year, month, day))
	if err != nil {
		return ""
	}
	return d.String()
}

// asDateParam is the remedy for a date in an expression, which would subtract or
// divide its parts.
func asDateParam(written string) string {
	if m := writtenDate.FindStringSubmatch(written); m != nil && m[7] != "" {
		if _, err := time.Parse(time.RFC3339Nano, written); err == nil {
			return asParam("moment", written)
		}
		return "write date, time and offset as a param, as moment: 2026-01-31T17:30:00-05:00, and moment in its place"
	}
	if iso := isoDate(written); iso != "" {
		return asParam("day", iso)
	}
	return "write the date as a param, year first, as day: 2026-01-31, and day in its place"
}

// date returns the date around an offset.
func (p *parsing) date(at int) (span, bool) {
	text := string(p.runes)
	for _, m := range writtenDate.FindAllStringIndex(text, -1) {
		from := utf8.RuneCountInString(text[:m[0]])
		if s := (span{from, from + m[1] - m[0]}); s.from <= at && at < s.to {
			return s, true
		}
	}
	return span{}, false
}
