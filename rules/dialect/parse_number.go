package dialect

import (
	"regexp"
	"strconv"
	"strings"

	"tocsin/rules/event"
	"tocsin/rules/money"
)

// number is the grammar of numbers in packs: no exponent, no other base, no
// leading zero or point, and underscores only between groups of three digits,
// where 1_00_000 would be a slip of the pen.
var number = regexp.MustCompile(`^(0|[1-9][0-9]{0,2}(_[0-9]{3})+|[1-9][0-9]*)(\.[0-9]+)?$`)

const numberHint = "write digits, groups of three with _ if you like, and a point: 5_000_000 or 0.75"

// plainNumber reads the text of a number without a unit: an Int, or with a
// point a Rate. problem is "" when it can be read.
func plainNumber(text string) (v Value, problem string) {
	if !number.MatchString(text) {
		return v, "the number " + text + " is not written as numbers are here"
	}
	digits := strings.ReplaceAll(text, "_", "")
	if strings.Contains(digits, ".") {
		r, err := money.ParseRate(digits)
		if err != nil {
			return v, "the number " + text + " " + err.Error()
		}
		return Value{Type: Type{Kind: Rate}, Rate: r}, ""
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return v, "the number " + text + " is too large: 9_223_372_036_854_775_807 is the largest"
	}
	return Value{Type: Type{Kind: Int}, Int: n}, ""
}

// amount reads the text of an amount in a currency.
func amount(currency, text string) (v Value, problem string) {
	digits, negative := strings.CutPrefix(text, "-")
	if !number.MatchString(digits) {
		return v, "the amount " + text + " is not written as numbers are here"
	}
	a, err := money.Parse(strings.ReplaceAll(digits, "_", ""))
	if err != nil {
		return v, "the amount " + text + " " + err.Error()
	}
	if negative {
		a = a.Neg()
	}
	return Value{Type: Type{Kind: Money, Unit: event.Unit(currency)}, Money: a}, ""
}

// percentage reads the text before a percent sign.
func percentage(text string) (v Value, problem string) {
	digits, negative := strings.CutPrefix(text, "-")
	if !number.MatchString(digits) {
		return v, "the percentage " + text + "% is not written as numbers are here"
	}
	r, err := money.ParseRate(strings.ReplaceAll(digits, "_", ""))
	if err == nil {
		r, err = money.Percent(r)
	}
	if err != nil {
		return v, "the percentage " + text + "% " + err.Error()
	}
	if negative {
		r = negRate(r)
	}
	return Value{Type: Type{Kind: Rate, Unit: event.Fraction}, Rate: r}, ""
}

// negative returns -v for a constant number.
func negative(v Value) (Value, bool) {
	switch v.Type.Kind {
	case Int, Duration:
		v.Int = -v.Int
	case Money:
		v.Money = v.Money.Neg()
	case Rate:
		v.Rate = negRate(v.Rate)
	default:
		return v, false
	}
	return v, true
}
