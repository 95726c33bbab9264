package calendar

import (
	"fmt"
	"time"
)

// Date is a civil date of the proleptic Gregorian calendar, without a zone:
// the number of days since 0000-12-31, so that 0001-01-01 is 1. The zero Date
// means "absent". Dates compare with ==, < and >.
type Date int32

// unixEpoch is 1970-01-01 as a Date.
const unixEpoch Date = 719163

// NewDate returns the date of a year, month and day. Days beyond the month
// run over into the next one, as they do in time.Date.
func NewDate(year int, month time.Month, day int) Date {
	// Howard Hinnant's days_from_civil: years begin in March, so that the
	// leap day is the last day of a year.
	y, m := year, int(month)
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv(y, 400)
	yoe := y - era*400
	doy := (153*(m-3) + 2) / 5
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return Date(era*146097 + doe - 719468 + day - 1 + int(unixEpoch))
}

// DateOf returns the civil date of an instant in the instant's own location.
func DateOf(t time.Time) Date {
	_, offset := t.Zone()
	seconds := t.Unix() + int64(offset)
	days := seconds / 86400
	if seconds%86400 < 0 {
		days--
	}
	return Date(days) + unixEpoch
}

// ParseDate reads the form 2026-11-23 and nothing else. The error names what
// is wrong and the form that is right.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a date: write it as 2026-11-23, a day that exists", s)
	}
	return DateOf(t), nil
}

// Civil returns year, month and day. It must not be called on the zero Date.
func (d Date) Civil() (year int, month time.Month, day int) {
	z := int(d-unixEpoch) + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = doy - (153*mp+2)/5 + 1
	m := mp + 3
	if m > 12 {
		m -= 12
	}
	year = yoe + era*400
	if m <= 2 {
		year++
	}
	return year, time.Month(m), day
}

// Year returns the year of the date.
func (d Date) Year() int {
	y, _, _ := d.Civil()
	return y
}

// IsZero reports whether the date is absent.
func (d Date) IsZero() bool { return d == 0 }

// AddDays returns the date n days later, or earlier when n is negative. It is
// civil arithmetic: a day is a day whether it has 23, 24 or 25 hours.
func (d Date) AddDays(n int) Date { return d + Date(n) }

// Weekday returns the day of the week. It must not be called on the zero Date.
func (d Date) Weekday() time.Weekday {
	// 0001-01-01, Date 1, is a Monday.
	return time.Weekday(((int(d) % 7) + 7) % 7)
}

// At returns the instant at which clocks in loc show hour:minute on the date.
func (d Date) At(hour, minute int, loc *time.Location) time.Time {
	y, m, day := d.Civil()
	return time.Date(y, m, day, hour, minute, 0, 0, loc)
}

// String returns the form 2026-11-23, or the empty string for an absent date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	y, m, day := d.Civil()
	return fmt.Sprintf("%04d-%02d-%02d", y, int(m), day)
}

// MarshalText is String as bytes, so that dates appear as text in JSON.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes; the empty text is the absent
// date.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
