package adsgl

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"tocsin/rules/calendar"
	"tocsin/rules/event"
)

var (
	errDate      = errors.New("is not a date: want YYYYMMDD, YYYY-MM-DD, YYYY/MM/DD, DD.MM.YYYY, DD-MON-YYYY, or day, month and year with --date-order")
	errOrder     = errors.New("is ambiguous: the day or the month may stand first; name the order with --date-order mdy or --date-order dmy")
	errNotOrder  = errors.New("is not a date in the order of --date-order")
	errTwoDigits = errors.New("has a year of two digits; export four, or name the order with --date-order: then 70 to 99 are 1970 to 1999")
	errSerial    = errors.New("is a spreadsheet's number of a day; format the column as a date and export it again")
	errTime      = errors.New("is not a time of day: want HHMMSS, HHMM, HH:MM or HH:MM:SS, with Z or +HH:MM where the zone is not that of --timezone")
	errTwice     = errors.New("comes twice in --timezone, as clocks are set back: export the time with its zone, or give --timezone without summer time, such as Etc/GMT+5")
	errNever     = errors.New("does not exist in --timezone, as clocks are set forward: export the time with its zone, or give the --timezone of the ledger")
	errDateZone  = errors.New("is an instant in UTC where a civil date is wanted; export the date without a time")
)

// DateOrder is the order of day, month and year in dates whose form does not
// show it, such as 03/02/2026.
type DateOrder string

// The orders. The zero value leaves it to the file, and a date that the file
// does not decide is refused.
const (
	MonthFirst DateOrder = "mdy"
	DayFirst   DateOrder = "dmy"
)

// DateOrders are the orders that can be named.
var DateOrders = []DateOrder{MonthFirst, DayFirst}

// day is a civil date that may be absent.
type day struct {
	date  calendar.Date
	known bool
}

// sentinels are dates that mean "none" in extracts: SAP's and SQL Server's
// first day, zeros, and the ends of time.
var sentinels = map[string]bool{"00000000": true, "00010101": true, "19000101": true, "99991231": true, "99990101": true}

var months = map[string]string{
	"jan": "01", "feb": "02", "mar": "03", "apr": "04", "may": "05", "jun": "06",
	"jul": "07", "aug": "08", "sep": "09", "oct": "10", "nov": "11", "dec": "12",
}

// cutTime cuts what follows a date behind a blank or a T.
func cutTime(s string) (date, rest string) {
	for i := 1; i < len(s); i++ {
		if s[i] == ' ' || s[i] == 'T' && s[i-1] >= '0' && s[i-1] <= '9' {
			return s[:i], strings.TrimSpace(s[i+1:])
		}
	}
	return s, ""
}

// parts are the three parts of a date and the mark between them.
func parts(s string) (p [3]string, mark byte, ok bool) {
	at := strings.IndexAny(s, "/.-")
	if at < 0 {
		return p, 0, false
	}
	split := strings.Split(s, s[at:at+1])
	if len(split) != 3 {
		return p, 0, false
	}
	return [3]string(split), s[at], true
}

// orderOf is what a date shows of the order of day and month: a part above 12
// is a day. either reports that both orders are possible.
func orderOf(s string) (order DateOrder, either bool) {
	date, _ := cutTime(s)
	p, mark, ok := parts(date)
	if !ok || mark == '.' || len(p[0]) > 2 || !digits(p[0]+p[1]+p[2]) {
		return "", false
	}
	first, err := strconv.Atoi(p[0])
	second, err2 := strconv.Atoi(p[1])
	switch {
	case err != nil || err2 != nil || first < 1 || second < 1 || first > 12 && second > 12 || first > 31 || second > 31:
		return "", false
	case first > 12:
		return DayFirst, false
	case second > 12:
		return MonthFirst, false
	}
	return "", first != second
}

// shortYear reports whether the last part of a date has two digits. Such a date
// decides no order: in 26/03/02 the year may stand first.
func shortYear(s string) bool {
	date, _ := cutTime(s)
	p, _, ok := parts(date)
	return ok && len(p[2]) == 2 && len(p[0]) < 4
}

