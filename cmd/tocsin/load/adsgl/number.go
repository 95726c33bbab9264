package adsgl

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"tocsin/rules/money"
)

var (
	errAmount      = errors.New("is not an amount: want digits, an optional sign and a decimal mark")
	errSymbol      = errors.New("has the sign or code of a currency: export the bare number, and name the currency in the column Amount_Currency or with --currency")
	errIndicator   = errors.New("has debit or credit behind the number: export it as a column of its own, Amount_Credit_Debit_Indicator")
	errGrouping    = errors.New("has separators that are not in front of each three digits: export the column without separators")
	errAmbiguous   = errors.New("is ambiguous: the mark may separate thousands or decimals; name the decimal mark with --decimal . or --decimal ,")
	errBlanks      = errors.New("has blanks between its digits, and no amount decides the decimal mark; name it with --decimal . or --decimal ,")
	errComma       = errors.New("is written with a decimal comma; read such a file with --decimal ,")
	errNotPoint    = errors.New("is written with a decimal comma, and the decimal mark is the point; see --decimal")
	errNotComma    = errors.New("is written with a decimal point, and the decimal mark is the comma; see --decimal")
	errRoundAmount = errors.New("is rounded to powers of ten, as a spreadsheet shows a large number; export the column as text")
	errRoundID     = errors.New("is rounded to powers of ten, as a spreadsheet shows a long number; export the column as text")
	errEmptyCell   = errors.New("is empty: fill it in, or leave the line out with --skip-lines")
)

// rounded is a number as a spreadsheet shows it when it has too many digits.
var rounded = regexp.MustCompile(`^[-+]?\d(?:[.,]\d+)?[eE]\+\d{1,3}$`)

func isRounded(s string) bool { return strings.LastIndexByte(s, '+') > 1 && rounded.MatchString(s) }

// evidence is what the form of an amount shows of the decimal mark.
type evidence int8

const (
	malformed evidence = iota
	plainForm          // no mark
	pointForm          // the point is the decimal mark, or commas separate thousands
	commaForm
	eitherForm // 612.000 or 612,000
)

// oneMark writes each mark that separates thousands and never decimals as an
// apostrophe: typographic apostrophes, and blanks that do not break.
func oneMark(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return groupMarks.Replace(s)
		}
	}
	return s
}

var groupMarks = strings.NewReplacer("’", "'", "\u00a0", "'", "\u202f", "'", "\u2009", "'")

// unsign takes the sign off an amount: in front of it, behind it (SAP), or as
// parentheses.
func unsign(s string) (negative bool, rest string) {
	s = strings.ReplaceAll(s, "\u2212", "-")
	switch {
	case len(s) > 1 && s[0] == '(' && s[len(s)-1] == ')':
		negative, s = true, s[1:len(s)-1]
	case s[0] == '-' || s[0] == '+':
		negative, s = s[0] == '-', s[1:]
	case s[len(s)-1] == '-' || s[len(s)-1] == '+':
		negative, s = s[len(s)-1] == '-', s[:len(s)-1]
	}
	return negative, strings.TrimSpace(s)
}

// evidenceOf reads the form of an amount without its sign.
func evidenceOf(s string) evidence {
	if strings.Trim(s, "0123456789.,'") != "" || strings.Trim(s, ".,'") == "" {
		return malformed
	}
	points, commas, quotes := strings.Count(s, "."), strings.Count(s, ","), strings.Count(s, "'")
	switch {
	case points == 0 && commas == 0:
		return plainForm
	case points > 0 && commas > 0 && quotes > 0:
		return malformed
	case points > 0 && commas > 0:
		lastIsPoint := strings.LastIndexByte(s, '.') > strings.LastIndexByte(s, ',')
		switch {
		case lastIsPoint && points == 1:
			return pointForm
		case !lastIsPoint && commas == 1:
			return commaForm
		}
		return malformed
	}
	mark, decimal, grouping := ".", pointForm, commaForm
	if commas > 0 {
		mark, decimal, grouping = ",", commaForm, pointForm
	}
	before, after, _ := strings.Cut(s, mark)
	switch {
	case points+commas > 1 && quotes > 0:
		return malformed
	case points+commas > 1 && !grouped(s, mark):
		return malformed
	case points+commas > 1:
		return grouping
	case quotes == 0 && len(after) == 3 && len(before) > 0 && len(before) <= 3 && before[0] != '0':
		return eitherForm
	}
	return decimal
}

