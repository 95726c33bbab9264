package dialect

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/rules/calendar"
	"tocsin/rules/diag"
)

// Const is a param of a rule: a value that the pack's author wrote, with its
// unit.
type Const struct {
	Value Value
	Text  string // as written
}

// String writes the value with its unit.
func (c Const) String() string { return c.Value.String() }

// TextConst is the constant of a text.
func TextConst(s string) Const {
	return Const{Value: Value{Type: Type{Kind: Text}, Text: s}, Text: strconv.Quote(s)}
}

var (
	amountForm   = regexp.MustCompile(`^([A-Z]{3}) *(-?[0-9._]+)$`)
	percentForm  = regexp.MustCompile(`^(-?[0-9._]+) *%$`)
	durationForm = regexp.MustCompile(`^([0-9_]+) *([A-Za-z]+)$`)
	dateForm     = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
	listForm     = regexp.MustCompile(`^\[ *".*\]$`)
	clockForm    = regexp.MustCompile(`^[0-9]{1,2}:[0-9]{2}(:[0-9]{2})?$`)
	otherDate    = regexp.MustCompile(`^[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}$`)
	otherAmount  = regexp.MustCompile(`^(?:[A-Z]{3}|(?:US)?[$€£¥]) *` + writtenNumber + `$|^` + writtenNumber + ` *(?:[A-Z]{3}|[$€£¥])$`)
	otherPercent = regexp.MustCompile(`^(-?[0-9][0-9.,_' ]*?) *(?:%|(?i:per ?cent))$`)
	instantForm  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]`)
)

const writtenNumber = `-?[0-9][0-9.,_' ]*(?:` + diag.Magnitudes + `)?`

const constHint = `write USD 1_000_000.00, 5%, 0.75, 120, 5 days, 4h, 2026-01-31, 2026-01-31T17:30:00-05:00, true, "a text" or ["a", "b"]`

var timeUnits = map[string]int64{
	"s": second, "second": second, "seconds": second,
	"m": minute, "min": minute, "minute": minute, "minutes": minute,
	"h": hour, "hour": hour, "hours": hour,
	"d": day, "day": day, "days": day,
	"week": 7 * day, "weeks": 7 * day,
}

// ParseConst reads the value of a param: an amount with its currency
// (USD 1_000_000.00), a percentage (5%), a plain number (0.75, 120), a duration
// (5 days, 4h, 30 minutes), a date, an instant, true or false, a text in quotes
// or a list of them. A YAML scalar in quotes is a text, which the rune before
// src.Column shows when src.FileText is given; only a list, which YAML would
// otherwise read itself, is a list in quotes too: '["a", "b"]'.
func ParseConst(src Source) (Const, diag.List) {
	text := strings.TrimSpace(src.Text)
	c := Const{Text: text}
	at := span{0, max(utf8.RuneCountInString(src.Text), 1)}
	if src.quoted() && !listForm.MatchString(text) {
		return TextConst(src.Text), nil
	}
	v, problem, hint := parseConst(text)
	if problem != "" {
		return c, diag.List{src.mistake(CodeConst, at, problem, hint)}
	}
	c.Value = v
	return c, nil
}

func parseConst(text string) (v Value, problem, hint string) {
	hint = constHint
	switch {
	case text == "":
		problem = "the value is empty"
	case text == "true" || text == "false":
		v = Value{Type: Type{Kind: Bool}, Bool: text == "true"}
	case text[0] == '"' || text[0] == '\'':
		if len(text) < 2 || text[len(text)-1] != text[0] {
			return v, "the text has no closing quote", "close it with the quote that it begins with"
		}
		v = Value{Type: Type{Kind: Text}, Text: text[1 : len(text)-1]}
		if text[0] == '"' && json.Unmarshal([]byte(text), &v.Text) != nil {
			problem, hint = "the text cannot be read: it has an escape or a quote that is not closed", `write \" for a quote and \\ for a backslash in the text`
		}
	case text[0] == '[':
		v.Type.Kind = Texts
		if json.Unmarshal([]byte(text), &v.Texts) != nil {
			problem, hint = "the list cannot be read", `write texts in double quotes: ["a", "b"]`
		}
	case amountForm.MatchString(text):
		m := amountForm.FindStringSubmatch(text)
		v, problem = amount(m[1], m[2])
		if hint = "write an amount such as USD 1_000_000.00"; !number.MatchString(strings.TrimPrefix(m[2], "-")) {
			hint = "write " + amountOf(text)
		}
	case percentForm.MatchString(text):
		v, problem = percentage(percentForm.FindStringSubmatch(text)[1])
		hint = "write 5% or 7.5%"
	case dateForm.MatchString(text):
		d, err := calendar.ParseDate(text)
		if err != nil {
			problem, hint = text+" is not a date", "write a day that exists, as 2026-11-23"
		}
		v = Value{Type: Type{Kind: Date}, Date: d}
	case instantForm.MatchString(text):
		t, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			problem, hint = text+" is not an instant", "write date, time and offset: 2026-01-31T17:30:00-05:00"
		}
		v = Value{Type: Type{Kind: Instant}, Instant: t}
	case clockForm.MatchString(text):
		return v, text + " is not a value: a time of day is written as the duration since midnight", "write " + sinceMidnight(text)
	case otherDate.MatchString(text):
		iso := isoDate(text)
		if iso == "" {
			iso = "2026-01-31"
		}
		return v, text + " is not a date", "write year, month and day: " + iso
	case otherAmount.MatchString(text):
		problem = "the amount " + text + " is not written as amounts are here"
		if unicode.IsDigit(rune(strings.TrimPrefix(text, "-")[0])) {
			problem = "the currency stands behind the amount"
		}
		return v, problem, "write " + amountOf(text)
	case otherPercent.MatchString(text):
		m := otherPercent.FindStringSubmatch(text)
		hint = "write 5% or 7.5%"
		if n := diag.Number(m[1]); n != "" {
			hint = "write " + n + "%"
		}
		return v, "the percentage " + text + " is not written as percentages are here", hint
	case durationForm.MatchString(text):
		return parseDuration(durationForm.FindStringSubmatch(text))
	default:
		digits, minus := strings.CutPrefix(text, "-")
		if digits == "" || digits[0] < '0' || digits[0] > '9' {
			return v, text + " is not a value: a text stands in quotes, an amount has its currency in front", constHint
		}
		v, problem = plainNumber(digits)
		hint = asNumber(text)
		if minus {
			v, _ = negative(v)
		}
	}
	return v, problem, hint
}

// parseDuration reads the parts of durationForm.
func parseDuration(m []string) (v Value, problem, hint string) {
	unit, found := timeUnits[m[2]]
	if digits := diag.Number(m[0]); digits != "" && !found {
		return v, m[2] + " is no part of a number", "write the digits: " + digits + ", or USD " + digits
	}
	if !found {
		return v, "there is no unit of time " + m[2], "write seconds, minutes, hours, days or weeks: 5 days, 4h, 30 min"
	}
	n, problem := plainNumber(m[1])
	if problem != "" {
		return v, problem, numberHint
	}
	micros, ok := mulInt(n.Int, unit)
	if !ok {
		return v, "the duration is too long", "durations up to 290,000 years can be written"
	}
	return Value{Type: Type{Kind: Duration}, Int: micros}, "", ""
}

// quoted reports whether a YAML quote stands before the text.
func (s *Source) quoted() bool {
	if s.FileText == "" || s.Column < 2 {
		return false
	}
	line := []rune(diag.SourceLine(s.FileText, s.Line))
	if s.Column-2 >= len(line) {
		return false
	}
	q := line[s.Column-2]
	return q == '"' || q == '\''
}
