package diag

import (
	"regexp"
	"strings"
)

var (
	numeral  = regexp.MustCompile(`^(-?)([0-9]|[0-9][0-9._, '’]*[0-9])(?: *(` + Magnitudes + `))?$`)
	wholeAs  = regexp.MustCompile(`^(0|[1-9][0-9]*)$`)
	fraction = regexp.MustCompile(`^[0-9]+$`)
)

// Magnitudes is a regular expression of the words that people write for zeros.
const Magnitudes = `(?i:k|thousand|mn|m|million|bn|billion)`

// magnitudes are their numbers of zeros.
var magnitudes = map[string]int{"k": 3, "thousand": 3, "m": 6, "mn": 6, "million": 6, "bn": 9, "billion": 9}

// Number writes a number with separators, such as 1,000.50 or 1.000,50, or with a
// word, such as 1.5 million, in the form of packs: 1_000.50. It returns "" for a text that is no number. A single comma
// before exactly three digits separates thousands; any other single comma, and
// every single point, is a decimal mark.
func Number(text string) string {
	m := numeral.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return ""
	}
	body := m[2]
	whole, decimals := body, ""
	if i := strings.LastIndexAny(body, ".,"); i >= 0 {
		mark, other := body[i:i+1], ","
		if mark == "," {
			other = "."
		}
		thousands := mark == "," && !strings.Contains(body, ".") && len(body)-i == 4 && body[:i] != "0"
		switch {
		case strings.Count(body, mark) > 1 && strings.Contains(body, other):
			return ""
		case strings.Count(body, mark) == 1 && !thousands:
			if whole, decimals = body[:i], body[i+1:]; !fraction.MatchString(decimals) {
				return ""
			}
		}
	}
	digits := strings.NewReplacer(".", "", ",", "", "_", "", " ", "", "'", "", "’", "").Replace(whole)
	if !wholeAs.MatchString(digits) {
		return ""
	}
	if m[3] != "" {
		zeros := magnitudes[strings.ToLower(m[3])]
		decimals += strings.Repeat("0", max(zeros-len(decimals), 0))
		digits, decimals = strings.TrimLeft(digits+decimals[:zeros], "0"), decimals[zeros:]
	}
	if digits != whole {
		digits = grouped(digits)
	}
	if decimals != "" {
		digits += "." + decimals
	}
	return m[1] + digits
}

// grouped puts _ between groups of three digits.
func grouped(digits string) string {
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte('_')
		}
		b.WriteRune(d)
	}
	return b.String()
}
