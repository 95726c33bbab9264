package event

import (
	"time"

	"tocsin/rules/calendar"
)

// epoch is the day on which microseconds are counted from.
var epoch = calendar.NewDate(1970, time.January, 1)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
)

var monthDays = [...]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// parseDate reads YYYY-MM-DD and nothing else. problem states what is wrong and
// is empty when nothing is.
func parseDate(s string) (date calendar.Date, problem string) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return 0, "want a date of the form YYYY-MM-DD"
	}
	year, month, day := two(s, 0)*100+two(s, 2), two(s, 5), two(s, 8)
	if two(s, 0) < 0 || two(s, 2) < 0 || month < 0 || day < 0 {
		return 0, "want a date of the form YYYY-MM-DD"
	}
	if year == 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return 0, "that day does not exist"
	}
	return calendar.NewDate(year, time.Month(month), day), ""
}

func daysIn(year, month int) int {
	if month == 2 && year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		return 29
	}
	return monthDays[month]
}

// parseInstant reads RFC 3339 with at most nine decimals that are not zero:
// microseconds since 1970 UTC and the offset, in seconds east of UTC. The decimals
// beyond the sixth are cut off, so the instant becomes earlier by less than a
// microsecond.
func parseInstant(s string) (micros int64, offset int, problem string) {
	const form = "want an instant of the form YYYY-MM-DDThh:mm:ss with an offset, as RFC 3339 has it"
	const clock = len("2006-01-02T15:04:05")
	if len(s) < clock || s[10]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return 0, 0, form
	}
	date, problem := parseDate(s[:10])
	if problem != "" {
		return 0, 0, problem
	}
	hour, minute, second := two(s, 11), two(s, 14), two(s, 17)
	if hour < 0 || minute < 0 || second < 0 {
		return 0, 0, form
	}
	if hour > 23 || minute > 59 || second > 59 {
		return 0, 0, "that time of day does not exist"
	}
	fraction, rest, problem := parseFraction(s[clock:])
	if problem != "" {
		return 0, 0, problem
	}
	offset, problem = parseOffset(rest)
	if problem != "" {
		return 0, 0, problem
	}
	seconds := int64(date-epoch)*secondsPerDay + int64(hour*3600+minute*60+second-offset)
	return seconds*microsPerSecond + fraction, offset, ""
}

// finest is how many decimals of a second are read: Go and Java write nine.
const finest = 9

// parseFraction reads the decimals of a second, if any, as whole microseconds.
func parseFraction(s string) (micros int64, rest, problem string) {
	if s == "" || s[0] != '.' {
		return 0, s, ""
	}
	i, scale := 1, int64(microsPerSecond/10)
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		if i > finest && s[i] != '0' {
			return 0, "", "is finer than a nanosecond; send at most nine decimals"
		}
		micros += int64(s[i]-'0') * scale
		scale /= 10
	}
	if i == 1 {
		return 0, "", "want a digit after the point"
	}
	return micros, s[i:], ""
}

func parseOffset(s string) (seconds int, problem string) {
	switch {
	case s == "Z" || s == "z":
		return 0, ""
	case s == "":
		return 0, "has no offset; end it with Z or an offset such as -05:00"
	case len(s) != len("-05:00") || (s[0] != '+' && s[0] != '-') || s[3] != ':':
		return 0, "want Z or an offset such as -05:00 at the end"
	}
	hour, minute := two(s, 1), two(s, 4)
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, "that offset does not exist"
	}
	seconds = hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, ""
}

// two reads two digits at i, or returns a number far below zero.
func two(s string, i int) int {
	a, b := s[i]-'0', s[i+1]-'0'
	if a > 9 || b > 9 {
		return -1_000_000
	}
	return int(a)*10 + int(b)
}