// parseDate reads a date; what follows it behind a blank or a T (a time of day)
// is returned as rest.
func parseDate(s string, order DateOrder) (d day, rest string, err error) {
	s, rest = cutTime(s)
	if s == "" || strings.Trim(s, "0") == "" {
		return day{}, rest, nil
	}
	plain, err := plainDate(s, order)
	if err != nil {
		return day{}, "", err
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

// plainDate rewrites a date as YYYYMMDD.
func plainDate(s string, order DateOrder) (string, error) {
	p, mark, ok := parts(s)
	switch {
	case len(s) == 8 && digits(s):
		return s, nil
	case len(s) == 5 && digits(s):
		return "", errSerial
	case !ok:
		return "", errDate
	case len(p[0]) == 4 && digits(p[0]+p[1]+p[2]):
		return pad(p[0], p[1], p[2])
	}
	if month, named := months[strings.ToLower(p[1])]; named {
		year, err := fourDigits(p[2], true)
		if err != nil {
			return "", err
		}
		return pad(year, month, p[0])
	}
	if !digits(p[0] + p[1] + p[2]) {
		return "", errDate
	}
	year, err := fourDigits(p[2], order != "")
	if err != nil {
		return "", err
	}
	if order == "" && mark == '.' {
		order = DayFirst
	}
	found, either := orderOf(s)
	switch {
	case order == "" && either:
		return "", errOrder
	case order == "" && found == "":
		order = DayFirst // day and month are equal, or it is no date
	case order == "":
		order = found
	case found != "" && found != order:
		return "", errNotOrder
	}
	if order == MonthFirst {
		return pad(year, p[0], p[1])
	}
	return pad(year, p[1], p[0])
}

func fourDigits(year string, two bool) (string, error) {
	switch {
	case len(year) == 4 && digits(year):
		return year, nil
	case len(year) != 2 || !digits(year):
		return "", errDate
	case !two:
		return "", errTwoDigits
	case year < "70":
		return "20" + year, nil
	}
	return "19" + year, nil
}

func pad(year, month, dom string) (string, error) {
	if len(month) < 1 || len(month) > 2 || len(dom) < 1 || len(dom) > 2 || !digits(month+dom) {
		return "", errDate
	}
	return year + ("0" + month)[len(month)-1:] + ("0" + dom)[len(dom)-1:], nil
}

// civil reads a date in which a time of day counts for nothing. A time in UTC
// other than midnight is refused: the civil date depends on the zone.
func civil(s string, order DateOrder) (day, error) {
	d, rest, err := parseDate(s, order)
	if err != nil || rest == "" {
		return d, err
	}
	at, err := parseTime(rest, false)
	if err != nil {
		return day{}, errDate
	}
	if at.zoned && at.offset == 0 && at.micros != 0 && d.known {
		return day{}, errDateZone
	}
	return d, nil
}

// clock is a time of day in microseconds, that may be absent, and the offset of
// its zone in seconds where the file has it.
type clock struct {
	micros int64
	known  bool
	offset int
	zoned  bool
}

const second = int64(time.Second / time.Microsecond)

// cutZone cuts a zone off a time of day: Z, UTC, +01, +0100 or +01:00.
func cutZone(s string) (rest string, offset int, zoned, ok bool) {
	for _, name := range []string{"Z", "z", "UTC", "GMT"} {
		if before, found := strings.CutSuffix(s, name); found {
			return strings.TrimSpace(before), 0, true, true
		}
	}
	at := strings.LastIndexAny(s, "+-")
	if at < 1 {
		return s, 0, false, true
	}
	hours, minutes, coloned := strings.Cut(s[at+1:], ":")
	if !coloned && len(hours) == 4 {
		hours, minutes = hours[:2], hours[2:]
	}
	h, err := strconv.Atoi(hours)
	m := 0
	if minutes != "" && err == nil {
		m, err = strconv.Atoi(minutes)
	}
	if err != nil || len(hours) != 2 || minutes != "" && len(minutes) != 2 || !digits(hours+minutes) || h > 14 || m > 59 {
		return s, 0, false, false
	}
	offset = h*3600 + m*60
	if s[at] == '-' {
		offset = -offset
	}
	return strings.TrimSpace(s[:at]), offset, true, true
}

// parseTime reads a time of day. Digits alone are HHMMSS without leading zeros
// (90036 is 09:00:36), or HHMM when short. The standard allows both; only the whole
// file shows which one it uses.
func parseTime(s string, short bool) (clock, error) {
	if s == "" {
		return clock{}, nil
	}
	s, offset, zoned, ok := cutZone(s)
	if !ok || s == "" {
		return clock{}, errTime
	}
	at, err := wallTime(s, short)
	if err != nil {
		return clock{}, err
	}
	at.offset, at.zoned = offset, zoned
	return at, nil
}

func wallTime(s string, short bool) (clock, error) {
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
	if !digits(fraction) || len(fraction) > 9 {
		return clock{}, errTime
	}
	micros, _ := strconv.ParseInt((fraction + "000000")[:6], 10, 64)
	return clock{micros: total*second + micros, known: true}, nil
}

// once returns an error where the clocks of the zone show the time of day twice on
// the date, or never.
func once(d day, c clock, zone *time.Location) error {
	if !d.known || !c.known || c.zoned {
		return nil
	}
	utc := instant(d, c, time.UTC)
	_, before := utc.Add(-24 * time.Hour).In(zone).Zone()
	_, after := utc.Add(24 * time.Hour).In(zone).Zone()
	if before == after {
		return nil
	}
	shown := 0
	for _, offset := range []int{before, after} {
		at := utc.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(zone).Zone(); is == offset {
			shown++
		}
	}
	switch shown {
	case 0:
		return errNever
	case 2:
		return errTwice
	}
	return nil
}

// instant places a time of day of a date in its own zone, else in zone. Without a
// time of day only the day is known.
func instant(d day, c clock, zone *time.Location) time.Time {
	if !c.known {
		return event.OnDay(d.date)
	}
	if c.zoned {
		zone = time.FixedZone("", c.offset)
	}
	year, month, dom := d.date.Civil()
	seconds := int(c.micros / second)
	return time.Date(year, month, dom, seconds/3600, seconds/60%60, seconds%60, int(c.micros%second)*1000, zone)
}
