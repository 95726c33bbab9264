package adsgl

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"tocsin/rules/calendar"
)

var (
	errDate = errors.New("is not a date: want YYYYMMDD, YYYY-MM-DD, YYYY/MM/DD or DD.MM.YYYY")
	errTime = errors.New("is not a time of day: want HHMMSS, HHMM, HH:MM or HH:MM:SS")
)

// day is a civil date that may be absent.
type day struct {
	date  calendar.Date
	known bool
}

// sentinels are dates that mean "none" in extracts: SAP's and SQL Server's
// first day, zeros, and the ends of time.
var sentinels = map[string]bool{"00000000": true, "00010101": true, "19000101": true, "99991231": true, "99990101": true}

// parseDate reads a date; what follows it behind a blank or a T (a time of day)
// is returned as rest.
func parseDate(s string) (d day, rest string, err error) {
	if i := strings.IndexAny(s, " T"); i >= 0 {
		s, rest = s[:i], strings.TrimSpace(s[i+1:])
	}
	plain := s
	switch {
	case s == "" || strings.Trim(s, "0") == "":
		return day{}, rest, nil
	case len(s) == 10 && (s[4] == '-' && s[7] == '-' || s[4] == '/' && s[7] == '/'):
		plain = s[:4] + s[5:7] + s[8:]
	case len(s) == 10 && s[2] == '.' && s[5] == '.':
		plain = s[6:] + s[3:5] + s[:2]
	}
	if len(plain) != 8 || !digits(plain) {
		return day{}, "", errDate
	}
	if sentinels[plain] {
		return day{}, rest, nil
	}
	date, err := calendar.ParseDate(plain[:4] + "-" + plain[4:6] + "-" + plain[6:])
	if err != nil {
		return day{}, "", errDate
	}
	return day{date, true}, rest, nil
}

// clock is a time of day in microseconds, that may be absent.
type clock struct {
	micros int64
	known  bool
}

const second = int64(time.Second / time.Microsecond)

// parseTime reads a time of day. Digits alone are HHMMSS without leading zeros
// (90036 is 09:00:36), or HHMM when short, which the standard allows too and
// only the whole file can tell.
func parseTime(s string, short bool) (clock, error) {
	if s == "" {
		return clock{}, nil
	}
	if digits(s) {
		width := 6
		if short {
			width = 4
		}
		if len(s) > width {
			return clock{}, errTime
		}
		s = strings.Repeat("0", width-len(s)) + s + "00"
		return clockOf(s[:2], s[2:4], s[4:6], "")
	}
	s = strings.TrimSuffix(s, "Z")
	half := ""
	if n := len(s); n > 2 && (s[n-1] == 'M' || s[n-1] == 'm') {
		half = strings.ToUpper(s[n-2:])
		s = strings.TrimSpace(s[:n-2])
	}
	parts := strings.Split(s, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return clock{}, errTime
	}
	seconds, fraction := "00", ""
	if len(parts) == 3 {
		seconds, fraction, _ = strings.Cut(parts[2], ".")
	}
	if half != "" {
		hour, err := strconv.Atoi(parts[0])
		if err != nil || hour < 1 || hour > 12 || (half != "AM" && half != "PM") {
			return clock{}, errTime
		}
		if hour %= 12; half == "PM" {
			hour += 12
		}
		parts[0] = strconv.Itoa(hour)
	}
	return clockOf(parts[0], parts[1], seconds, fraction)
}

func clockOf(hour, minute, sec, fraction string) (clock, error) {
	total := int64(0)
	for i, limit := range [...]int64{24, 60, 60} {
		part := [...]string{hour, minute, sec}[i]
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || !digits(part) || len(part) > 2 || n >= limit {
			return clock{}, errTime
		}
		total = total*60 + n
	}
	if !digits(fraction) || len(strings.TrimRight(fraction, "0")) > 6 {
		return clock{}, errTime
	}
	micros, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return clock{total*second + micros, true}, nil
}

// instant places a time of day of a date in a zone. A date without a time is
// its first moment: the day is known and worth keeping.
func instant(d day, c clock, zone *time.Location) time.Time {
	year, month, dom := d.date.Civil()
	seconds := int(c.micros / second)
	return time.Date(year, month, dom, seconds/3600, seconds/60%60, seconds%60, int(c.micros%second)*1000, zone)
}