var (
	indicated = regexp.MustCompile(`(?i)\d\s*(?:dr|cr|d|c|db|s|h)\.?$`)
	symbol    = regexp.MustCompile(`^(?:\p{Sc}|[A-Z]{3})\s*[-+]?[\d.,' ]+$|^[\d.,' ]+(?:\p{Sc}|[A-Z]{3})$`)
)

// whyMalformed returns the error of an amount without its sign that has none of the
// forms.
func whyMalformed(s string) error {
	switch {
	case indicated.MatchString(s):
		return errIndicator
	case symbol.MatchString(s):
		return errSymbol
	case strings.Trim(s, "0123456789.,'") == "" && strings.ContainsAny(s, "0123456789"):
		return errGrouping
	}
	return errAmount
}

// parseAmount reads an amount as ledgers print it, exactly. Next to the plain
// form it takes a sign behind the digits (SAP), parentheses for a negative
// amount, leading zeros and separators of thousands. mark is the decimal mark,
// or 0 where neither the caller nor the file decides it: then an amount with a
// decimal comma is refused, and so is one that may be either.
func parseAmount(s string, mark byte) (money.Amount, error) {
	if s == "" {
		return money.Amount{}, errEmptyCell
	}
	negative, body := unsign(s)
	body = oneMark(body)
	if mark != 0 {
		body = strings.ReplaceAll(body, " ", "'")
	}
	switch form := evidenceOf(body); {
	case isRounded(s):
		return money.Amount{}, errRoundAmount
	case form == malformed && mark == 0 && evidenceOf(strings.ReplaceAll(body, " ", "'")) != malformed:
		return money.Amount{}, errBlanks
	case form == malformed:
		return money.Amount{}, whyMalformed(body)
	case mark == 0 && form == eitherForm:
		return money.Amount{}, errAmbiguous
	case mark == 0 && form == commaForm:
		return money.Amount{}, errComma
	case mark == '.' && form == commaForm:
		return money.Amount{}, errNotPoint
	case mark == ',' && form == pointForm:
		return money.Amount{}, errNotComma
	}
	decimal, thousands := ".", ","
	if mark == ',' {
		decimal, thousands = ",", "."
	}
	whole, fraction, _ := strings.Cut(body, decimal)
	if strings.Contains(whole, "'") {
		thousands = "'"
	}
	if strings.Contains(whole, thousands) {
		if !grouped(whole, thousands) {
			return money.Amount{}, errGrouping
		}
		whole = strings.ReplaceAll(whole, thousands, "")
	}
	if !digits(whole) || !digits(fraction) || whole+fraction == "" {
		return money.Amount{}, errAmount
	}
	plain := strings.TrimLeft(whole, "0")
	if plain == "" {
		plain = "0"
	}
	if fraction != "" {
		plain += "." + fraction
	}
	a, err := money.Parse(plain)
	if err != nil {
		return money.Amount{}, err
	}
	if negative {
		a = a.Neg()
	}
	return a, nil
}

// grouped reports whether a mark cuts digits into groups of three.
func grouped(s, mark string) bool {
	groups := strings.Split(s, mark)
	if n := len(groups[0]); n == 0 || n > 3 {
		return false
	}
	for _, g := range groups[1:] {
		if len(g) != 3 {
			return false
		}
	}
	return true
}

// digits reports whether s has nothing but digits; "" has.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// side is the side of a line.
type side byte

const (
	debit  side = 'D'
	credit side = 'C'
)

func (s side) String() string {
	if s == credit {
		return "C"
	}
	return "D"
}

func (s side) other() side {
	if s == credit {
		return debit
	}
	return credit
}

var sides = map[string]side{
	"d": debit, "dr": debit, "debit": debit, "s": debit, "soll": debit,
	"c": credit, "cr": credit, "credit": credit, "h": credit, "haben": credit,
}

var errSide = errors.New("is not an indicator: want D, DR, Debit or S, C, CR, Credit or H")

func parseSide(s string) (side, error) {
	if s == "" {
		return 0, errEmptyCell
	}
	v, ok := sides[strings.ToLower(s)]
	if !ok {
		return 0, errSide
	}
	return v, nil
}
